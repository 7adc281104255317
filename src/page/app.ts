/** The web application: the page, its script and style, and the run's events. It only ever reads. */
import { Hono, type Context } from 'hono';
import { streamSSE, type SSEStreamingApi } from 'hono/streaming';
import { loopbackOnly, tokenNeeded } from './access.js';
import { SERVER_POLICY, serverDocument, type PageFiles } from './document.js';
import type { PageEvent } from './page-event.js';
import { safeHeaders } from './headers.js';
import type { RunFeed } from './run-feed.js';

/** Told to the browser: how soon to come back after the server went away. */
const RETRY_MS = 1000;
/** While nothing happens, a sign of life. */
const BEAT_MS = 4000;
/** Events in one message: large runs appear in pieces. */
const CHUNK = 400;

/** `token`: needed by everybody; without one only requests to a loopback name are answered. */
export function pageApp(feed: RunFeed, files: PageFiles, token: string | undefined): Hono {
  const app = guarded(token);
  app.get('/', (context) => context.html(serverDocument()));
  pageAssets(app, '', files);
  app.get('/events', (context) => {
    const since = placeSaid(context);
    return streamSSE(context, (stream) => tellEvents(feed, stream, since));
  });
  return app;
}

/** The last message that a reader got: browsers say it where a connection broke, the page where it made a new one after it was out of sight. */
export function placeSaid({ req }: Context): string | undefined {
  return req.header('last-event-id') ?? req.query('since');
}

/** An application that answers only those who may see it, with headers that keep everything else out. */
export function guarded(token: string | undefined): Hono {
  const app = new Hono();
  app.use(safeHeaders(SERVER_POLICY));
  app.use(token === undefined ? loopbackOnly() : tokenNeeded(token));
  return app;
}

/** Script and style of the pages below `path`. */
export function pageAssets(app: Hono, path: string, files: PageFiles): void {
  app.get(`${path}/page.js`, (context) =>
    context.body(files.script, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }),
  );
  app.get(`${path}/page.css`, (context) =>
    context.body(files.style, 200, { 'Content-Type': 'text/css; charset=utf-8' }),
  );
}

/** Tells one reader everything, at the pace at which it takes it. `since`: the last message that it got, if it was here before. */
export async function tellEvents(feed: RunFeed, stream: SSEStreamingApi, since: string | undefined): Promise<void> {
  let [session, next] = placeOf(since);
  while (!stream.aborted && !stream.closed) {
    if (session !== feed.session || next > feed.count) {
      session = feed.session;
      next = feed.count;
      await stream.writeSSE({ event: 'reset', data: JSON.stringify({ name: feed.name }), retry: RETRY_MS });
      await tellSnapshot(stream, feed.snapshot(), `${session}:${next}`);
    } else if (next < feed.count) {
      const { events, next: after } = feed.from(next, CHUNK);
      next = after;
      await stream.writeSSE({ event: 'events', data: JSON.stringify(events), id: `${session}:${next}` });
    } else if (feed.ended) {
      return;
    } else {
      await feed.changed(BEAT_MS);
      if (session === feed.session && next === feed.count && !feed.ended)
        await stream.writeSSE({ event: 'beat', data: JSON.stringify({ quietMs: feed.quietMs }) });
    }
  }
}

/** Only the last piece is numbered: a reader that is cut off before starts again. */
async function tellSnapshot(stream: SSEStreamingApi, events: readonly PageEvent[], id: string): Promise<void> {
  for (let start = 0; start < events.length; start += CHUNK) {
    const last = start + CHUNK >= events.length;
    await stream.writeSSE({
      event: 'events',
      data: JSON.stringify(events.slice(start, start + CHUNK)),
      ...(last ? { id } : {}),
    });
  }
}

function placeOf(id: string | undefined): [session: string, next: number] {
  const [session = '', next = ''] = (id ?? '').split(':');
  return /^\d+$/.test(next) ? [session, Number(next)] : ['', 0];
}
