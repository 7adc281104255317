/**
 * What an open page costs a training that is under way, by comparing it with itself: in one run, the browser is held still
 * and let go by turns of some seconds, and the time that samples take is compared between neighbouring turns. So a machine
 * that is slower for a minute does not count, which hides differences of a few per cent between whole runs.
 */
import { rmSync } from 'node:fs';
import { servePage } from '../../src/page/serve.js';
import { train } from '../../src/run/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { Browser } from './browser.js';

export interface SteadyCost {
  /** Turns in which the browser was let go, and how many times as long samples took in each as in the two around it. */
  readonly ratios: readonly number[];
  /** CPU seconds of the browser a second of the turns in which it was let go. */
  readonly browserShare: number;
  /** CPU seconds of the browser for opening the page. */
  readonly opening: number;
}

interface Turn {
  readonly open: boolean;
  /** What was trained in it: seconds, by layer and in all its samples. */
  readonly parts: { readonly layer: string; readonly seconds: number; readonly samples: number }[];
}

/** Before the first turn: the page is opened, and the machine comes to rest. */
const OPENING_SECONDS = 6;

export async function steadyCost(spec: PartialSpec, turnSeconds: number, out: string): Promise<SteadyCost> {
  rmSync(out, { recursive: true, force: true });
  const browser = await Browser.start();
  const page = await servePage({ folder: out, awaited: true, analyse: false });
  const turns: Turn[] = [];
  let [began, turnBegan, opening, browserSeconds, openSeconds] = [0, 0, 0, 0, 0];
  let last: { readonly key: string; readonly at: number } | undefined;
  let mark = 0;
  try {
    for await (const event of train({ spec, out })) {
      const now = performance.now() / 1000;
      if (event.type === 'started') {
        began = now;
        mark = browser.seconds();
        await browser.open(page.url);
      }
      if (event.type === 'trained') break;
      if (event.type !== 'progress') {
        last = undefined;
        continue;
      }
      const { chapter, layer } = event.task;
      const key = `${chapter} ${layer}`;
      // Of neighbouring reports of one task in one turn: all else is neither one nor the other.
      if (last?.key === key)
        turns.at(-1)?.parts.push({ layer: String(layer), seconds: now - last.at, samples: event.stats.samples });
      last = { key, at: now };
      const due = turns.length === 0 ? now - began >= OPENING_SECONDS : now - turnBegan >= turnSeconds;
      if (!due) continue;
      const used = browser.seconds();
      if (turns.length === 0) opening = used - mark;
      else if (turns.at(-1)?.open) {
        browserSeconds += used - mark;
        openSeconds += now - turnBegan;
      }
      mark = used;
      const open = !(turns.at(-1)?.open ?? true);
      browser.hold(!open);
      turns.push({ open, parts: [] });
      turnBegan = now;
      last = undefined;
    }
  } finally {
    browser.hold(false);
    await browser.close();
    await page.close();
    rmSync(out, { recursive: true, force: true });
  }
  // The last one was cut short.
  return { ratios: ratiosOf(turns.slice(0, -1)), browserShare: browserSeconds / openSeconds, opening };
}

/** Layers cost differently: a turn is measured by what its samples took over what such samples take in the mean. */
function ratiosOf(turns: readonly Turn[]): number[] {
  const means = new Map<string, number>();
  const parts = turns.flatMap((turn) => turn.parts);
  for (const { layer } of parts) {
    if (means.has(layer)) continue;
    const own = parts.filter((part) => part.layer === layer);
    means.set(layer, sum(own.map(({ seconds }) => seconds)) / sum(own.map(({ samples }) => samples)));
  }
  const slowness = turns.map(
    (turn) =>
      sum(turn.parts.map(({ seconds }) => seconds)) /
      sum(turn.parts.map(({ layer, samples }) => samples * (means.get(layer) as number))),
  );
  return turns.flatMap(({ open }, i) => {
    const [before, after] = [slowness[i - 1], slowness[i + 1]];
    if (!open || before === undefined || after === undefined) return [];
    return [(2 * (slowness[i] as number)) / (before + after)];
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
