/**
 * The GPU bench's report: what it says where there is no GPU, and what its figures are.
 * Own process: its environment names a GPU that is not there.
 */
import { expect, test } from 'vitest';
import { gpuSection } from '../../bench/gpu/report.js';
import { runGpu, type GpuReport } from '../../bench/gpu/run.js';
import { describe, FULL, stepFlop, TINY } from '../../bench/gpu/workload.js';
import { parseOptions } from '../../bench/options.js';

test('says in a line what would be measured where there is no GPU', async () => {
  const before = process.env['PFF_WEBGPU'];
  process.env['PFF_WEBGPU'] = '/none/webgpu.js';
  try {
    const report = await runGpu({
      precisions: ['f32'],
      repetitions: 1,
      peersFolder: '/none',
      python: '/none/python',
      tiny: false,
      peak: undefined,
      progress: () => {},
    });
    expect(report.figures).toEqual([]);
    expect(gpuSection(report)).toMatch(
      /^## On a GPU\n\nNothing was measured: there is no GPU .*\. It would measure a training step .* at batch 64, 512, 4096/,
    );
  } finally {
    if (before === undefined) delete process.env['PFF_WEBGPU'];
    else process.env['PFF_WEBGPU'] = before;
  }
});

test('figures, and PyTorch that is missing', () => {
  const report: GpuReport = {
    without: undefined,
    wouldMeasure: describe(FULL),
    device: 'some gpu',
    peakTeraflops: { value: 60, measured: false },
    tiny: true,
    about: ['pff, f32: webgpu/some gpu'],
    missing: [{ name: 'PyTorch', why: 'it is not there', install: 'a package' }],
    figures: [
      {
        by: 'pff, f32',
        work: 'step',
        batch: 64,
        seconds: { median: 0.001, low: 0.0009, high: 0.002 },
        peakShare: (100 * stepFlop(64, 2000)) / (0.001 * 60e12),
      },
      {
        by: 'pff, f32',
        work: 'preset',
        batch: undefined,
        seconds: { median: 3, low: 3, high: 3 },
        peakShare: undefined,
      },
    ],
  };
  const text = gpuSection(report);
  expect(text).toContain('| step | 64 | pff, f32 | 1.000 (0.900–2.000) ms | 3.4 |');
  expect(text).toContain('| default preset |  | pff, f32 | 3.00 s |  |');
  expect(text).toContain('The f32 peak, as given: 60.0 TFLOP/s.');
  expect(text).toContain('**PyTorch is missing**: it is not there.');
  expect(text).toContain('Tiny sizes');
});

test('its options', () => {
  expect(parseOptions(['--only', 'gpu', '--gpu-peak', '67', '--gpu-tiny'])).toMatchObject({
    gpuPeak: 67,
    gpuTiny: true,
  });
  expect(() => parseOptions(['--gpu-peak', '0'])).toThrow('--gpu-peak must be a number above 0');
  expect(Math.max(...TINY.batches)).toBeLessThan(Math.min(...FULL.batches));
});
