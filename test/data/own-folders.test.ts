/** Folders and archives of one's own that cannot be read as they are. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, expect, it } from 'vitest';
import { loadOwnData } from '../../src/data/sources/own/own-data.js';
import { USUAL_READING } from '../../src/data/readers/reading.js';
import { encodeNpy } from '../../src/formats/npy.js';
import { encodeNpz } from '../../src/formats/npz.js';
import { asNobody } from '../helpers/not-root.js';
import { describeError } from './helpers.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-folders-'));
afterAll(() => rmSync(folder, { recursive: true }));
const made = (name: string): string => {
  const whole = path.join(folder, name);
  mkdirSync(whole, { recursive: true });
  return whole;
};
const refusal = (where: string, imageSize = ''): Promise<string> =>
  describeError(() => loadOwnData(where, { ...USUAL_READING, imageSize }));

it('a link that leads nowhere is no folder', async () => {
  const where = made('links');
  symlinkSync(path.join(folder, 'gone'), path.join(where, 'x'));
  expect(await refusal(where)).toContain('has neither folders of images nor files that are read');
});

it('a folder that may not be read is named', async () => {
  const where = made('private');
  chmodSync(folder, 0o755);
  chmodSync(where, 0);
  expect(await asNobody(() => refusal(where))).toContain(`cannot read the folder ${where}`);
  chmodSync(where, 0o700);
});

it('images that take more memory than there can be are refused', async () => {
  const image = PNG.sync.write(new PNG({ width: 2, height: 2 }));
  for (const name of ['a', 'b'])
    for (let i = 0; i < 100; i++) writeFileSync(path.join(made(`large/${name}`), `${i}.png`), image);
  expect(await refusal(path.join(folder, 'large'), '9999x9999x3')).toMatch(
    /^memory: 200 images of 9999 x 9999 x 3 take 60\.0 GB/,
  );
});

it('arrays without samples, and labels that are none, are refused', async () => {
  const archive = async (name: string, images: readonly number[], labels: Float32Array): Promise<string> => {
    const size = images.reduce((product, each) => product * each, 1);
    const content = {
      'x_train.npy': encodeNpy(images, new Uint8Array(size)),
      'y_train.npy': encodeNpy([labels.length], labels),
    };
    writeFileSync(path.join(folder, name), await encodeNpz(content));
    return path.join(folder, name);
  };
  expect(await refusal(await archive('none.npz', [0, 4, 4], new Float32Array()))).toContain(
    'a pair of arrays has no samples',
  );
  const labels = Float32Array.of(0, 1, Number.NaN, 1);
  expect(await refusal(await archive('nan.npz', [4, 4, 4], labels))).toContain('the label of sample 3 is NaN');
});
