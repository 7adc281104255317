/** A batch as a chapter sees it: rows keep their labels and their unit length. */
import { describe, expect, it } from 'vitest';
import type { SampleValues } from '../../../src/data/dataset.js';
import { labelLayout } from '../../../src/data/labels.js';
import { augmentation, mirrored } from '../../../src/model/augment/augment.js';
import { labelled } from '../../../src/node/prepare.js';
import { resolveSpec } from '../../../src/spec/spec.js';
import { toyDataset } from '../../helpers/tiny.js';

describe('a batch', () => {
  const { train, shape } = toyDataset();
  const layout = labelLayout(shape, 4, 'overlay');
  const data = labelled(train, layout, shape, { subtractMean: false });
  const rows = Uint32Array.of(5, 0, 199, 5);

  const none = resolveSpec({});

  it('is the same for all layers of a chapter, or another for each', () => {
    const seen = (augmentPer: 'chapter' | 'layer', layer: number): SampleValues =>
      augmentation({ ...none, shift: 2, affine: 0.2, augmentPer }, 3, layer)(data, rows).data.samples.images;
    expect(seen('chapter', 2)).toEqual(seen('chapter', 0));
    expect(seen('layer', 0)).toEqual(seen('chapter', 0));
    expect(seen('layer', 2)).not.toEqual(seen('layer', 0));
  });

  it('without augmentation is the data itself', () => {
    const view = augmentation(none, 3)(data, rows);
    expect(view.data).toBe(data);
    expect(view.rows).toBe(rows);
  });

  it.each([
    [{ shift: 2 }, false],
    [{ shift: 2 }, true],
    [{ affine: 0.2, elastic: 1 }, true],
    [{ cutout: 3 }, false],
    [{ shift: 1, elastic: 1, cutout: 2 }, true],
    [{ shift: 2, affine: 0.2, cutout: 2, fill: 'mean' as const }, true],
  ])(
    'has its labels, and scales as if its images had been the data (%o, means subtracted: %s)',
    (asked, subtractMean) => {
      const given = labelled(train, layout, shape, { subtractMean });
      const { data: batch, rows: places } = augmentation({ ...none, ...asked }, 3)(given, rows);
      expect(Array.from(places)).toEqual([0, 1, 2, 3]);
      expect(Array.from(batch.samples.labels)).toEqual(Array.from(rows, (row) => train.labels[row]));
      const plain = labelled(batch.samples, layout, shape, { subtractMean });
      for (const which of ['oneHot', 'neutral'] as const) {
        expect(Array.from(batch[which].bytes)).toEqual(Array.from(plain[which].bytes));
        expect(Array.from(batch[which].label)).toEqual(Array.from(plain[which].label));
        expect(batch[which].mean && Array.from(batch[which].mean)).toEqual(
          plain[which].mean && Array.from(plain[which].mean),
        );
      }
      expect(batch.samples.images.subarray(0, 36)).not.toEqual(train.images.subarray(5 * 36, 6 * 36));
      // The same sample twice in a batch is seen the same way.
      expect(batch.samples.images.subarray(0, 36)).toEqual(batch.samples.images.subarray(108, 144));
    },
  );

  it.each([{ shift: 2 }, { affine: 0.3, elastic: 1 }, { cutout: 3 }, { shift: 2, elastic: 1, cutout: 2 }])(
    'filled with its mean, an image is the black one where that is no less (%o)',
    (asked) => {
      const [black, mean] = (['black', 'mean'] as const).map(
        (fill) => augmentation({ ...none, ...asked, fill }, 3)(data, rows).data.samples.images,
      ) as [SampleValues, SampleValues];
      let filled = 0;
      rows.forEach((row, b) => {
        const before = train.images.subarray(row * 36, (row + 1) * 36) as Uint8Array;
        const ground = Math.round(before.reduce((sum, value) => sum + value, 0) / 36);
        for (let p = b * 36; p < (b + 1) * 36; p++) {
          const [dark, bright] = [black[p] as number, mean[p] as number];
          // Nothing is darker; where nothing of the image is, there is the ground.
          expect(bright).toBeGreaterThanOrEqual(dark);
          if (dark === 0 && bright === ground) filled++;
        }
      });
      expect(filled).toBeGreaterThan(0);
    },
  );

  it('mirrored has each row of pixels the other way round', () => {
    const { data: batch } = mirrored(data, rows);
    rows.forEach((row, b) => {
      for (let y = 0; y < shape.height; y++) {
        const line = (images: SampleValues, image: number): number[] =>
          Array.from(images.subarray(image * 36 + y * 6, image * 36 + (y + 1) * 6));
        expect(line(batch.samples.images, b)).toEqual(line(train.images, row).toReversed());
      }
    });
    expect(Array.from(batch.samples.labels)).toEqual(Array.from(rows, (row) => train.labels[row]));
  });

  it('of rows of a table cannot be mirrored', () => {
    const table = { ...data, shape: { width: 1, height: 1, channels: 36 } };
    expect(() => mirrored(table, rows)).toThrow('no images');
  });
});
