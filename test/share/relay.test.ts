/** What a browser may do that came by a link, and who is not let in: over real sockets, before a real server. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { WebSocket } from 'ws';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { unpackDataset } from '../../src/data/packed.js';
import { loadDataset } from '../../src/data/sources/load.js';
import { Guests } from '../../src/page/share/guests.js';
import { shareRun, type SharedByLink, type ShareOptions } from '../../src/page/share/share.js';
import { sharedRunSchema } from '../../src/page/share/shared-run.js';
import { MAX_RECORD_BYTES } from '../../src/store/cluster/records.js';
import { decodeFrame, encodeFrame, type RelayCall } from '../../src/store/relay/frames.js';
import { RelayEngine } from '../../src/store/relay/relay-engine.js';
import { Fleet } from '../cluster/fleet.js';
import { freePort, sleep, type TestServer } from '../cluster/server.js';
import { submitted, until, writeNoise } from './helpers.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-relay-'));
const dataDir = writeNoise(path.join(folder, 'noise'), 200);
const fleet = new Fleet();
const open: SharedByLink[] = [];
let at: TestServer;

/** A node of run `test` needs no more than this (docs/CLUSTER.md). */
const publish = [
  'pff.test.>',
  ...['PFF_RUNS', 'PFF_test_RECORDS', 'PFF_test_STATES'].flatMap((stream) => [
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.DIRECT.GET.${stream}`,
    `$JS.API.DIRECT.GET.${stream}.>`,
  ]),
  '$JS.API.STREAM.PURGE.PFF_test_STATES',
];
const accounts = `authorization { users = [
  { user: boss, password: b }
  { user: share, password: s, permissions { publish: [${publish.map((subject) => `"${subject}"`).join(', ')}], subscribe: ["_INBOX.>", "pff.test.h"] } }
] }`;

beforeAll(async () => {
  at = await fleet.server(accounts);
  await submitted(at, dataDir, { user: 'boss', password: 'b' });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  for (const each of open.splice(0)) await each.close();
});
afterAll(async () => {
  await fleet.end();
  rmSync(folder, { recursive: true, force: true });
});

async function share(
  more: Partial<ShareOptions> = {},
): Promise<{ readonly base: string; readonly token: string; readonly said: string[] }> {
  const said: string[] = [];
  const server = { server: at.url, user: 'share', password: 's' };
  const shared = await shareRun({ server, run: 'test', port: 0, dataDir, say: (line) => said.push(line), ...more });
  open.push(shared);
  shared.ended.catch(() => {});
  const [base, token] = shared.url.split('#') as [string, string];
  return { base, token, said };
}

function join(base: string, token: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(new URL('join', base), { method: 'POST', body: JSON.stringify({ token }), headers });
}

async function cookieOf(base: string, token: string): Promise<string> {
  const response = await join(base, token);
  expect(response.status).toBe(200);
  return (response.headers.get('set-cookie') ?? '').split(';')[0] as string;
}

/** The status with which a socket is refused, or that it is there. */
async function connected(base: string, headers: Record<string, string>, tab = ''): Promise<WebSocket | number> {
  const socket = new WebSocket(new URL(`relay${tab}`, base.replace('http', 'ws')), { headers });
  const [event] = await Promise.race([
    once(socket, 'open').then(() => ['open'] as const),
    once(socket, 'unexpected-response').then(
      ([, response]) => [(response as { statusCode: number }).statusCode] as const,
    ),
  ]);
  return event === 'open' ? socket : event;
}

async function guest(base: string, token: string): Promise<WebSocket> {
  const socket = await connected(base, { cookie: await cookieOf(base, token), origin: new URL(base).origin });
  if (typeof socket === 'number') throw new Error(`refused with ${socket}`);
  return socket;
}

type Json = Record<string, unknown> & { readonly error?: { readonly message: string; readonly kind: string } };

let ids = 0;
async function ask(socket: WebSocket, call: RelayCall, bytes?: Uint8Array): Promise<Json> {
  const id = ids++;
  const answered = new Promise<Json>((resolve) => {
    const look = (data: Buffer): void => {
      const frame = decodeFrame(data);
      const json = frame?.json as Json;
      if (json['id'] !== id) return;
      socket.off('message', look);
      resolve(frame?.bytes.length ? { ...json, bytes: Buffer.from(frame.bytes) } : json);
    };
    socket.on('message', look);
  });
  socket.send(encodeFrame({ id, ...call }, bytes));
  return answered;
}

describe('who is let in', () => {
  it('tells what the run is, gives its data, and keeps all else out', async () => {
    const { base, token } = await share();
    const page = await fetch(base);
    expect(Object.fromEntries(page.headers)).toMatchObject({
      'content-security-policy': expect.stringMatching(
        /default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'/,
      ) as string,
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    });
    expect(await page.text()).not.toMatch(/<script(?! type="module" src)|style=| on\w+=/);
    const worker = await fetch(new URL('node/host-worker.js', base));
    expect([
      worker.status,
      worker.headers.get('content-type'),
      worker.headers.get('cross-origin-embedder-policy'),
    ]).toEqual([200, 'text/javascript; charset=utf-8', 'require-corp']);
    expect((await fetch(new URL('data', base))).status).toBe(401);
    expect((await fetch(new URL('node/../../package.json', base))).status).toBe(404);

    const response = await join(base, token);
    expect(response.headers.get('set-cookie')).toMatch(/; HttpOnly; SameSite=Strict$/);
    const told = sharedRunSchema.parse(await response.json());
    expect(told.record.run).toBe('test');
    const cookie = (response.headers.get('set-cookie') ?? '').split(';')[0] as string;
    const packed = new Uint8Array(await (await fetch(new URL('data', base), { headers: { cookie } })).arrayBuffer());
    expect(packed.length).toBe(told.dataBytes);
    const { digest } = await loadDataset({ dataset: 'idx', dataDir });
    expect([unpackDataset(packed).digest, told.record.dataset.digest]).toEqual([digest, digest]);
    expect(() => unpackDataset(packed.subarray(0, -1))).toThrow('the dataset that came is damaged');
  });

  it('refuses wrong, expired and used links, and soon those who guess', async () => {
    const { base, token } = await share({ browsers: 1 });
    expect((await join(base, token)).status).toBe(200);
    expect(await (await join(base, token)).json()).toEqual({
      error: 'This link has let in as many browsers as it may. Ask whoever shares the run for a new one.',
    });
    for (let i = 0; i < 10; i++) expect((await join(base, `guess${i}`)).status).toBe(401);
    expect((await join(base, 'guess')).status).toBe(429);
    // Nobody is kept out by the guesses of another at the same address, such as a proxy's.
    expect((await join(base, token)).status).toBe(403);

    let now = 0;
    const guests = new Guests({ token: 'right', expiresMs: 1000, most: 5, now: () => now });
    const first = guests.join('right', 'a');
    now = 999;
    expect(guests.join('right', 'a')).toMatchObject({ number: 2 });
    now = 1000;
    expect(guests.join('right', 'a')).toBe('expired');
    expect(guests.of((first as { secret: string }).secret)).toBe(first);
    expect([guests.of('right'), guests.of(undefined)]).toEqual([undefined, undefined]);
  });

  it('refuses pages of other sites, other names of this machine, and sockets of strangers', async () => {
    const { base, token } = await share();
    const { origin, host, port } = new URL(base);
    expect((await join(base, token, { origin: 'http://elsewhere.example' })).status).toBe(403);
    const cookie = await cookieOf(base, token);
    expect(await connected(base, { origin })).toBe(401);
    expect(await connected(base, { cookie: cookie.slice(0, -1), origin })).toBe(401);
    expect(await connected(base, { cookie })).toBe(403);
    expect(await connected(base, { cookie, origin: 'http://elsewhere.example' })).toBe(403);
    expect(
      await connected(base, { cookie, origin: `http://rebound.example:${port}`, host: `rebound.example:${port}` }),
    ).toBe(403);
    expect(typeof (await connected(base, { cookie, origin: `http://${host}` }))).toBe('object');
  });

  it('is reached through a proxy whose address is said', async () => {
    const port = await freePort();
    const { base, token } = await share({ publicUrl: 'https://example.org:8443', port });
    expect(base).toBe('https://example.org:8443/');
    const here = `http://127.0.0.1:${port}/`;
    // fetch does not let the host be said.
    const headers = { host: 'example.org:8443', origin: 'https://example.org:8443' };
    const request = httpRequest(new URL('join', here), { method: 'POST', headers });
    request.end(JSON.stringify({ token }));
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    const [cookie = ''] = response.headers['set-cookie'] ?? [];
    expect(cookie).toContain('Secure');
    const more = { ...headers, cookie: cookie.split(';')[0] as string };
    expect(typeof (await connected(here, more))).toBe('object');
    expect(await connected(here, { ...more, host: 'rebound.example' })).toBe(403);
    await expect(share({ publicUrl: 'example.org/pff' })).rejects.toThrow('must be that of a server');
  });

  it.each(['before', 'after'])('a tab that says goodbye %s its connection ends leaves at once', async (when) => {
    const { base, token, said } = await share();
    const { origin } = new URL(base);
    const headers = { cookie: await cookieOf(base, token), origin };
    const tab = '0123456789abcdef';
    const socket = (await connected(base, headers, `?tab=${tab}`)) as WebSocket;
    const leaving = (by: Record<string, string>): Promise<Response> =>
      fetch(new URL('leaving', base), { method: 'POST', body: tab, headers: by });
    if (when === 'after') {
      socket.terminate();
      await until(() => said.join().includes('browser 1 is gone'));
    }
    // Nobody else's word counts.
    await leaving({ cookie: await cookieOf(base, token) });
    await leaving({});
    expect(said.join()).not.toContain('has closed the page');
    expect((await leaving({ cookie: headers.cookie })).status).toBe(204);
    await until(() => said.join().includes('browser 1 has closed the page'));
  });

  it('ends though those whom it refused keep their connections, and lets one guest have eight', async () => {
    const { base, token } = await share();
    const { port, origin } = new URL(base);
    const stranger = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
    await once(stranger, 'connect');
    stranger.write('GET /relay HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await once(stranger, 'data');
    const cookie = await cookieOf(base, token);
    for (let i = 0; i < 8; i++) expect(typeof (await connected(base, { cookie, origin }))).toBe('object');
    expect(await connected(base, { cookie, origin })).toBe(429);
    const start = performance.now();
    await open.splice(0)[0]?.close();
    expect(performance.now() - start).toBeLessThan(5000);
    stranger.destroy();
  });
});

