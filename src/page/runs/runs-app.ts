/** The web application of many runs: their page, what they are as JSON, and below it the page of each. It only ever reads. */
import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { guarded, pageAssets, placeSaid, tellEvents } from '../app.js';
import { serverDocument, type PageFiles } from '../document.js';
import type { RunsFeed } from './runs-feed.js';
import type { RunsSummary } from './run-summary.js';

/** Pages of several readers ask often; the folder is not looked through more often than this. */
const FRESH_MS = 1000;

export function runsApp(feed: RunsFeed, files: PageFiles, token: string | undefined): Hono {
  const app = guarded(token);
  let latest: { readonly at: number; readonly json: string; readonly etag: string } | undefined;
  const summary = (): { readonly json: string; readonly etag: string } => {
    if (latest && performance.now() - latest.at < FRESH_MS) return latest;
    const json = JSON.stringify(feed.summary() satisfies RunsSummary);
    latest = { at: performance.now(), json, etag: `"${createHash('sha256').update(json).digest('hex').slice(0, 32)}"` };
    return latest;
  };
  app.get('/', (context) => context.html(serverDocument('runs')));
  pageAssets(app, '', files);
  app.get('/runs.json', (context) => {
    const { json, etag } = summary();
    if (context.req.header('if-none-match') === etag) return context.body(null, 304, { ETag: etag });
    return context.body(json, 200, { 'Content-Type': 'application/json; charset=utf-8', ETag: etag });
  });
  app.get('/run/:id/', (context) =>
    feed.open(context.req.param('id'))
      ? context.html(serverDocument('run-of-many'))
      : context.text('There is no such run.\n', 404),
  );
  pageAssets(app, '/run/:id', files);
  app.get('/run/:id/events', (context) => {
    const run = feed.open(context.req.param('id'));
    if (!run) return context.text('There is no such run.\n', 404);
    const since = placeSaid(context);
    return streamSSE(context, (stream) => tellEvents(run, stream, since));
  });
  return app;
}
