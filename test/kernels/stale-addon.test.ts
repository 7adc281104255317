/**
 * An addon of an earlier build than the program: said in words, and the program goes on without it where it may.
 * Own process: no addon may have been loaded before.
 */
import { expect, it } from 'vitest';
import { loadAddon, type Addon, type LoadedAddon } from '../../src/kernels/native/addon.js';
import { openKernels } from '../../src/kernels/open.js';

const loaded = loadAddon();
const badCall = (): never => {
  throw Object.assign(new Error('finishPlanes: y is too short'), { code: 'PFF_BAD_CALL' });
};

/** The addon, but for some functions. */
const stale = (others: Partial<Record<keyof Addon, unknown>>) => (): LoadedAddon => {
  if (!('addon' in loaded)) throw new Error(loaded.reason);
  return { addon: { ...loaded.addon, ...others } as Addon, path: 'build/pff-native.node' };
};

it.skipIf(!('addon' in loaded)).each([
  ['other arguments', { finishPlanes: badCall }, 'finishPlanes: y is too short'],
  ['functions that are not there', { forward: undefined }, 'forward is not a function'],
  ['functions of losses that are not there', { doubleProducts: undefined }, 'doubleProducts is not a function'],
])('with %s (skip: no addon built)', async (_, others, why) => {
  const load = stale(others);
  await expect(openKernels({ kernels: 'portable', threads: 1 }, load)).rejects.toMatchObject({
    code: 'kernels',
    message: expect.stringMatching(
      new RegExp(`^portable kernels were asked for, but the native kernels .* are of another build.*${why}`),
    ) as string,
    hint: expect.stringContaining('npm run build') as string,
  });
  const { kernels, reason } = await openKernels({ kernels: 'auto', threads: 1 }, load);
  expect(kernels.name).toBe('wasm');
  expect(reason).toContain('are of another build than this program');
  kernels.close();
});
