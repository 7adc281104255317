/** Convolutions from the command line: every word of the short form trains, and a network on PNGs of one's own predicts files and folders of them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, expect, it } from 'vitest';
import { pff, tempFolder } from './helpers.js';

const { folder, drop } = tempFolder();
afterAll(drop);

/** A bar on noise, in red or in blue: 14 x 12 pixels, or twice as many. */
function bar(lying: boolean, i: number, scale = 1): Uint8Array {
  const [width, height] = [14 * scale, 12 * scale];
  const png = new PNG({ width, height });
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [column, row] = [Math.floor(x / scale), Math.floor(y / scale)];
      const noise = ((column * 7 + row * 13) * (i + 3)) % 60;
      const on = lying ? row === i % 12 : column === i % 14;
      const colour = i % 2 === 0 ? [255, 40, 40, 255] : [40, 40, 255, 255];
      png.data.set(on ? colour : [noise, noise, noise, 255], 4 * (y * width + x));
    }
  return PNG.sync.write(png);
}

for (const [name, lying] of [
  ['upright', false],
  ['lying', true],
] as const) {
  mkdirSync(path.join(folder, 'bars', name), { recursive: true });
  for (let i = 0; i < 80; i++) writeFileSync(path.join(folder, 'bars', name, `${i}.png`), bar(lying, i));
}

interface Predicted {
  readonly className: string;
  readonly truth?: string;
  readonly remarks?: readonly string[];
}

it('a network on PNGs predicts one, some, and folders of them', async () => {
  const layers = ['--layers', 'auto,conv8,bn,leaky,conv12,bn,max2'];
  const rates = ['--learning-rate', '0.005', '--head-learning-rate', '0.01', '--batch', '16'];
  const data = ['--data', 'bars', '--test', '0.25', '--epochs', '12'];
  const asked = ['train', ...data, ...layers, ...rates, '--objective', 'pred', '--out', 'run', '--json', '--quiet'];
  const trained = await pff(asked, folder);
  expect(trained.code, trained.stderr).toBe(0);
  expect((JSON.parse(trained.stdout) as { testAccuracy: number }).testAccuracy).toBeGreaterThan(0.8);

  const predict = async (...inputs: string[]): Promise<Predicted[]> => {
    const { code, stdout, stderr } = await pff(['predict', 'run', ...inputs, '--json'], folder);
    expect([code, stderr]).toEqual([0, '']);
    return JSON.parse(stdout) as Predicted[];
  };
  writeFileSync(path.join(folder, 'one.png'), bar(true, 85));
  writeFileSync(path.join(folder, 'large.png'), bar(true, 85, 2));
  const [one, large] = await predict('one.png', 'large.png');
  expect([one?.className, one?.remarks]).toEqual(['lying', undefined]);
  expect([large?.className, large?.remarks]).toEqual(['lying', ['scaled from 28 x 24 to 14 x 12 pixels']]);

  const upright = await predict('bars/upright');
  expect(upright).toHaveLength(80);
  expect(upright.filter(({ className }) => className === 'upright').length).toBeGreaterThan(64);
  expect(await predict('bars')).toHaveLength(160);

  const text = await pff(['predict', 'run', 'one.png'], folder);
  expect(text.stdout).toMatch(/one\.png +0 +lying +lying [0-9.]+ %/);
});

it.each([
  ['pools, dense by its word', ['--layers', 'auto,conv4,max2,conv6,max2,dense8', '--objective', 'pred']],
  [
    'sizes, strides, paddings, groups, norms and slopes',
    [
      '--layers',
      'auto,avg2,conv6k5s2p1g3,rms,leaky0.2,conv8k1p0+ln2d,conv8k3g4+gn4+linear,9',
      '--objective',
      'predsim',
    ],
  ],
  ['goodness with a pool first', ['--layers', 'auto,max2,conv6+bn,conv8+ln+max2', '--learning-rate', '0.003']],
  [
    'dropout of channels, backpropagation',
    ['--layers', 'auto,max2,conv6+rms,8', '--objective', 'backprop', '--dropout', '0.3', '--dropout-of', 'channels'],
  ],
  [
    'backpropagation with heads',
    ['--layers', 'auto,conv6+relu+bn,conv8s2+ln2d', '--objective', 'backprop-heads', '--classifier', 'all-heads'],
  ],
  ['DFF', ['--layers', 'auto,max2,conv6+rms,conv8+bn', '--variant', 'dff']],
])('%s', async (name, flags) => {
  const data = ['--data', 'bars', '--test', '0.25', '--epochs', '1'];
  const { code, stdout, stderr } = await pff(['train', ...data, ...flags, '--json', '--quiet', '--out', name], folder);
  expect([code, stderr]).toEqual([0, '']);
  expect((JSON.parse(stdout) as { testAccuracy: number }).testAccuracy).toBeGreaterThan(0);
});
