/** What 32 bits have of their own: addresses above 2 GiB in the memory of WebAssembly, and sums at the least normal number. */
import { expect, it } from 'vitest';
import { fma } from '../../src/kernels/reference/fma.js';
import { ofFourGigabytes } from '../../src/kernels/wasm/heap.js';
import { loadWasmBuild } from '../../src/kernels/wasm/load.js';

it('addresses above 2 GiB are no negative numbers, and sizes that 32 bits do not hold are refused', () => {
  const given: number[] = [];
  const refuse = (bytes: number): never => {
    throw new Error(`no ${bytes}`);
  };
  const exported = {
    take: (bytes: number) => (bytes === 8 ? -268_550_656 : 16),
    give: (at: number) => void given.push(at),
  };
  const allocator = ofFourGigabytes(exported, refuse);
  expect([allocator.take(8), allocator.take(2 ** 31 - 4)]).toEqual([4_026_416_640, 16]);
  expect(() => allocator.take(2 ** 32 + 100)).toThrow('no 4294967396');
  allocator.give(allocator.take(8));
  expect(given).toEqual([4_026_416_640]);
});

it.each(['exact', 'fused'] as const)('%s: a sum just below the least normal number is rounded once', async (build) => {
  const { multiplyAdd } = await loadWasmBuild(build);
  // The double sum is halfway between the largest subnormal number and the least normal one, and the true one below it.
  const [a, b, c] = [-(1 + 2896 * 2 ** -23) * 2 ** -75, (1 - 2895 * 2 ** -23) * 2 ** -75, 2 ** -126] as const;
  const largestSubnormal = 2 ** -126 - 2 ** -149;
  expect(fma(a, b, c)).toBe(largestSubnormal);
  expect(multiplyAdd(a, b, c)).toBe(largestSubnormal);
  expect(multiplyAdd(2 ** -75, 2 ** -75, 2 ** -126)).toBe(2 ** -126);
});
