/**
 * How soon the page of a large run is drawn, and how long a redraw takes: `npm run bench:page`. A made-up log of 100 chapters,
 * 5 layers and 16 nodes (or CHAPTERS=…), in Debian's chromium.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { servePage } from '../src/page/serve.js';
import { TestBrowser } from '../tools/browser.js';
import { logFolder, simulatedEvents } from '../tools/event-logs.js';

const ROUNDS = 5;
const chapters = Number(process.env['CHAPTERS'] ?? 100);
const spec = { layers: [784, 10, 10, 10, 10, 10], splits: chapters, epochs: chapters, negatives: 'sampled' as const };

/** Runs in the page: notes when the pipeline is there at all, and when all tasks are. */
const WATCH = `
  window.drawn = { first: 0, all: 0 };
  (function look() {
    const pipeline = document.querySelector('#pipeline');
    if (pipeline && !pipeline.hidden && !drawn.first) drawn.first = performance.now();
    const tasks = [...document.querySelectorAll('#nodes tbody tr')].reduce((sum, row) => sum + Number(row.cells[5].textContent.replace(',', '')), 0);
    if (tasks >= window.expected) drawn.all = performance.now();
    else requestAnimationFrame(look);
  })();`;

/** Milliseconds of each of ten zooms and ten steps, each of which draws the whole pipeline again. */
const REDRAW = `
  (() => {
    const canvas = document.querySelector('canvas.gantt');
    return Array.from({ length: 20 }, (_, i) => {
      const from = performance.now();
      canvas.dispatchEvent(new KeyboardEvent('keydown', { key: i % 2 ? 'ArrowRight' : i < 10 ? '+' : '-' }));
      canvas.getContext('2d').getImageData(0, 0, 1, 1);
      return performance.now() - from;
    });
  })()`;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-bench-page-'));
const events = simulatedEvents(spec, 'all-layers', 16);
const tasks = events.filter(({ type }) => type === 'task-finished').length;
logFolder(folder, events);
const page = await servePage({ folder, analyse: false });
const browser = await TestBrowser.start();
try {
  const [first, all, redraw]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    const tab = await browser.open('about:blank');
    await tab.addInitScript(`window.expected = ${tasks};${WATCH}`);
    await tab.goto(page.url);
    // Not waitForFunction: the page's policy forbids what it does in the page.
    while (!(await tab.evaluate<boolean>('window.drawn.all > 0'))) await sleep(20);
    const drawn = await tab.evaluate<{ first: number; all: number }>('window.drawn');
    first.push(drawn.first);
    all.push(drawn.all);
    redraw.push(median(await tab.evaluate<number[]>(REDRAW)));
    await tab.close();
  }
  const spans = events.reduce((sum, event) => sum + (event.type === 'task-finished' ? event.spans.length : 0), 0);
  const size = (statSync(path.join(folder, 'events.jsonl')).size / 1e6).toFixed(1);
  console.log(`${chapters} chapters x 5 layers x 16 nodes: ${tasks} tasks, ${spans} spans, log of ${size} MB`);
  console.log(
    `milliseconds, medians of ${ROUNDS}, from the start of navigation (${first.map((ms) => ms.toFixed(0)).join(' ')}):`,
  );
  console.log(
    `first drawing ${median(first).toFixed(0)}, all tasks drawn ${median(all).toFixed(0)}, a redraw ${median(redraw).toFixed(1)}`,
  );
} finally {
  await browser.close();
  await page.close();
  rmSync(folder, { recursive: true, force: true });
}
