/** What a run is told of a spec that mostly costs accuracy, or is not done as it says. */
import { expect, it } from 'vitest';
import { adviceOn } from '../../src/run/advice.js';
import { resolveSpec, type PartialSpec } from '../../src/spec/spec.js';

it.each<[PartialSpec, RegExp[]]>([
  [{}, []],
  [
    { epochs: 1 },
    [/^negatives are sampled, but labels are first predicted for chapter 2 of 1: all .*; give more --splits$/],
  ],
  [
    { negatives: 'adaptive', labelLag: 4, epochs: 4 },
    [/^negatives are adaptive.* chapter 5 of 4.* --splits or a smaller --label-lag$/],
  ],
  [{ negatives: 'adaptive', labelLag: 4, epochs: 5 }, []],
  [{ negatives: 'random', epochs: 1 }, []],
  [{ subtractMean: true, shift: 2 }, [/--fill mean is mostly better$/]],
  [{ subtractMean: true, shift: 2, fill: 'mean' }, []],
])('%j', (spec, texts) => {
  expect(adviceOn(resolveSpec(spec))).toEqual(texts.map((text) => expect.stringMatching(text)));
});
