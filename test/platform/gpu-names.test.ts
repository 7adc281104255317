/** Which GPU a number or a part of a name means, and what is said where it means none, or one that Dawn would not open. */
import { expect, test } from 'vitest';
import { namesIn, pickGpu } from '../../src/platform/node/gpu-names.js';

const dawn = `no suitable backends found
Available adapters:
 * backend: 'vulkan', name: 'NVIDIA GeForce RTX 4070'
 * backend: 'vulkan', name: 'Intel's UHD (CFL GT2)'
 * backend: 'vulkan', name: 'NVIDIA GeForce RTX 4090'
 * backend: 'vulkan', name: 'NVIDIA GeForce RTX 4090'
 * backend: 'vulkan', name: 'GeForce RTX'`;
const names = namesIn(dawn);

test("names are read from Dawn's list", () => {
  expect(names).toHaveLength(5);
  expect(names.slice(0, 2)).toEqual(['NVIDIA GeForce RTX 4070', "Intel's UHD (CFL GT2)"]);
  expect(namesIn('another error')).toEqual([]);
});

test.each([
  ['0', 'NVIDIA GeForce RTX 4070'],
  ['2', 'NVIDIA GeForce RTX 4090'],
  ['intel', "Intel's UHD (CFL GT2)"],
  // No GPU has this number.
  ['4090', 'NVIDIA GeForce RTX 4090'],
  ['nvidia', 'NVIDIA GeForce RTX 4070'],
])('%s means %s', (asked, name) => expect(pickGpu(names, asked)).toBe(name));

test.each(['5', 'amd', '-1'])('%s means none, and those that there are are listed', (asked) => {
  const listed = `there is no GPU ${asked} for webgpu kernels; there are: 0 NVIDIA GeForce RTX 4070, 1 Intel's UHD`;
  expect(() => pickGpu(names, asked)).toThrow(listed);
});

test.each([
  ['3', 'take GPU 2 (NVIDIA GeForce RTX 4090)'],
  // Its name is a part of another one's.
  ['4', 'take GPU 0 (NVIDIA GeForce RTX 4070)'],
  ['GeForce RTX', 'take GPU 0'],
])('%s is one that cannot be opened by its name', (asked, message) => {
  expect(() => pickGpu(names, asked)).toThrow(message);
});
