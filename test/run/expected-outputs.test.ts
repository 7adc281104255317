/** What is expected of outputs before they are there is what training makes: steps of every chapter, and possible labels. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { chapterPlan } from '../../src/model/chapter.js';
import { stepsAfter } from '../../src/node/cluster/expected.js';
import { resolveSpec } from '../../src/spec/spec.js';

it('steps follow from the spec and the sizes of the shards', () => {
  const some = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(
      some,
      some,
      some,
      fc.array(fc.integer({ min: 5, max: 90 }), { minLength: 1, maxLength: 4 }),
      (epochs, splits, batch, sizes) => {
        const spec = resolveSpec({
          layers: [784, 4, 4],
          epochs,
          splits: Math.min(splits, epochs),
          batch,
          shards: sizes.length,
        });
        let steps = 0;
        const planned = Array.from({ length: spec.splits }, (_, chapter) => {
          const shard = Uint32Array.from({ length: sizes[chapter % sizes.length] as number }, (_unused, i) => i);
          return (steps += chapterPlan(spec, shard, chapter).batches.length);
        });
        expect([...stepsAfter(spec, sizes)]).toEqual(planned);
      },
    ),
  );
});
