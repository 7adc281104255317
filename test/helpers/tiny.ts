/** Small data and networks for tests: a learnable toy dataset, made by keyed randomness. */
import { sha256 } from '#platform/hash';
import { bytesOf, sharedBytes, type Dataset, type Samples } from '../../src/data/dataset.js';
import { RandomStream } from '../../src/random.js';
import { resolveSpec, type PartialSpec, type RunSpec } from '../../src/spec/spec.js';

export const TOY_SIDE = 6;
export const TOY_CLASSES = 4;

/** Images of 6 x 6 whose class is a bright quadrant, with noise. */
function toySamples(count: number, stream: RandomStream): Samples {
  const size = TOY_SIDE * TOY_SIDE;
  const images = sharedBytes(count * size);
  const labels = sharedBytes(count);
  for (let i = 0; i < count; i++) {
    const label = stream.below(TOY_CLASSES);
    labels[i] = label;
    for (let p = 0; p < size; p++) {
      const right = p % TOY_SIDE >= TOY_SIDE / 2 ? 1 : 0;
      const low = Math.floor(p / TOY_SIDE) >= TOY_SIDE / 2 ? 2 : 0;
      images[i * size + p] = stream.below(100) + (right + low === label ? 120 : 0);
    }
  }
  return { count, images, labels };
}

export function toyDataset(train = 200, test = 80): Dataset {
  const data = {
    train: toySamples(train, new RandomStream(7, 'test', 1)),
    test: toySamples(test, new RandomStream(7, 'test', 2)),
  };
  const hash = sha256();
  for (const { images, labels } of [data.train, data.test]) hash.update(bytesOf(images)).update(bytesOf(labels));
  return {
    name: 'toy',
    shape: { width: TOY_SIDE, height: TOY_SIDE, channels: 1 },
    classes: ['top left', 'top right', 'bottom left', 'bottom right'],
    ...data,
    digest: hash.hex(),
  };
}

/** A spec for the toy dataset; `more` goes over it. */
export function toySpec(more: PartialSpec = {}): RunSpec {
  return resolveSpec({
    dataset: 'toy',
    layers: [36, 24, 20, 16],
    batch: 16,
    epochs: 4,
    learningRate: 0.02,
    seed: 3,
    ...more,
  });
}
