/** `--gpu` and `pff doctor` as a user meets them, with SwiftShader as the GPU, and without any. */
import { expect, test } from 'vitest';
import { machineReportSchema } from '../../src/doctor/machine-report.js';
import { softwareGpu } from '../../tools/webgpu.js';
import { ownFolder, pff, SMALL } from './helpers.js';

const gpu = softwareGpu();

test('pff doctor lists the GPUs by number and name', async () => {
  const folder = ownFolder();
  const { stdout } = await pff(['doctor', '--json'], folder, undefined, { ...gpu, PFF_CACHE_DIR: folder });
  const { text, gpus } = machineReportSchema.parse(JSON.parse(stdout)).gpu;
  expect(text).toBeNull();
  expect(gpus).toEqual([
    expect.objectContaining({ number: 0, name: expect.stringContaining('SwiftShader') as string, software: true }),
  ]);
  expect(gpus[0]?.bufferBytes).toBeGreaterThan(2 ** 27);
});

test('pff doctor and --gpus all say in one line that there is no driver', async () => {
  const folder = ownFolder();
  const without = { ...gpu, VK_ICD_FILENAMES: '/none/driver.json', PFF_CACHE_DIR: folder };
  const run = await pff(['doctor', '--json'], folder, undefined, without);
  expect(run.code).toBe(0);
  const text = 'there is no GPU for webgpu kernels: no adapter was found';
  expect(machineReportSchema.parse(JSON.parse(run.stdout)).gpu).toEqual({ text, gpus: [] });
  const train = await pff(['train', ...SMALL, '--gpus', 'all', '--nodes', '2'], folder, undefined, without);
  expect(train.code).toBe(1);
  expect(train.stderr).toContain(`pff: ${text}`);
});

test.each([
  ['--gpu 0 --kernels avx2', 2, '--gpu 0 is of webgpu kernels, but --kernels is avx2'],
  ['--kernels webgpu:', 2, '--kernels must be one of'],
  ['--gpu 3', 1, 'there is no GPU 3 for webgpu kernels; there are: 0 SwiftShader Device (Subzero)'],
  ['--gpus all --gpu 0', 2, 'gpus were given, but all nodes compute with webgpu:0 kernels'],
  ['--gpus 0,0,0 --nodes 2', 2, '3 GPUs were given, but nodes is 2'],
  ['--gpus all --server nats://127.0.0.1:1', 2, 'gpus were given, but nodes of a cluster have GPUs of their own'],
  ['--gpus 0,radeon', 1, 'there is no GPU radeon for webgpu kernels'],
  ['--kernels webgpu:radeon', 1, 'there is no GPU radeon for webgpu kernels'],
])('pff train %s ends with %i', async (line, code, message) => {
  const run = await pff(['train', ...SMALL, ...line.split(' ')], ownFolder(), undefined, gpu);
  expect(run.code).toBe(code);
  expect(run.stderr).toContain(`pff: ${message}`);
});
