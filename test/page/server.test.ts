/** The page's server: who may see it, what its answers allow a browser, and going on where a reader was. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { pageApp } from '../../src/page/app.js';
import { reportDocument } from '../../src/page/document.js';
import type { PageEvent } from '../../src/page/page-event.js';
import { RunFeed } from '../../src/page/run-feed.js';
import { servePage } from '../../src/page/serve.js';
import { freePort } from '../cluster/server.js';
import { ownFolder, pff, SMALL } from '../cli/helpers.js';
import { logFolder, simulatedEvents } from '../../tools/event-logs.js';

const events = simulatedEvents({ layers: [784, 10, 10], splits: 3, epochs: 3, negatives: 'random' }, 'all-layers', 2);
const files = { script: 'let page = 1;', style: 'b {}' };
const here = { headers: { host: '127.0.0.1:8377' } };

function appOf(token?: string) {
  const feed = new RunFeed(logFolder(ownFolder(), events));
  return { feed, app: pageApp(feed, files, token) };
}

/** The messages of the event stream until `enough`. */
async function messages(
  response: Response,
  enough: (found: { event: string; data: string; id: string | undefined }[]) => boolean,
): Promise<{ event: string; data: string; id: string | undefined }[]> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { value } = await reader.read();
    text += decoder.decode(value, { stream: true });
    const found = text
      .split('\n\n')
      .slice(0, -1)
      .map((block) => {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
        return { event: field('event') ?? '', data: field('data') ?? '', id: field('id') };
      });
    if (!enough(found)) continue;
    await reader.cancel();
    return found;
  }
}

describe('access', () => {
  it('answers names of this machine only, and allows nothing from elsewhere', async () => {
    const { app } = appOf();
    for (const host of ['127.0.0.1:8377', 'localhost', '[::1]:8377']) {
      const response = await app.request('/', { headers: { host } });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/);
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    }
    for (const host of ['evil.example', '127.0.0.1.evil.example', '']) {
      expect((await app.request('/', { headers: { host } })).status).toBe(403);
      expect((await app.request('/events', { headers: { host } })).status).toBe(403);
    }
    expect((await app.request('/', { ...here, method: 'POST' })).status).toBe(404);
    expect((await app.request('/../package.json', here)).status).toBe(404);
  });

  it('with a token lets in who has it, and keeps it out of the address', async () => {
    const { app } = appOf('secret-token');
    const from = { host: 'machine.example:8377' };
    for (const url of ['/', '/events', '/page.js', '/?token=wrong-token', '/?token='])
      expect((await app.request(url, { headers: from })).status).toBe(401);
    const opened = await app.request('/?token=secret-token', { headers: from });
    expect(opened.status).toBe(302);
    // Where it goes on is told from where the browser is: behind a proxy that is a folder of its own.
    const location = opened.headers.get('location') as string;
    for (const place of ['/', '/runs/one/'])
      expect(new URL(location, `https://proxy.example${place}?token=x`).href).toBe(`https://proxy.example${place}?`);
    const cookie = opened.headers.get('set-cookie') as string;
    expect(cookie).toMatch(/HttpOnly/i);
    expect(cookie).toMatch(/SameSite=Lax/i);
    expect(cookie).not.toMatch(/Path=/i);
    const kept = { headers: { ...from, cookie: cookie.split(';')[0] as string } };
    expect((await app.request('/', kept)).status).toBe(200);
    // A page on another port of the same host gets the same cookies.
    const other = await appOf('other-token').app.request('/?token=other-token', { headers: from });
    expect(other.headers.get('set-cookie')?.split('=')[0]).not.toBe(cookie.split('=')[0]);
  });
});

describe('events', () => {
  it('come whole to a new reader, and from where it was to one that comes back', async () => {
    const { app, feed } = appOf();
    const all = await messages(await app.request('/events', here), (found) => found.some(({ id }) => id));
    expect(all[0]?.event).toBe('reset');
    const told = all.slice(1).flatMap(({ data }) => JSON.parse(data) as PageEvent[]);
    expect(told).toEqual(JSON.parse(JSON.stringify(feed.snapshot())));
    const id = all.at(-1)?.id as string;
    feed.add([{ type: 'remark', text: 'one more' }]);
    const since = { headers: { ...here.headers, 'last-event-id': id } };
    // A page that was out of sight says it in the address: it has made a new connection.
    for (const asked of [app.request('/events', since), app.request(`/events?since=${id}`, here)]) {
      const more = await messages(await asked, (found) => found.length > 0);
      expect(more.map(({ event, data }) => [event, JSON.parse(data) as unknown])).toEqual([
        ['events', [{ type: 'remark', text: 'one more' }]],
      ]);
    }
  });

  it.each(['other:3', 'nonsense', ':', 'x:-1'])('start again for a reader of another server (%s)', async (id) => {
    const { app } = appOf();
    const headers = { ...here.headers, 'last-event-id': id };
    const found = await messages(await app.request('/events', { headers }), (some) => some.length > 0);
    expect(found[0]?.event).toBe('reset');
  });
});

