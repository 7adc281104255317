/** Checks of the smaller parts of a plugin: goodness, negative labels, schedules, stores, datasets. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { newLabels, type Labels } from '../data/label-array.js';
import { checkWrong, type OwnNegatives } from '../data/negatives-table.js';
import { checkSamples } from '../data/plausible.js';
import { loadDataset } from '../data/sources/load.js';
import { messageOf } from '../errors.js';
import type { OwnGoodness } from '../objectives/goodness.js';
import { RandomStream } from '../random.js';
import type { RateSchedule } from '../spec/rate-schedules.js';
import { resolveSpec } from '../spec/spec.js';
import { openOwnStore } from '../store/own-store.js';
import { figure, judged, right, wrong, type Finding } from './finding.js';
import { compareGradient, fits } from './numeric-gradient.js';

const ROWS = 6;
const OUTPUTS = 10;
const LABELS = 600;
const CLASSES = [2, 3, 10, 256, 1000];
const MOMENTS = 1000;

/** Rows of activations: 0 and above. */
function activations(row: number): Float32Array {
  const values = new Float32Array(OUTPUTS);
  new RandomStream(23, 'plugin-check', row).fillNormal(values, 1);
  return values.map((value) => Math.abs(value) + 0.05);
}

export async function checkGoodness(own: OwnGoodness): Promise<Finding[]> {
  const rows = Array.from({ length: ROWS }, (_, row) => activations(row));
  const gradientOf = (row: Float32Array): Float32Array => {
    const out = new Float32Array(OUTPUTS);
    own.gradient(row.slice(), out);
    return out;
  };
  let [count, largestError] = [0, 0];
  let misfit: string | undefined;
  for (const row of rows) {
    const claimed = [{ name: 'the gradient of activation ', values: row, gradient: gradientOf(row) }];
    const compared = await compareGradient(claimed, () => own.of(row.slice()), 3e-8 * Math.abs(own.of(row)));
    misfit ??= compared.misfit;
    count += compared.count;
    largestError = Math.max(largestError, compared.largestError);
  }
  // Rows of a layer that is suppressed are zeros, wholly or in part.
  const zeros = [new Float32Array(OUTPUTS), (rows[0] as Float32Array).map((value, i) => (i % 2 === 0 ? 0 : value))];
  const odd = zeros.flatMap((row) => {
    const what = row === zeros[0] ? 'a row of zeros' : 'a row with zeros';
    if (!Number.isFinite(own.of(row.slice()))) return [`${what} has goodness ${own.of(row.slice())}`];
    try {
      gradientOf(row);
      return [];
    } catch (error) {
      return [`for ${what}: ${messageOf(error)}`];
    }
  });
  const bits = (): number[] => rows.flatMap((row) => [own.of(row.slice()), ...gradientOf(row)]);
  return [
    right('shape', 'a number for a row, and its gradient'),
    judged('gradient', misfit, fits({ count, largestError, misfit })),
    judged('finite', odd[0], 'for rows of zeros, too'),
    twice(bits),
  ];
}

export function checkNegatives(name: string, own: OwnNegatives): Finding[] {
  const findings = [right('shape', 'a function that fills in wrong labels')];
  const drawn = (classes: number): Labels => {
    const labels = newLabels(LABELS, classes).map((_, i) => (i * 7) % classes);
    const given = labels.slice();
    const out = newLabels(LABELS, classes);
    own({ labels: given, classes, chapter: 3, stream: new RandomStream(29, 'negatives', 3, 0), out });
    checkWrong(name, labels, out, classes);
    if (given.some((label, i) => label !== labels[i])) throw new Error('it writes to the true labels');
    return out;
  };
  try {
    for (const classes of CLASSES) drawn(classes);
    findings.push(right('labels', `wrong ones, for ${CLASSES.join(', ')} classes`));
    findings.push(twice(() => CLASSES.flatMap((classes) => [...drawn(classes)])));
  } catch (error) {
    findings.push(wrong('labels', messageOf(error)));
  }
  return findings;
}

export function checkSchedule(own: RateSchedule): Finding[] {
  const settings = resolveSpec({});
  const factors = (): number[] => Array.from({ length: MOMENTS + 1 }, (_, i) => own(i / MOMENTS, settings));
  try {
    const all = factors();
    const [first, last] = [all[0] ?? 0, all.at(-1) ?? 0];
    return [
      right('shape', 'a function of the progress'),
      judged(
        'factors',
        all.some((factor) => factor > 0) ? undefined : 'all of them are 0: nothing would be learned',
        `finite and at least 0; from ${figure(first)} to ${figure(last)}`,
      ),
      twice(factors),
    ];
  } catch (error) {
    return [wrong('factors', messageOf(error))];
  }
}

export async function checkStore(name: string): Promise<Finding[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-check-'));
  try {
    const store = await openOwnStore(name, { spec: resolveSpec({}), folder: path.join(folder, 'run') });
    const [first, second] = [Uint8Array.of(1, 2, 3), Uint8Array.from({ length: 5000 }, (_, i) => i % 251)];
    await store.put('c0.l0', first.slice());
    await store.put('c0.l1', second.slice());
    await store.put('c0.l0', first.slice());
    const [one, two] = [await store.get('c0.l0'), await store.get('c0.l1')];
    await store.delete('c0.l1');
    await store.delete('c0.l1');
    const kept = await store.get('c0.l0');
    await store.close();
    const same = (found: Uint8Array | undefined, put: Uint8Array): boolean =>
      found !== undefined && found.length === put.length && put.every((byte, i) => byte === found[i]);
    const lost = !same(one, first) || !same(two, second) ? 'what was put does not come back as it was' : undefined;
    const dropped = same(kept, first) ? undefined : 'delete took what was put under another key';
    return [right('shape', 'put, get, delete, close'), judged('bytes', lost ?? dropped, 'come back as they were put')];
  } catch (error) {
    return [wrong('bytes', messageOf(error))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function checkDataset(dataset: string, dataDir: string | undefined): Promise<Finding[]> {
  try {
    const [first, second] = [await loadDataset({ dataset, dataDir }), await loadDataset({ dataset, dataDir })];
    checkSamples(first);
    const { train, test, classes } = first;
    return [
      right('shape', `${train.count} training and ${test.count} test samples of ${classes.length} classes`),
      judged('same bits', first.digest === second.digest ? undefined : 'another digest the second time', 'twice'),
    ];
  } catch (error) {
    return [wrong('loads', messageOf(error))];
  }
}

/** Whether the same is computed twice, bit for bit. */
export function twice(bits: () => readonly number[]): Finding {
  const [first, second] = [bits(), bits()];
  const at = first.findIndex((value, i) => !Object.is(value, second[i]));
  return judged('same bits', at < 0 ? undefined : `${first[at]}, and a second time ${second[at]}`, 'twice');
}