describe('what a guest may do', () => {
  let socket: WebSocket;
  let said: string[];
  let another: () => Promise<WebSocket>;
  beforeEach(async () => {
    const shared = await share();
    said = shared.said;
    another = () => guest(shared.base, shared.token);
    socket = await guest(shared.base, shared.token);
  });

  it('what nodes do, with no more permissions than a node has', async () => {
    const write = { call: 'write', key: 'refused.me', expected: 0 } as const;
    const { revision } = await ask(socket, write, new TextEncoder().encode('{}'));
    expect(revision).toBeGreaterThan(0);
    expect(await ask(socket, write, new Uint8Array())).not.toHaveProperty('revision');
    expect(await ask(socket, { call: 'read', key: 'refused.me' })).toMatchObject({ key: 'refused.me', revision });
    const chunk = { key: `c0.l0.${'a'.repeat(16)}.0` };
    expect(await ask(socket, { call: 'putChunk', ...chunk }, Uint8Array.of(1, 2))).not.toHaveProperty('error');
    expect(await ask(socket, { call: 'getChunk', ...chunk })).toMatchObject({ found: true });
    expect((await ask(socket, { call: 'chunkKeys' }))['keys']).toEqual([chunk.key]);
    await ask(socket, { call: 'dropChunks', key: 'c0.l0' });
    expect(await ask(socket, { call: 'getChunk', ...chunk })).not.toHaveProperty('found');
  });

  it.each<[string, RelayCall, number?]>([
    ['stop the run', { call: 'write', key: 'stop', expected: 0 }],
    ['write what is no record', { call: 'write', key: 'other', expected: 0 }],
    ['write to another run', { call: 'write', key: 'task.c0.l0.>', expected: 0 }],
    ['write records that are too long', { call: 'write', key: 'task.c0.l0', expected: 0 }, MAX_RECORD_BYTES + 1],
    ['read by wildcards', { call: 'read', key: '*.c0.l0' }],
    ['put chunks elsewhere', { call: 'putChunk', key: 'c0.l0.>' }],
    ['drop all chunks', { call: 'dropChunks', key: '>' }],
    ['drop chunks of all layers', { call: 'dropChunks', key: 'c0.*' }],
    ['put what is no chunk', { call: 'getChunk', key: 'x' }],
  ])('not: %s', async (_, call, size = 2) => {
    const { error } = await ask(
      socket,
      call,
      new Uint8Array(call.call === 'write' || call.call === 'putChunk' ? size : 0),
    );
    expect(error).toMatchObject({ name: 'EngineError', kind: 'denied' });
    expect(said.join('\n')).toContain('browser 1 was refused: ');
  });

  it('nor what the permissions of whoever shares do not give', async () => {
    // The streams are there; a stream that was lost would be made again.
    const { error } = await ask(socket, { call: 'open' });
    expect(error).toBeUndefined();
  });

  it.each<[string, Uint8Array | string, number]>([
    ['text', 'hello', 4400],
    ['no frame', Uint8Array.of(1, 2, 3, 4, 5), 4400],
    ['another request', encodeFrame({ id: 1, call: 'publish', subject: 'x' }), 4400],
    ['more than a chunk', new Uint8Array(2 << 20), 1009],
  ])('is put off the line for %s', async (_, data, code) => {
    socket.send(data);
    expect((await once(socket, 'close'))[0]).toBe(code);
  });

  it.each<[string, boolean, (socket: WebSocket) => void]>([
    ['closed: its node leaves at once', true, (one) => one.close(1001)],
    ['cut off: its lease decides', false, (one) => one.terminate()],
  ])('when its page is %s', async (_, leaves, end) => {
    const node = { v: 1, id: 'tab', name: 'a tab', beat: 3, left: false, doing: 'c0.l0' };
    const key = `node.${leaves ? 7 : 8}`;
    const { revision } = await ask(socket, { call: 'write', key, expected: 0 }, Buffer.from(JSON.stringify(node)));
    expect(revision).toBeGreaterThan(0);
    end(socket);
    await until(() => /browser 1 (has closed the page|is gone)/.test(said.join('\n')));
    const left = { v: 1, id: 'tab', name: 'a tab', beat: 4, left: true };
    const other = await another();
    const now = async (): Promise<unknown> => {
      const { bytes } = await ask(other, { call: 'read', key });
      return JSON.parse(String(bytes)) as unknown;
    };
    if (leaves) await until(async () => isDeepStrictEqual(await now(), left));
    else await sleep(200);
    expect(await now()).toEqual(leaves ? left : node);
    other.close();
  });

  it('is answered at a bounded rate, and in the end', async () => {
    const from = performance.now();
    let answers = 0;
    const all = new Promise<void>((resolve) => {
      socket.on('message', () => ++answers === 5000 && resolve());
    });
    for (let id = 0; id < 5000; id++) socket.send(encodeFrame({ id, call: 'chunkKeys' }));
    await all;
    expect(performance.now() - from).toBeGreaterThan(400);
  });
});

