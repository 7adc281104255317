/** The demo as a web application: its files, apart from all other sites, so that the page may share memory with its worker. */
import path from 'node:path';
import { Hono } from 'hono';
import { ISOLATED, safeHeaders } from '../headers.js';
import type { DemoFiles } from './demo-files.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
};

const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** @param isolated false: without the headers that let a page share memory, as most static servers. */
export function demoApp(files: DemoFiles, isolated = true): Hono {
  const app = new Hono();
  app.use(safeHeaders(POLICY, isolated ? ISOLATED : {}));
  app.get('/:file?', (context) => {
    const name = context.req.param('file') ?? 'index.html';
    const file = files.get(name);
    const type = TYPES[path.extname(name)] ?? 'application/octet-stream';
    return file
      ? context.body(file, 200, { 'Content-Type': type, 'Content-Length': String(file.length) })
      : context.notFound();
  });
  return app;
}
