/** A training of a moment by a part of a plugin: twice in this thread, and once on two that load the plugin themselves. */
import { datasetFromArrays } from '../data/arrays.js';
import type { Dataset } from '../data/dataset.js';
import { messageOf, PffError } from '../errors.js';
import { RandomStream } from '../random.js';
import { trainToEnd } from '../run/train.js';
import type { OwnKind } from '../spec/own-parts.js';
import { usesNegatives, type PartialSpec } from '../spec/spec.js';
import { percent } from '../report/units.js';
import { judged, wrong, type Finding } from './finding.js';

const SIDE = 4;
const CLASSES = 4;
const SAMPLES = 240;

/** Images of 4 x 4 whose class is a bright quadrant, with noise. */
function quadrants(): Dataset {
  const stream = new RandomStream(31, 'plugin-check', 1);
  const images = new Uint8Array(SAMPLES * SIDE * SIDE);
  const labels = Array.from({ length: SAMPLES }, (_, i) => i % CLASSES);
  for (let i = 0; i < images.length; i++) {
    const at = i % (SIDE * SIDE);
    const quadrant = (at % SIDE >= SIDE / 2 ? 1 : 0) + (at >= (SIDE * SIDE) / 2 ? 2 : 0);
    images[i] = stream.below(90) + (quadrant === labels[Math.floor(i / (SIDE * SIDE))] ? 130 : 0);
  }
  const shape = { width: SIDE, height: SIDE, channels: 1 };
  return datasetFromArrays({ name: 'quadrants', shape, train: { images, labels }, testShare: 0.25 });
}

/** @param kind what `name` is, in a spec */
export async function checkTraining(kind: OwnKind, name: string, plugin: string): Promise<Finding> {
  const dataset = quadrants();
  const objective = kind === 'objective' ? name : 'goodness';
  const spec: PartialSpec = {
    dataset: 'quadrants',
    layers: [SIDE * SIDE, 12, 12, 12],
    labelMode: 'append',
    batch: 16,
    epochs: 4,
    ...(kind === 'negatives' || !usesNegatives(objective) ? {} : { negatives: 'random' }),
    [kind]: name,
  };
  try {
    const digests: string[] = [];
    let accuracy = 0;
    for (const nodes of [1, 1, 2]) {
      const result = await trainToEnd({ spec, nodes, threadsPerNode: 1, validateEvery: 0, plugins: [plugin] }, dataset);
      digests.push(result.modelDigest);
      accuracy = result.testAccuracy;
    }
    const [first, second, threads] = digests;
    const differs =
      first !== second
        ? 'another model the second time: it does not depend on its arguments alone'
        : first !== threads
          ? 'another model in threads of their own, which load the plugin themselves'
          : undefined;
    return judged('training', differs, `the same bits twice and on two threads; ${percent(accuracy)} of a toy right`);
  } catch (error) {
    if (!(error instanceof PffError)) throw error;
    return wrong('training', messageOf(error));
  }
}