it('an engine over the relay comes back by itself when the connection was lost, and stays away when it is told to', async () => {
  const { base, token } = await share();
  const cookie = await cookieOf(base, token);
  const { origin } = new URL(base);
  const sockets: WebSocket[] = [];
  class Socket extends WebSocket {
    constructor(url: string) {
      super(url, { headers: { cookie, origin } });
      sockets.push(this);
    }
  }
  vi.stubGlobal('WebSocket', Socket);
  const links: string[] = [];
  const hints: string[] = [];
  const url = new URL('relay', base.replace('http', 'ws')).href;
  const engine = new RelayEngine({ url, chunkBytes: 1000, onLink: (link) => links.push(link) });
  engine.listen((hint) => hints.push(hint));
  const { identity } = await engine.state();
  expect(links).toEqual(['connected']);
  const asked = engine.state();
  sockets[0]?.terminate();
  await expect(asked).rejects.toMatchObject({
    kind: 'busy',
    message: expect.stringMatching(/the connection was lost|not connected/) as string,
  });
  await until(() => links.length === 3);
  expect(await engine.state()).toMatchObject({ identity });
  expect(hints).toContain('reset');
  await open.pop()?.close();
  await until(() => links.length === 4);
  expect(links).toEqual(['connected', 'lost', 'connected', 'refused']);
  await expect(engine.state()).rejects.toMatchObject({ kind: 'denied' });
  expect(sockets.length).toBe(2);
});
