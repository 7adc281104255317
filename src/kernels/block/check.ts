/** Checks of what is handed to `openBlock`. A failure is a defect of the calling code, hence RangeError. */
import {
  convolved,
  hasConvolution,
  labelsOf,
  leaving,
  stageParameters,
  type BlockOptions,
  type Stage,
  type StageTensors,
} from './contract.js';

function fail(what: string): never {
  throw new RangeError(`openBlock: ${what}`);
}

export function checkBlock(
  stages: readonly Stage[],
  tensors: readonly StageTensors[],
  { labels, maxRows }: BlockOptions,
): void {
  if (!stages.some(hasConvolution)) fail('a block needs at least one convolution');
  if (tensors.length !== stages.length) fail(`${stages.length} stages, but tensors for ${tensors.length}`);
  for (const [name, value] of Object.entries({ labels, maxRows }))
    if (!Number.isSafeInteger(value) || value < 0) fail(`${name} must be a whole number of at least 0, got ${value}`);
  for (const [s, stage] of stages.entries()) {
    checkStage(stage);
    const before = stages[s - 1];
    if (before) {
      const { channels, height, width } = leaving(before);
      const { from } = stage;
      if (from.channels !== channels || from.height !== height || from.width !== width)
        fail(`stage ${s + 1} does not take what leaves stage ${s}`);
    }
    checkTensors(stage, tensors[s] as StageTensors, labelsOf(stages, s, labels), maxRows > 0);
  }
}

function checkStage(stage: Stage): void {
  const { from, outputs, kernel, stride, padding, groups, leak, pool } = stage;
  for (const [name, value] of Object.entries({ ...from, outputs, stride, groups }))
    if (!Number.isSafeInteger(value) || value < 1) fail(`${name} must be a whole number of at least 1, got ${value}`);
  if (!Number.isSafeInteger(kernel) || kernel < 0) fail(`kernel must be a whole number of at least 0, got ${kernel}`);
  if (!hasConvolution(stage)) {
    if (outputs !== from.channels || stride !== 1 || padding !== 0 || groups !== 1)
      fail('a stage without a convolution keeps its channels, with stride 1, padding 0 and 1 group');
  } else if (!Number.isSafeInteger(padding) || padding < 0 || padding >= kernel)
    fail(`padding must be from 0 to ${kernel - 1}, got ${padding}`);
  if (from.channels % groups !== 0 || outputs % groups !== 0) fail(`${groups} groups do not divide the channels`);
  if (!Number.isFinite(leak)) fail(`leak must be a finite number, got ${leak}`);
  if (pool && (pool.size < 1 || pool.stride < 1)) fail('a pool needs a size and a stride of at least 1');
  if (stage.norm?.kind === 'group' && outputs % stage.norm.groups !== 0)
    fail(`${stage.norm.groups} groups do not divide ${outputs} channels`);
  for (const planes of [convolved(stage), leaving(stage)])
    if (planes.height < 1 || planes.width < 1) fail('the window is larger than the plane');
}

function checkTensors(stage: Stage, tensors: StageTensors, labels: number, moments: boolean): void {
  for (const [at, { name, shape }] of stageParameters(stage, labels).entries()) {
    const length = shape.reduce((product, side) => product * side, 1);
    const arrays = [tensors.parameters[at], ...(moments ? [tensors.moment1[at], tensors.moment2[at]] : [])];
    for (const array of arrays)
      if (array?.length !== length)
        fail(`${name} [${shape.join(', ')}] needs ${length} values, got ${array?.length ?? 'none'}`);
  }
}
