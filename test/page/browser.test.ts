/** The page in a real browser: live, after a restart of its server, finished, compared, from disk, with hostile names. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request as requestTo } from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { writeReport } from '../../src/page/report.js';
import { servePage } from '../../src/page/serve.js';
import type { RunEvent, RunResult } from '../../src/run/events.js';
import { trainToEnd } from '../../src/run/train.js';
import { freePort, Pff } from '../cluster/server.js';
import { ownFolder, tempFolder } from '../cli/helpers.js';
import { TestBrowser } from '../../tools/browser.js';
import { logFolder, simulatedEvents, type Started } from '../../tools/event-logs.js';
import { matrixOf } from '../helpers/confusion.js';

const spec = { layers: [784, 48, 48], trainSamples: 1500, testSamples: 300, epochs: 3 };
const { folder: runs, drop } = tempFolder();
let browser: TestBrowser;
let first: RunResult;

beforeAll(async () => {
  browser = await TestBrowser.start();
  first = await trainToEnd({ spec, out: path.join(runs, 'first'), threadsPerNode: 1 });
  await trainToEnd({ spec: { ...spec, seed: 2, epochs: 4 }, out: path.join(runs, 'second'), threadsPerNode: 1 });
});
afterAll(async () => {
  await browser.close();
  drop();
});
afterEach(() => {
  expect(browser.strangers.splice(0)).toEqual([]);
  expect(browser.complaints.splice(0)).toEqual([]);
});

/** Tables that are wider than their place. */
const CUT_OFF =
  "[...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.ariaLabel)";