describe('serving', () => {
  it('takes the port that it is given, or says that it is taken', async () => {
    const folder = logFolder(ownFolder(), events);
    const port = await freePort();
    const page = await servePage({ folder, port, analyse: false });
    try {
      expect(page.url).toBe(`http://127.0.0.1:${port}/`);
      expect((await fetch(page.url)).status).toBe(200);
      await expect(servePage({ folder, port })).rejects.toThrow(/EADDRINUSE/);
    } finally {
      await page.close();
    }
    await expect(fetch(page.url)).rejects.toThrow();
  });

  it('that cannot be had is found out before a run is begun for it', async () => {
    const cwd = ownFolder();
    const other = createServer();
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port));
    });
    const { code, stderr } = await pff(
      ['train', ...SMALL, '--out', 'run', '--open', '--port', String(port)],
      cwd,
      undefined,
      { DISPLAY: '', WAYLAND_DISPLAY: '' },
    );
    other.close();
    expect({ code, made: existsSync(path.join(cwd, 'run')) }).toEqual({ code: 2, made: false });
    expect(stderr).toMatch(/cannot be served at 127\.0\.0\.1:\d+: .*EADDRINUSE/);
    expect(stderr).toContain('--port');
  });

  it('may wait for a folder that somebody is about to make', async () => {
    const folder = path.join(ownFolder(), 'soon');
    const page = await servePage({ folder, awaited: true, port: await freePort(), analyse: false });
    try {
      const told = messages(await fetch(`${page.url}events`), (found) =>
        found.some(({ data }) => data.includes('"task"')),
      );
      logFolder(folder, events);
      expect((await told)[0]).toMatchObject({ event: 'reset', data: '{"name":"soon"}' });
    } finally {
      await page.close();
    }
  });

  it('outlives a log that cannot be read, and says so', async () => {
    const folder = ownFolder();
    const page = await servePage({ folder, port: await freePort(), analyse: false, awaited: true });
    try {
      mkdirSync(path.join(folder, 'events.jsonl'));
      const response = await fetch(`${page.url}events`);
      const told = await messages(response, (found) => found.some(({ data }) => data.includes('"remark"')));
      expect(told.at(-1)?.data).toMatch(/could not be brought up to date: it is a folder, not a file/);
      expect((await fetch(page.url)).status).toBe(200);
    } finally {
      await page.close();
    }
  });

  it('is for other machines only with a token', async () => {
    const page = await servePage({ folder: logFolder(ownFolder(), events), port: await freePort(), host: '0.0.0.0' });
    try {
      const { origin, searchParams } = new URL(page.url);
      expect(searchParams.get('token')).toMatch(/^[0-9a-f]{32}$/);
      expect((await fetch(origin)).status).toBe(401);
    } finally {
      await page.close();
    }
    await expect(servePage({ folder: ownFolder(), token: 'short' })).rejects.toThrow(/8 to 200/);
  });

  it('needs a run folder', async () => {
    const file = path.join(ownFolder(), 'file');
    writeFileSync(file, '');
    for (const folder of ['/nowhere/at/all', file])
      await expect(servePage({ folder })).rejects.toThrow(/no run folder/);
  });
});

it('a report cannot be broken out of', () => {
  const name = '</script><script>alert(1)</script><!--';
  const started = { ...(events[0] as object), type: 'started', name } as PageEvent;
  const html = reportDocument({ script: 'const x = "</script>";', style: 'a { content: "</style>" }' }, [[started]]);
  // Those of the document itself, and no more.
  expect(html.match(/<\/script/g)).toHaveLength(2);
  expect(html.match(/<\/style/g)).toHaveLength(1);
  expect(html).not.toContain('<!--');
  expect(html).toContain("default-src 'none'");
});
