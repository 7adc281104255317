/** What the properties of the schedule are checked over. */
import * as fc from 'fast-check';
import { PFF_VARIANTS, type PffVariant } from '../../src/schedule/assign.js';
import type { GraphShape, PredictedLabels } from '../../src/schedule/shape.js';

export const shapes: fc.Arbitrary<GraphShape> = fc.record(
  {
    layers: fc.integer({ min: 1, max: 6 }),
    head: fc.boolean(),
    splits: fc.integer({ min: 1, max: 12 }),
    predictedLabels: fc.constantFrom<PredictedLabels>('none', 'first-layer', 'all-layers'),
    labelLag: fc.integer({ min: 1, max: 9 }),
    ownInputs: fc.constant<true>(true),
  },
  { requiredKeys: ['layers', 'head', 'splits', 'predictedLabels', 'labelLag'] },
);

export const variants = fc.constantFrom<PffVariant>(...PFF_VARIANTS);

export const nodeCounts = fc.integer({ min: 1, max: 9 });
