/** The numbers that shaders of blocks are given with each call: u32, flags as 0 or 1, f32 values as their bits. */
import { convolved, hasConvolution, leaving, patchValues, type Stage } from '../../block/contract.js';
import { bits, RULE_PARAMETERS } from '../scalars.js';

export const BLOCK_PARAMETERS = [
  // Of the rows.
  'batch',
  'variants',
  'rows',
  'labels',
  // Of the convolution: what enters, its window, and what leaves (z); `eachIn` and `eachOut` channels a group.
  'channels',
  'height',
  'width',
  'kernel',
  'stride',
  'padding',
  'eachIn',
  'eachOut',
  'patchValues',
  'outputs',
  'zHeight',
  'zWidth',
  'positions',
  // Of the activation and the pool.
  'leak',
  'poolSize',
  'poolStride',
  'yHeight',
  'yWidth',
  // Of sums: `terms` values `step` apart, those of result i from i · apart on; what the sum is multiplied by.
  'count',
  'terms',
  'step',
  'apart',
  'share',
  // Whether mean and scale are those of a row; channels that share a mean.
  'byRow',
  'perStatistic',
  // Further choices, see the shaders.
  'flag',
  ...RULE_PARAMETERS,
] as const;
export type BlockParameter = (typeof BLOCK_PARAMETERS)[number];
export type BlockValues = Partial<Record<BlockParameter, number>>;

/** Those that are the same in every call of a stage. */
export function stageValues(stage: Stage, labels: number): BlockValues {
  const { from, outputs, groups, kernel, stride, padding, pool, leak, norm } = stage;
  const z = convolved(stage);
  const y = leaving(stage);
  return {
    labels,
    channels: from.channels,
    height: from.height,
    width: from.width,
    kernel,
    stride,
    padding,
    eachIn: from.channels / groups,
    eachOut: outputs / groups,
    patchValues: hasConvolution(stage) ? patchValues(stage) : 0,
    outputs,
    zHeight: z.height,
    zWidth: z.width,
    positions: z.height * z.width,
    leak: bits(leak),
    poolSize: pool?.size ?? 1,
    poolStride: pool?.stride ?? 1,
    yHeight: y.height,
    yWidth: y.width,
    byRow: norm?.kind === 'group' ? 1 : 0,
    perStatistic: norm?.kind === 'group' ? outputs / norm.groups : 1,
  };
}
