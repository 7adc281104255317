/** Small training trajectories: shapes, and the SHA-256 of all that can be seen of each, by precision. */
import { sha256 } from '#platform/hash';
import type { Kernels } from '../../src/kernels/kernels.js';
import { runLayerOnDevice, type Shape } from './layers.js';

export const shapes: readonly Shape[] = [
  {
    prefix: 117,
    suffix: 10,
    outputs: 100,
    batch: 24,
    variants: 2,
    activation: 'relu',
    delta: 'rowScale',
    optimizer: 'adam',
    gather: true,
    seed: 1,
    steps: 10,
  },
  {
    prefix: 100,
    suffix: 0,
    outputs: 10,
    batch: 33,
    variants: 1,
    activation: 'linear',
    delta: 'values',
    optimizer: 'adam',
    gather: false,
    seed: 2,
    steps: 10,
  },
  {
    prefix: 117,
    suffix: 10,
    outputs: 100,
    batch: 24,
    variants: 2,
    activation: 'relu',
    delta: 'rowScale',
    optimizer: 'sgd',
    gather: true,
    seed: 1,
    steps: 10,
  },
];

export const golden = {
  f32: [
    '81d5f3e1cb93866f44ef5f5ef308d00db032817eb58cfb23cb45d7a3aa6fbb9d',
    'ec1402eee7cc2b9768bbf06023f42bab302b8aa21d37bbb82e4b4020d7e2c4bc',
    'e03ccf7a75c6e9dd29fb9e3c486a8831d82efe7dddd0bf9ebef931141b1a19bb',
  ],
  bf16: [
    'c735c9274f29e5a31d2137e42eaa8062e3e007daa87da91dadfd0524cd5535f5',
    'b82432e87fc4f25d77ab6f997e269565901a692b4f514d289e4dcd808a6f6efa',
    '95e337db4c3b39acfafe344f68cf06908fb63cbb35af34c021a7c28d53bbce84',
  ],
  'bf16-tile': [
    '40936afd144610ea0bce0009d2e3ea9801b6c39961fa86ec84b818974ec5483d',
    '179df205ac688cc52ae623a8ff537bda7757161338d320b943ee2b36202dd5c9',
    '5f8b03fe7e1d894064b31f073f09410cc19bd3dc8d907322d630d086e2c51ec2',
  ],
};

/** The digest of one of them. */
export async function trajectory(kernels: Kernels, shape: Shape): Promise<string> {
  const hash = sha256();
  for (const [what, values] of await runLayerOnDevice(kernels, shape))
    hash.update(what).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return hash.hex();
}
