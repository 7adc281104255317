/** The page of many runs in a real browser: 60 of them listed, filtered, grouped, picked, compared, opened, and taken away as files. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RunsFeed } from '../../src/page/runs/runs-feed.js';
import { runsApp } from '../../src/page/runs/runs-app.js';
import type { RunsSummary } from '../../src/page/runs/run-summary.js';
import { servePage, type Page as Served } from '../../src/page/serve.js';
import { changeTags } from '../../src/run/tags.js';
import { TestBrowser } from '../../tools/browser.js';
import { manyRuns } from '../../tools/many-runs.js';
import { freePort } from '../cluster/server.js';
import { tempFolder } from '../cli/helpers.js';
import { differingFields, filtered, grouped, sorted } from '../../web/runs/choose.js';

const RUNS = 60;
const { folder, drop } = tempFolder();
let browser: TestBrowser;
let served: Served;

beforeAll(async () => {
  manyRuns(folder, RUNS);
  browser = await TestBrowser.start();
  served = await servePage({ folder, port: await freePort() });
});
afterAll(async () => {
  await served.close();
  await browser.close();
  drop();
});
afterEach(() => {
  expect(browser.strangers.splice(0)).toEqual([]);
  expect(browser.complaints.splice(0)).toEqual([]);
});

const rows = (page: Page): Promise<string[]> => page.locator('.runs tbody tr:not(.group) th a').allTextContents();
const counts = (page: Page): Promise<string | null> => page.locator('header [role=status]').textContent();

describe('in the browser', () => {
  it('draws 60 runs soon after it is opened, and filters, groups, sorts and picks them', async () => {
    const page = await browser.open(served.url);
    await page.locator('.uplot canvas').first().waitFor();
    // From the request for the page to the first chart; what it is on a quiet machine is in docs/LOG.md.
    const drawn = await page.evaluate<number>('performance.now()');
    expect(drawn).toBeLessThan(10_000);
    expect(await counts(page)).toBe('60 runs in the folder, 60 shown, 60 drawn');
    expect(await page.locator('.chart').count()).toBe(2);

    await page.getByLabel('filter').fill('batch=64 learningRate=0.02');
    expect(await counts(page)).toBe('60 runs in the folder, 5 shown, 5 drawn');
    await page.getByLabel('filter').fill('EVEN');
    expect(await counts(page)).toBe('60 runs in the folder, 10 shown, 10 drawn');
    await page.getByLabel('filter').fill('');

    await page.getByLabel('group by').selectOption('learningRate');
    const groups = await page.locator('.runs .group').allTextContents();
    expect(groups.map((text) => text.slice(0, 26))).toEqual(
      [0.01, 0.02, 0.03, 0.05].map((rate) => `learningRate ${rate}: 15 runs`),
    );
    await page.getByLabel('group by').selectOption('tag');
    expect((await page.locator('.runs .group').allTextContents())[0]).toMatch(
      /^even, sweep: 10 runs, mean accuracy 9\d\.\d\d %$/,
    );
    await page.getByLabel('group by').selectOption('');

    await page.getByRole('button', { name: 'accuracy', exact: true }).click();
    expect(await page.locator('.runs th[aria-sort=descending]').textContent()).toBe('accuracy ↓');
    const shares = (await page.locator('.runs tbody td:nth-last-child(3)').allTextContents()).map((text) =>
      Number.parseFloat(text),
    );
    expect(shares.slice(0, -1)).toEqual(shares.slice(0, -1).toSorted((a, b) => b - a));
    // The heading keeps the focus, so that Enter turns the order.
    await page.keyboard.press('Enter');
    expect(await page.locator('.runs th[aria-sort=ascending]').textContent()).toBe('accuracy ↑');

    await page.getByLabel('Draw all runs that are shown').uncheck();
    expect(await counts(page)).toBe('60 runs in the folder, 60 shown, 0 drawn');
    for (const run of ['run-07', 'run-12']) await page.getByLabel(`Draw ${run}`).check();
    expect(await counts(page)).toBe('60 runs in the folder, 60 shown, 2 drawn');
    expect(await page.locator('.chart').first().locator('.legend li').allTextContents()).toHaveLength(2);
    expect(await page.locator('.plot').first().getAttribute('aria-label')).toMatch(
      /lines, at their end run-\d\d 9\d\.\d\d %, run-/,
    );
    await page.getByLabel('along the bottom').selectOption('seconds');
    expect(await page.locator('[role=img]:visible:not([aria-label])').count()).toBe(0);
    await page.close();
  });

  it('gives each chart as SVG and PNG, and its data as CSV', async () => {
    const page = await browser.open(served.url);
    await page.locator('.uplot canvas').first().waitFor();
    await page.getByLabel('filter').fill('batch=64 learningRate=0.02');
    const taken = async (kind: string): Promise<[string, Buffer]> => {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: `Download Accuracy on held-out samples as ${kind}` }).click(),
      ]);
      return [download.suggestedFilename(), readFileSync(await download.path())];
    };
    const [csvName, csv] = await taken('CSV');
    const lines = csv.toString().trim().split('\r\n');
    expect(csvName).toBe('accuracy-on-held-out-samples.csv');
    expect(lines[0]).toMatch(/^chapter,run-\d\d(,run-\d\d){4}$/);
    expect(lines).toHaveLength(21);
    expect(
      lines[20]
        ?.split(',')
        .map(Number)
        .every((value) => value > 0),
    ).toBe(true);
    const [svgName, svg] = await taken('SVG');
    expect(svgName).toMatch(/\.svg$/);
    expect(svg.toString()).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(svg.toString().match(/<polyline/g)).toHaveLength(5);
    const [, png] = await taken('PNG');
    const image = PNG.sync.read(png);
    expect(image.width).toBe(1800);
    expect(new Set(image.data).size).toBeGreaterThan(10);
    await page.close();
  });

  it('opens the page of one run, and shows tags that come later', async () => {
    const page = await browser.open(served.url);
    await page.getByRole('link', { name: 'run-05' }).click();
    await page.locator('h1', { hasText: 'run-05' }).waitFor();
    await page.locator('#learning canvas').first().waitFor();
    await page.getByRole('link', { name: 'all runs' }).click();
    await page.getByRole('link', { name: 'run-05' }).waitFor();
    changeTags(path.join(folder, 'run-05'), { add: ['champion'], note: 'see the <b>log</b>' });
    await page.locator('.tag', { hasText: 'champion' }).waitFor({ timeout: 15_000 });
    expect(await page.locator('.note', { hasText: 'see the' }).textContent()).toBe('see the <b>log</b>');
    await page.getByLabel('filter').fill('champion');
    expect(await rows(page)).toEqual(['run-05']);
    await page.close();
  });

  it('fits a narrow screen', async () => {
    const page = await browser.open(served.url, 390);
    await page.locator('.uplot canvas').first().waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await page.close();
  });
});

describe('its server', () => {
  const files = { script: '', style: '' };
  const headers = { host: 'localhost' };

  it('reads a run again only when a file of it has changed, and says when nothing has', async () => {
    const app = runsApp(new RunsFeed(folder), files, undefined);
    const first = await app.request('/runs.json', { headers });
    const { runs } = (await first.json()) as RunsSummary;
    expect(runs).toHaveLength(RUNS);
    expect(runs.at(-1)).toMatchObject({ id: 'run-60', state: 'training', accuracies: [] });
    expect(runs[0]).toMatchObject({
      id: 'run-01',
      tags: ['even', 'sweep'],
      note: 'the first of them',
      dataset: 'mnist',
    });
    expect(runs[0]?.losses).toHaveLength(20);
    const etag = first.headers.get('etag') as string;
    expect((await app.request('/runs.json', { headers: { ...headers, 'if-none-match': etag } })).status).toBe(304);
  });

  it('reads on in the log of a run under way, to what reading all of it gives, also once it is begun anew', () => {
    const live = tempFolder();
    manyRuns(live.folder, 1);
    const log = path.join(live.folder, 'run-01', 'events.jsonl');
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    const feed = new RunsFeed(live.folder);
    const written = (count: number): RunsSummary => {
      writeFileSync(
        log,
        lines
          .slice(0, count)
          .map((line) => `${line}\n`)
          .join(''),
      );
      return feed.summary();
    };
    const losses = [0.3, 0.6, 1, 0.4].map((share) => {
      const summary = written(Math.floor(share * lines.length));
      expect(summary).toEqual(new RunsFeed(live.folder).summary());
      return summary.runs[0]?.losses.length ?? 0;
    });
    expect(losses[0]).toBeLessThan(losses[1] as number);
    expect(losses[1]).toBeLessThan(losses[2] as number);
    expect(losses[3]).toBeLessThan(losses[1] as number);
    live.drop();
  });

  it('shows the others where a log cannot be read, and an opened one of them once it can again', async () => {
    const odd = tempFolder();
    manyRuns(odd.folder, 3);
    const log = path.join(odd.folder, 'run-02', 'events.jsonl');
    const feed = new RunsFeed(odd.folder);
    const opened = feed.open('run-02');
    const seen = opened?.count ?? 0;
    const text = readFileSync(log, 'utf8');
    rmSync(log);
    mkdirSync(log);
    feed.poll();
    const app = runsApp(feed, files, undefined);
    const { runs } = (await (await app.request('/runs.json', { headers })).json()) as RunsSummary;
    expect(runs.map(({ id }) => id)).toEqual(['run-01', 'run-03']);
    rmSync(log, { recursive: true });
    writeFileSync(log, text);
    feed.poll();
    expect([seen > 0, opened?.count]).toEqual([true, seen]);
    odd.drop();
  });

  it('opens only runs of the folder, for those who may see it', async () => {
    const app = runsApp(new RunsFeed(folder), files, undefined);
    for (const id of ['run-99', '..%2Frun-01', '%2Fetc', 'run-01%2F..%2Frun-02'])
      expect((await app.request(`/run/${id}/`, { headers })).status).toBe(404);
    expect((await app.request('/run/run-01/', { headers })).status).toBe(200);
    expect((await app.request('/runs.json', { headers: { host: 'elsewhere.example' } })).status).toBe(403);
    const closed = runsApp(new RunsFeed(folder), files, 'secret-secret');
    expect((await closed.request('/runs.json', { headers })).status).toBe(401);
  });
});

it('chooses by words, fields, tags and groups', () => {
  const { runs } = new RunsFeed(folder).summary();
  expect(differingFields(runs)).toEqual(
    ['learningRate', 'batch', 'seed'].toSorted(
      (a, b) => Object.keys(runs[0]?.fields ?? {}).indexOf(a) - Object.keys(runs[0]?.fields ?? {}).indexOf(b),
    ),
  );
  expect(filtered(runs, 'training')).toHaveLength(1);
  expect(filtered(runs, 'nothing-like-it')).toEqual([]);
  expect(sorted(runs, { field: 'batch' }, true)[0]?.fields['batch']).toBe('128');
  expect(sorted(runs, 'time', false).at(-1)?.id).toBe('run-59');
  const groups = grouped(runs, 'data');
  expect(groups.map(({ name, runs: all }) => [name, all.length])).toEqual([['mnist', RUNS]]);
  expect(grouped([], '')).toEqual([]);
  // Of test and validation samples together there is no mean.
  const mixed = runs.map((run, i) => ({
    ...run,
    accuracy: 0.9,
    measuredOn: i % 2 ? ('test' as const) : ('validation' as const),
  }));
  expect(grouped(mixed, 'data')[0]?.mean).toBeUndefined();
  expect(
    grouped(
      mixed.filter(({ measuredOn }) => measuredOn === 'test'),
      'data',
    )[0]?.mean,
  ).toBeCloseTo(0.9);
});
