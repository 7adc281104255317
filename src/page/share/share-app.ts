/** The web application of a shared run: the page, what the run is, and its data. The relay (relay-server.ts) has the same port. */
import type { Context } from 'hono';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { getConnInfo } from '@hono/node-server/conninfo';
import { getCookie, setCookie } from 'hono/cookie';
import { isLoopback } from '../access.js';
import { nodeDocument } from '../document.js';
import { ISOLATED, safeHeaders } from '../headers.js';
import type { Guest, Guests, Refusal } from './guests.js';
import type { SharedRun } from './shared-run.js';

/** Scripts, workers and connections of the page's own server only; nothing inline. WebAssembly is compiled from there, too. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface ShareSetting {
  readonly guests: Guests;
  readonly shared: SharedRun;
  /** Name of the cookie with a guest's secret. */
  readonly cookie: string;
  readonly secure: boolean;
  readonly hosts: Hosts;
  /** A guest closes the tab of that name. */
  readonly leaves: (guest: Guest, tab: string) => void;
  /** Files of the page below /node/, with their types. */
  readonly files: ReadonlyMap<string, { readonly type: string; readonly body: Uint8Array<ArrayBuffer> }>;
  /** The dataset, packed; compressed by gzip if asked. */
  readonly data: (gzip: boolean) => Promise<Uint8Array<ArrayBuffer>>;
}

const WORDS: Readonly<Record<Refusal, [status: 401 | 403 | 410 | 429, text: string]>> = {
  wrong: [401, 'This link is not valid. Ask whoever shares the run for the right one.'],
  expired: [410, 'This link has expired. Ask whoever shares the run for a new one.'],
  full: [403, 'This link has let in as many browsers as it may. Ask whoever shares the run for a new one.'],
  'too-often': [429, 'Too many wrong links came from your address. Try again in a minute.'],
};

export function shareApp(setting: ShareSetting): Hono {
  const { guests, shared, cookie, secure, hosts, files } = setting;
  const app = new Hono();
  app.use(safeHeaders(POLICY, ISOLATED));
  app.use(async (context, next) => {
    if (!isOurHost(hosts, context.req.header('host')))
      return context.text('This page is for this machine only.\n', 403);
    const origin = context.req.header('origin');
    if (origin !== undefined && !isSameOrigin(origin, context.req.header('host')))
      return context.text('Pages of other sites get nothing here.\n', 403);
    return next();
  });
  const guestOf = (context: Context): Guest | undefined => guests.of(getCookie(context, cookie));
  app.get('/', (context) => context.html(nodeDocument()));
  app.get('/node/:file', (context) => {
    const file = files.get(context.req.param('file'));
    return file ? context.body(file.body, 200, { 'Content-Type': file.type }) : context.notFound();
  });
  app.post('/join', bodyLimit({ maxSize: 1000 }), async (context) => {
    const body: unknown = await context.req.json().catch(() => undefined);
    const token = typeof body === 'object' && body !== null && 'token' in body ? body.token : undefined;
    const joined = guestOf(context) ?? guests.join(typeof token === 'string' ? token : '', addressOf(context));
    if (typeof joined === 'string') {
      const [status, error] = WORDS[joined];
      return context.json({ error }, status);
    }
    setCookie(context, cookie, joined.secret, { httpOnly: true, sameSite: 'Strict', secure, path: '/' });
    return context.json(shared);
  });
  app.post('/leaving', bodyLimit({ maxSize: 100 }), async (context) => {
    const guest = guestOf(context);
    if (guest) setting.leaves(guest, await context.req.text());
    return context.body(null, 204);
  });
  app.get('/data', async (context) => {
    if (!guestOf(context)) return context.text('Open the link first.\n', 401);
    if (shared.dataBytes === undefined) return context.notFound();
    const gzip = (context.req.header('accept-encoding') ?? '').includes('gzip');
    const more: Record<string, string> = gzip ? { 'Content-Encoding': 'gzip' } : {};
    return context.body(await setting.data(gzip), 200, { 'Content-Type': 'application/octet-stream', ...more });
  });
  return app;
}

/** Where only this machine is served: the name of a proxy before it, which is answered besides those of the machine. Undefined: all are. */
export type Hosts = { readonly alsoHost: string | undefined } | undefined;

export function isOurHost(hosts: Hosts, host = ''): boolean {
  const name = withoutPort(host);
  return hosts === undefined || isLoopback(name) || name === hosts.alsoHost;
}

/** Whether a page of that origin is one of the server's own. */
export function isSameOrigin(origin: string | undefined, host: string | undefined): boolean {
  try {
    return origin !== undefined && host !== undefined && new URL(origin).host === host;
  } catch {
    return false;
  }
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}

function addressOf(context: Context): string {
  return getConnInfo(context).remote.address ?? '';
}