function eventsOf(folder: string): RunEvent[] {
  const lines = readFileSync(path.join(folder, 'events.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as RunEvent);
}

async function tile(page: Page, name: string): Promise<string | null> {
  return page.locator('.tile', { hasText: name }).locator('.value').textContent();
}

/** All that is drawn has a name, the text alternative of charts included. */
async function nameless(page: Page): Promise<number> {
  return page.locator('[role=img]:visible:not([aria-label]), [role=img][aria-label=""]:visible').count();
}

describe('a live run', () => {
  it('shows what the event log has, as training goes on', async () => {
    const out = path.join(runs, 'live');
    const small =
      '--layers 784,256,256 --train-samples 6000 --test-samples 500 --epochs 6 --nodes 2 --threads-per-node 1';
    const pff = new Pff('train', ...small.split(' '), '--out', out, '--open', '--port', String(await freePort()));
    try {
      const url = await until(() => /page at (\S+)/.exec(pff.text)?.[1]);
      const page = await browser.open(url);
      await page.getByText(/^[1-9]\d* of 17 tasks done/).waitFor();
      expect(await page.locator('.status').textContent()).toBe('training');
      expect(await page.locator('#nodes tbody tr').count()).toBe(2);
      await page.locator('.status[data-status=finished]').waitFor();
      const result = eventsOf(out).find((event) => event.type === 'finished')?.result as RunResult;
      expect(await tile(page, 'Test accuracy')).toBe(`${(100 * result.testAccuracy).toFixed(2)} %`);
      expect(await tile(page, 'Utilisation')).toBe(`${(100 * result.utilisation).toFixed(1)} %`);
      const tasks = eventsOf(out).filter((event) => event.type === 'task-finished');
      for (const node of [0, 1]) {
        const own = tasks.filter((task) => task.node === node);
        const cells = await page.locator('#nodes tbody tr').nth(node).locator('td').allTextContents();
        expect(cells[4]).toBe(String(own.length));
        const moved = own
          .flatMap(({ spans }) => spans)
          .reduce((sum, { phase, bytes }) => sum + (phase === 'publish' ? bytes : 0), 0);
        expect(cells[6]).toBe(`${(moved / 1e6).toPrecision(moved < 9.995e6 ? 2 : 3)} MB`);
      }
      // The curve's table has each chapter's loss, as the log has it.
      await page.locator('.chart', { hasText: 'Mean loss' }).locator('summary').click();
      const losses = page.locator('.chart', { hasText: 'Mean loss' }).locator('tbody tr');
      for (const { task, stats } of tasks) {
        if (typeof task.layer !== 'number') continue;
        const cell = await losses.nth(task.chapter).locator('td').nth(task.layer).textContent();
        expect(Number(cell)).toBeCloseTo(stats.loss / stats.samples, 2);
      }
      // What the last look saw: histograms of both layers, and images that were confused.
      expect(await page.locator('.histogram').count()).toBe(2);
      expect(await page.locator('.fields canvas').count()).toBe(36);
      expect(await page.locator('.confused canvas').count()).toBeGreaterThan(0);
      expect(await nameless(page)).toBe(0);
      expect(await pff.exited).toBe(0);
      await page.getByText('server has ended').waitFor();
      await page.close();
    } finally {
      await pff.end();
    }
  });

  it('goes on where it was when the server was restarted', async () => {
    const events = simulatedEvents(
      { layers: [784, 10, 10], splits: 4, epochs: 4, negatives: 'random' },
      'all-layers',
      2,
    );
    const folder = logFolder(path.join(runs, 'restarted'), events.slice(0, 3));
    const port = await freePort();
    const before = await servePage({ folder, port, analyse: false });
    const page = await browser.open(before.url);
    await page.getByText('2 of 8 tasks done').waitFor();
    await before.close();
    await page.getByText('server is away').waitFor();
    appendFileSync(
      path.join(folder, 'events.jsonl'),
      `${JSON.stringify(events[3])}\n${JSON.stringify(events[4]).slice(0, 80)}`,
    );
    const after = await servePage({ folder, port, analyse: false });
    // The line that is cut in the middle counts only once it is whole.
    await page.getByText('3 of 8 tasks done').waitFor();
    await page.locator('.connection').waitFor({ state: 'hidden' });
    appendFileSync(path.join(folder, 'events.jsonl'), `${JSON.stringify(events[4]).slice(80)}\n`);
    await page.getByText('4 of 8 tasks done').waitFor();
    expect(await page.locator('.remarks').isVisible()).toBe(false);
    // What was out of sight is up to date once it is in sight.
    await page.locator('#nodes').scrollIntoViewIfNeeded();
    await expect
      .poll(async () => {
        const tasks = await page.locator('#nodes tbody tr td:nth-child(6)').allTextContents();
        return tasks.reduce((sum, text) => sum + Number(text), 0);
      })
      .toBe(4);
    await page.close();
    await after.close();
  });
});

describe('a tab that nobody sees', () => {
  it('draws nothing, and all that came once it is seen', async () => {
    const small = { layers: [784, 10, 10], splits: 4, epochs: 4, negatives: 'random' as const };
    const events = simulatedEvents(small, 'all-layers', 2);
    const folder = logFolder(path.join(runs, 'unseen'), events.slice(0, 3));
    const served = await servePage({ folder, port: await freePort(), analyse: false });
    const page = await browser.open('about:blank');
    await page.addInitScript(
      "Object.defineProperty(document, 'visibilityState', { get: () => (window.unseen ? 'hidden' : 'visible') });",
    );
    const see = (seen: boolean): Promise<unknown> =>
      page.evaluate(`window.unseen = ${!seen}; document.dispatchEvent(new Event('visibilitychange'))`);
    await page.goto(served.url);
    await page.getByText('2 of 8 tasks done').waitFor();
    await see(false);
    // Told by the log's next reading, and drawn by those who look.
    const other = await browser.open(served.url);
    appendFileSync(path.join(folder, 'events.jsonl'), `${JSON.stringify(events[3])}\n`);
    await other.getByText('3 of 8 tasks done').waitFor();
    await page.waitForTimeout(1500);
    expect(await page.locator('.place').textContent()).toMatch(/^2 of 8/);
    await see(true);
    await page.getByText('3 of 8 tasks done').waitFor();
    await other.close();
    await page.close();
    await served.close();
  });
});

describe('a finished run', () => {
  it('is analysed when it is opened, and walked through with the keyboard', async () => {
    const served = await servePage({ folder: path.join(runs, 'first'), port: await freePort() });
    const page = await browser.open(served.url);
    await page.locator('.histogram').first().waitFor();
    expect(await tile(page, 'Test accuracy')).toBe(`${(100 * first.testAccuracy).toFixed(2)} %`);
    const shown = (await page.locator('.matrix tbody td:not(.share)').allTextContents()).map((text) =>
      Number(text.replace('·', '0').replace(',', '')),
    );
    expect(shown).toEqual(matrixOf(first.confusion).flat());
    await page.locator('canvas.gantt').focus();
    const info = page.locator('#pipeline-info');
    await page.keyboard.press('ArrowRight');
    expect(await info.textContent()).toMatch(/^node 1 trains chapter 1, layer 1: /);
    await page.keyboard.press('End');
    expect(await info.textContent()).toMatch(/chapter 3, layer 2/);
    expect(await nameless(page)).toBe(0);
    await page.close();
    await served.close();
  });
});

describe('the link with the token', () => {
  it('opens from another site, through a proxy that has the page in a folder', async () => {
    const token = 'a-token-of-the-page';
    const served = await servePage({ folder: path.join(runs, 'first'), port: 0, token });
    const inner = new URL(served.url);
    const proxy = createServer((request, response) => {
      const { pathname, search } = new URL(request.url ?? '', inner);
      if (!pathname.startsWith('/pages/first/')) response.writeHead(404).end();
      else {
        const to = `${inner.origin}${pathname.slice('/pages/first'.length)}${search}`;
        const forward = requestTo(to, { headers: request.headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        });
        forward.on('error', () => response.destroy());
        response.on('close', () => forward.destroy());
        forward.end();
      }
    });
    const port = await freePort();
    await new Promise<void>((resolve) => void proxy.listen(port, '127.0.0.1', resolve));
    try {
      const chat = path.join(runs, 'chat.html');
      writeFileSync(chat, `<a href="http://127.0.0.1:${port}/pages/first/?token=${token}">look</a>`);
      const page = await browser.open(pathToFileURL(chat).href);
      await page.locator('a').click();
      await page.locator('.status[data-status=finished]').waitFor();
      expect(page.url()).toBe(`http://127.0.0.1:${port}/pages/first/?`);
      await page.close();
    } finally {
      await served.close();
      proxy.close();
      proxy.closeAllConnections();
    }
  });
});

describe('a report', () => {
  it.each([1280, 390])('opens from disk, %i pixels wide, without a request', async (width) => {
    const file = path.join(runs, 'report.html');
    expect(await writeReport([path.join(runs, 'first')], file)).toBeLessThan(1e6);
    const page = await browser.open(pathToFileURL(file).href, width);
    expect(await page.locator('h1').textContent()).toBe('first');
    expect(await page.locator('.histogram').count()).toBe(2);
    expect(await page.getByText(first.modelDigest).count()).toBe(1);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    // No table is cut off, and of one node the learning comes before the pipeline.
    expect(await page.evaluate(CUT_OFF)).toEqual([]);
    const order = await page.locator('section.card:visible').evaluateAll((found) => found.map(({ id }) => id));
    expect(order.slice(0, 2)).toEqual(['learning', 'pipeline']);
    // Right ones have a colour however few they are, and none are where there is nothing.
    const strengths = await page
      .locator('td.right')
      .evaluateAll((cells) =>
        cells.map((cell) => [cell.textContent !== '·', Number.parseInt(cell.style.getPropertyValue('--strength'), 10)]),
      );
    for (const [some, strength] of strengths) expect(Number(strength) >= 15).toBe(some);
    await page.close();
  });

  it('compares runs: curves over each other, and what differs in their specs', async () => {
    const file = path.join(runs, 'compared.html');
    await writeReport([path.join(runs, 'first'), path.join(runs, 'second')], file);
    const page = await browser.open(pathToFileURL(file).href);
    const rows = await page.locator('#differences tbody tr').allInnerTexts();
    expect(rows.map((row) => row.split(/\s+/).join(' ')).toSorted()).toEqual(['epochs 3 4', 'seed 1 2', 'splits 3 4']);
    expect(await page.locator('#curves .uplot canvas').count()).toBe(4);
    const narrow = await browser.open(pathToFileURL(file).href, 390);
    expect(await narrow.evaluate(CUT_OFF)).toEqual([]);
    // Each row is a list there: two long values do not fit side by side.
    expect(await narrow.locator('#differences thead').isVisible()).toBe(false);
    await narrow.close();
    await page.locator('[role=tab]').first().focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('h1').allTextContents()).toEqual(['first']);
    expect(await page.locator('.tile', { hasText: 'Test accuracy' }).count()).toBe(1);
    await page.close();
  });
});

describe('hostile text', () => {
  const attack = '<img src=x onerror=window.hacked=1>';
  const events = simulatedEvents({ layers: [784, 10, 10], splits: 2, epochs: 2, negatives: 'random' }, 'all-layers', 2);
  const started = events[0] as Started;
  const close = '</script><script>window.hacked=1</script>';
  const hostile: RunEvent[] = [
    { ...started, kernels: attack, dataset: { ...started.dataset, name: close, classes: [attack, close] } },
    ...events.slice(1),
    { type: 'notice', text: attack, at: 1 },
    { type: 'node-died', node: 0, reason: close, deaths: 1, at: 2 },
    {
      type: 'audits',
      checked: 3,
      open: [],
      keys: [{ key: 'a'.repeat(64), nodes: [attack], agreed: 2, rate: 0.25, refused: true }],
      disputes: [{ task: 'c0.l1', verdict: 'refuted', said: [{ key: 'a'.repeat(64), output: attack, refuted: true }] }],
    },
    {
      type: 'finished',
      result: {
        ...first,
        confusion: [
          [1, 2],
          [3, 4],
        ],
        modelDigest: attack,
      },
    },
  ];

  it.each(['live', 'report'])('is shown as it is, and runs nothing (%s)', async (kind) => {
    const folder = path.join(ownFolder(), attack);
    mkdirSync(folder);
    logFolder(folder, hostile);
    const file = path.join(runs, 'hostile.html');
    const served = kind === 'live' ? await servePage({ folder, port: await freePort(), analyse: false }) : undefined;
    if (!served) await writeReport([folder], file, { analyse: false });
    const page = await browser.open(served?.url ?? pathToFileURL(file).href);
    await page.locator('.status[data-status=finished]').waitFor();
    expect(await page.locator('h1').textContent()).toBe(attack);
    expect(await page.locator('.matrix tbody th').first().textContent()).toBe(attack);
    expect(await page.locator('#audits tbody tr').allTextContents()).toEqual([
      `aaaaaaaa${attack}2refuted, and refused`,
      `c0.l1refutedaaaaaaaa: ${attack.slice(0, 16)} (refuted)`,
    ]);
    expect(await page.locator('.marks li').last().textContent()).toContain(close);
    await page.locator('#spec summary').click();
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.evaluate('window.hacked')).toBeUndefined();
    await page.close();
    await served?.close();
  });
});

async function until<T>(what: () => T | undefined): Promise<T> {
  for (let i = 0; i < 600; i++) {
    const found = what();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('waited for 30 s in vain');
}
