/**
 * Whole runs on a GPU (here SwiftShader), alone and beside the CPU: one digest; and what is said where there is no GPU.
 * Own process: its environment names a GPU in software.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { trainToEnd } from '../../src/run/train.js';
import { softwareGpu } from '../../tools/webgpu.js';
import { ownFolder, pff } from '../cli/helpers.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const environment = softwareGpu();
Object.assign(process.env, environment);
const dataset = toyDataset(40, 8);

describe.each([
  ['goodness, AdaptiveNEG, with dropout', { negatives: 'adaptive', dropout: 0.2 }],
  ['heads, with SGD, in bf16-tile', { objective: 'performance-optimized', optimizer: 'sgd', precision: 'bf16-tile' }],
  ['backpropagation in bf16', { objective: 'backprop', precision: 'bf16' }],
] as const)('%s', (_, part) => {
  it('has the digest of the CPU', { timeout: 120_000 }, async () => {
    const spec = toySpec({ ...part, layers: [36, 12, 10], epochs: 2 });
    const onGpu = await trainToEnd({ spec, kernels: 'webgpu' }, dataset);
    const onCpu = await trainToEnd({ spec, kernels: 'reference' }, dataset);
    expect(onGpu.modelDigest).toBe(onCpu.modelDigest);
    expect(onGpu.testAccuracy).toBe(onCpu.testAccuracy);
    expect(onGpu.kernels).toMatch(/^webgpu\//);
  });
});

/** A table of three classes, told by which column is large. */
function table(folder: string): string {
  const rows = Array.from({ length: 60 }, (_, i) =>
    [0, 1, 2].map((j) => (j === i % 3 ? 1 + (i % 7) / 10 : (i % 5) / 10)),
  );
  const text = ['a,b,c,class', ...rows.map((row, i) => `${row.join(',')},${'xyz'[i % 3]}`)].join('\n');
  writeFileSync(path.join(folder, 'table.csv'), text);
  return 'table.csv';
}

describe('the program', () => {
  const words = (kernels: string, nodes: number) =>
    `--layers 3,12,12 --epochs 2 --batch 16 --kernels ${kernels} --nodes ${nodes} --out ${kernels}-${nodes}`.split(' ');
  const digest = (stdout: string) => /model digest\s+([0-9a-f]{64})/.exec(stdout)?.[1];

  it('trains with two nodes, each on a GPU (here the same one), and ends', { timeout: 120_000 }, async () => {
    const folder = ownFolder();
    const data = ['train', '--data', table(folder)];
    const [cpu, gpu] = [
      await pff([...data, ...words('reference', 1)], folder),
      // By its number, and by a part of its name.
      await pff([...data, ...words('auto', 2), '--gpus', '0,swiftshader'], folder),
    ];
    expect([cpu.code, gpu.code]).toEqual([0, 0]);
    expect(digest(cpu.stdout)).toBeDefined();
    expect(digest(gpu.stdout)).toBe(digest(cpu.stdout));
  });

  it.each([
    // Dawn and Vulkan's loader add warnings of their own.
    [
      'WebGPU is not installed',
      { PFF_WEBGPU: '/none/webgpu.js' },
      'there is no GPU for webgpu kernels: the npm package `webgpu` is not installed',
    ],
    [
      'there is no driver',
      { VK_ICD_FILENAMES: '/none/driver.json' },
      'there is no GPU for webgpu kernels: no adapter was found',
    ],
    [
      'no GPU has that name',
      { PFF_GPU: 'no-such-gpu' },
      'there is no GPU no-such-gpu for webgpu kernels; there are: 0 SwiftShader',
    ],
  ])('says in one line that %s', async (_, more, message) => {
    const folder = ownFolder();
    const { code, stderr } = await pff(
      ['train', '--data', table(folder), ...words('webgpu', 1)],
      folder,
      undefined,
      more,
    );
    expect(code).toBe(1);
    expect(stderr).toContain(`pff: ${message}`);
  });
});
