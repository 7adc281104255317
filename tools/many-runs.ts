/** A folder of made-up runs that look like those of a sweep, for tests of the page of many runs and for its measurement. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RunEvent } from '../src/run/events.js';
import { changeTags } from '../src/run/tags.js';
import { resolveSpec, type PartialSpec } from '../src/spec/spec.js';
import { logFolder, simulatedEvents } from './event-logs.js';

const CHAPTERS = 20;
const RATES = [0.01, 0.02, 0.03, 0.05];
const BATCHES = [32, 64, 128];

/** Makes `count` run folders below `folder`: each rate with each batch size, several seeds; the last one is not finished. */
export function manyRuns(folder: string, count: number): void {
  for (let i = 0; i < count; i++) {
    const rate = RATES.at(i % RATES.length) ?? 0;
    const batch = BATCHES.at(Math.floor(i / RATES.length) % BATCHES.length) ?? 0;
    const partial: PartialSpec = {
      layers: [784, 100, 100, 100],
      epochs: CHAPTERS,
      splits: CHAPTERS,
      learningRate: rate,
      batch,
      seed: 1 + Math.floor(i / (RATES.length * BATCHES.length)),
    };
    const spec = resolveSpec(partial);
    const end = 0.9 + 0.07 * (1 - rate) + 0.001 * (i % 7) - batch / 10_000;
    const events = simulatedEvents(partial, 'sequential', 1);
    const seconds = 3 * CHAPTERS;
    const validations = Array.from({ length: CHAPTERS }, (_, chapter): RunEvent => ({
      type: 'validation',
      chapter,
      at: (seconds * (chapter + 1)) / CHAPTERS,
      seconds: 0.1,
      on: 'test',
      samples: 1000,
      accuracy: end * (1 - 0.6 / (chapter + 2)),
      layerAccuracy: [0.8, 0.85, 0.9],
      balancedAccuracy: end,
      macroF1: end,
    }));
    const whole = i < count - 1;
    const run = logFolder(
      path.join(folder, `run-${String(i + 1).padStart(2, '0')}`),
      whole ? [...events, ...validations] : events.slice(0, 20),
    );
    writeFileSync(path.join(run, 'spec.json'), JSON.stringify(spec));
    if (whole)
      writeFileSync(
        path.join(run, 'result.json'),
        JSON.stringify({
          spec,
          dataset: 'mnist',
          dataDigest: 'd'.repeat(64),
          epochs: spec.epochs,
          variant: 'all-layers',
          nodes: 2,
          evaluatedOn: 'test',
          testAccuracy: end,
          confusion: [],
          trainSeconds: 60 + i,
          modelDigest: `${i}`.padStart(64, 'a'),
        }),
      );
    if (i % 3 === 0)
      changeTags(run, { add: [i % 2 ? 'odd' : 'even', 'sweep'], note: i === 0 ? 'the first of them' : undefined });
  }
}
