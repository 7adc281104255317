/** The probe of a backend's numerics: what it expects is what the reference computes, and it notices other arithmetic. */
import { describe, expect, test } from 'vitest';
import type { StageTensors } from '../../src/kernels/block/contract.js';
import { doubleProductsInJavaScript, type DoubleProducts } from '../../src/kernels/double-products.js';
import type { SyncKernels } from '../../src/kernels/kernels.js';
import { exactNumerics, precisions } from '../../src/kernels/numerics.js';
import {
  PROBE_ROWS_DIGEST,
  probeBlockDigest,
  probeBlockDigests,
  probeDigest,
  probeDigests,
  probeRowsDigest,
  proveNumerics,
} from '../../src/kernels/probe.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { backends, openBackend } from './backends.js';

describe.each(precisions)('%s', (precision) => {
  test('the recorded digest is that of the reference', async () => {
    const { id } = exactNumerics[precision];
    const kernels = openReference(precision);
    expect({ [id]: await probeDigest(kernels) }).toEqual({ [id]: probeDigests[id] });
    expect({ [id]: await probeBlockDigest(kernels) }).toEqual({ [id]: probeBlockDigests[id] });
    expect(await probeRowsDigest(kernels)).toBe(PROBE_ROWS_DIGEST);
  });

  test.each(backends)('%s proves its numerics', async (name) => {
    const kernels = openBackend(name, 1, precision);
    await expect(proveNumerics(kernels)).resolves.toBeUndefined();
    kernels.close();
  });
});

/** `kernels` with something about their layers changed. */
function altered(change: (activations: Float32Array) => void, numerics = exactNumerics.f32): SyncKernels {
  const kernels = openReference();
  return {
    ...kernels,
    name: 'altered',
    numerics,
    openDense: (tensors, options) => {
      const dense = kernels.openDense(tensors, options);
      return Object.assign(Object.create(dense) as typeof dense, {
        forward: dense.forward.bind(dense),
        infer: dense.infer.bind(dense),
        inputGradient: dense.inputGradient.bind(dense),
        update: dense.update.bind(dense),
        read: dense.read.bind(dense),
        close: dense.close.bind(dense),
        activations: () => {
          const values = dense.activations();
          change(values);
          return values;
        },
      });
    },
  };
}

describe('a backend that computes something else', () => {
  test('one bit in one activation is found', async () => {
    const flip = (values: Float32Array): void => {
      const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
      words[100] = (words[100] ?? 0) ^ 1;
    };
    await expect(proveNumerics(altered(flip))).rejects.toThrow(
      expect.objectContaining({
        code: 'kernels',
        message: expect.stringContaining('do not compute the bits of f32-fma/1'),
      }),
    );
  });

  test('one bit of a convolution is found', async () => {
    const kernels = openReference();
    const openBlock: SyncKernels['openBlock'] = (stages, [first, ...rest], options) => {
      const changed = first?.parameters.map((values) => values.slice()) as Float32Array[];
      const words = new Uint32Array((changed[0] as Float32Array).buffer);
      words[5] = (words[5] ?? 0) ^ 1;
      return kernels.openBlock(stages, [{ ...(first as StageTensors), parameters: changed }, ...rest], options);
    };
    await expect(proveNumerics({ ...kernels, openBlock })).rejects.toThrow('do not compute the bits of f32-fma/1');
  });

  test('one bit of a product of doubles is found', async () => {
    const doubleProducts: DoubleProducts = (left, right, shape, out) => {
      doubleProductsInJavaScript(left, right, shape, out);
      out[3] = (out[3] as number) * (1 + Number.EPSILON);
    };
    await expect(proveNumerics({ ...openReference(), doubleProducts })).rejects.toThrow('do not compute the bits');
  });

  test('a product of doubles that is fused with its sum is found', async () => {
    // What is left of a product's rounding, by Dekker's splitting: a fused sum keeps it.
    const split = (x: number): [number, number] => {
      const high = x * 134217729 - (x * 134217729 - x);
      return [high, x - high];
    };
    const lost = (x: number, y: number): number => {
      const [[a, b], [c, d]] = [split(x), split(y)];
      return b * d - (x * y - a * c - b * c - a * d);
    };
    const doubleProducts: DoubleProducts = (left, right, { rows, terms, columns }, out) => {
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) {
          let sum = 0;
          for (let k = 0; k < terms; k++) {
            const [x, y] = [left[i * terms + k] as number, right[k * columns + j] as number];
            sum = sum + x * y + lost(x, y);
          }
          out[i * columns + j] = sum;
        }
    };
    await expect(proveNumerics({ ...openReference(), doubleProducts })).rejects.toThrow('do not compute the bits');
  });

  test('numerics that have no probe are not believed', async () => {
    await expect(proveNumerics(altered(() => {}, { id: 'new/1', exact: true }))).rejects.toThrow('new/1');
  });

  test('numerics that are not exact need no proof', async () => {
    const kernels = { ...openReference(), numerics: { id: 'gpu/1', exact: false, tolerance: 1e-5 } as const };
    await expect(proveNumerics(kernels)).resolves.toBeUndefined();
  });
});
