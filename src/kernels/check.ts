/** Checks of what is handed to a kernels backend. A failure is a defect of the calling code, hence RangeError, not PffError. */
import type { DropoutMask, DropoutRows } from './dropout.js';
import type { Delta, DenseOptions, DenseTensors, LayerInput, LayerOutput, UpdateRule } from './kernels.js';

export interface LayerShape {
  readonly inputs: number;
  readonly outputs: number;
  readonly suffixInputs: number;
}

function fail(operation: string, what: string): never {
  throw new RangeError(`${operation}: ${what}`);
}

function count(operation: string, name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > 0x7fffffff)
    fail(operation, `${name} must be a whole number from ${least} to 2147483647, got ${value}`);
}

/** An array that must have exactly the given number of elements. */
function exactly(operation: string, name: string, array: { length: number }, expected: number, shape: string): void {
  if (array.length !== expected) fail(operation, `${name} ${shape} needs ${expected} values, got ${array.length}`);
}

/** An array that must have at least the given number of elements. */
function atLeast(operation: string, name: string, array: { length: number }, expected: number, shape: string): void {
  if (array.length < expected)
    fail(operation, `${name} ${shape} needs at least ${expected} values, got ${array.length}`);
}

/** `tensors` against their own sizes. */
export function checkTensors(operation: string, tensors: DenseTensors): void {
  const { inputs, outputs } = tensors;
  count(operation, 'inputs', inputs, 1);
  count(operation, 'outputs', outputs, 1);
  exactly(operation, 'weights', tensors.weights, inputs * outputs, '[I, O]');
  exactly(operation, 'weightMoment1', tensors.weightMoment1, inputs * outputs, '[I, O]');
  exactly(operation, 'weightMoment2', tensors.weightMoment2, inputs * outputs, '[I, O]');
  exactly(operation, 'bias', tensors.bias, outputs, '[O]');
  exactly(operation, 'biasMoment1', tensors.biasMoment1, outputs, '[O]');
  exactly(operation, 'biasMoment2', tensors.biasMoment2, outputs, '[O]');
}

export function checkOptions(tensors: DenseTensors, options: DenseOptions): void {
  count('openDense', 'maxRows', options.maxRows, 0);
  count('openDense', 'suffixInputs', options.suffixInputs, 0);
  if (options.suffixInputs > tensors.inputs)
    fail('openDense', `suffixInputs ${options.suffixInputs} is more than the ${tensors.inputs} inputs`);
}

/** A layer's input against the layer, including every row index. Returns R. */
export function checkInput(operation: string, shape: LayerShape, input: LayerInput): number {
  const { prefix, rows, batch, variants, suffix } = input;
  const width = shape.inputs - shape.suffixInputs;
  count(operation, 'batch', batch, 0);
  count(operation, 'variants', variants, 1);
  const total = batch * variants;
  count(operation, 'rows (V · B)', total, 0);
  if (rows === undefined) {
    atLeast(operation, 'prefix', prefix, batch * width, '[B, P]');
  } else {
    atLeast(operation, 'rows', rows, batch, '[B]');
    const available = width === 0 ? 0xffffffff : Math.floor(prefix.length / width);
    for (let b = 0; b < batch; b++) {
      const row = rows[b] ?? 0;
      if (row >= available)
        fail(operation, `rows[${b}] is ${row}, but prefix [any, ${width}] has only ${available} rows`);
    }
  }
  if (shape.suffixInputs > 0) {
    if (suffix === undefined) fail(operation, `suffix [V · B, ${shape.suffixInputs}] is missing`);
    atLeast(operation, 'suffix', suffix, total * shape.suffixInputs, '[V · B, C]');
  } else if (variants !== 1) {
    fail(operation, `${variants} variants need suffix inputs, and this layer has none`);
  }
  return total;
}

export function checkOutput(shape: LayerShape, input: LayerInput, output: LayerOutput, rows: number): void {
  const { activations, normalise, sumSquares } = output;
  if (activations !== undefined) atLeast('infer', 'activations', activations, rows * shape.outputs, '[R, O]');
  else if (normalise === true) fail('infer', 'normalise needs activations to write to');
  if (sumSquares !== undefined) atLeast('infer', 'sumSquares', sumSquares, rows, '[R]');
  const inPlace =
    activations !== undefined && activations.buffer === input.prefix.buffer && overlap(activations, input.prefix);
  const allowed =
    activations?.byteOffset === input.prefix.byteOffset &&
    input.rows === undefined &&
    input.variants === 1 &&
    shape.outputs === shape.inputs - shape.suffixInputs;
  if (inPlace && !allowed)
    fail('infer', 'activations may overlap prefix only if they start together, rows is absent, V = 1 and O = P');
}

function overlap(a: Float32Array, b: Float32Array): boolean {
  return a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
}

/** `forward` on a batch of `rows` rows. */
export function checkForward(rows: number, maxRows: number, sumSquares: Float32Array | undefined): void {
  if (maxRows === 0) fail('forward', 'the layer was opened for inference only (maxRows 0)');
  if (rows > maxRows) fail('forward', `${rows} rows, but the layer was opened for at most ${maxRows}`);
  if (sumSquares !== undefined) atLeast('forward', 'sumSquares', sumSquares, rows, '[R]');
}

/** A delta against the kept batch of `rows` rows; `rows` is undefined if there is none. */
export function checkDelta(
  operation: string,
  shape: LayerShape,
  rows: number | undefined,
  delta: Delta,
): asserts rows is number {
  if (rows === undefined) fail(operation, 'there is no kept batch; call forward first');
  if ('rowScale' in delta) atLeast(operation, 'rowScale', delta.rowScale, rows, '[R]');
  else atLeast(operation, 'values', delta.values, rows * shape.outputs, '[R, O]');
}

/** An update rule: a number that is not one would spoil every weight. */
export function checkRule(rule: UpdateRule): void {
  for (const [name, value] of Object.entries(rule))
    if (name !== 'kind' && !Number.isFinite(value))
      fail('update', `${name} of the rule must be a finite number, got ${String(value)}`);
}

export function checkInputGradient(shape: LayerShape, rows: number, out: Float32Array): void {
  atLeast('inputGradient', 'out', out, rows * shape.inputs, '[R, P + C]');
}

export function checkRead(shape: LayerShape, into: DenseTensors): void {
  checkTensors('read', into);
  if (into.inputs !== shape.inputs || into.outputs !== shape.outputs)
    fail('read', `the layer is [${shape.inputs}, ${shape.outputs}], the tensors are [${into.inputs}, ${into.outputs}]`);
}

export function checkStage(
  bytes: Uint8Array,
  width: number,
  skip: number,
  rows: Uint32Array,
  scale: Float32Array,
  out: Float32Array,
): void {
  count('stageBytes', 'width', width, 1);
  count('stageBytes', 'skip', skip, 0);
  if (skip > width) fail('stageBytes', `skip ${skip} is more than the width ${width}`);
  const available = Math.min(Math.floor(bytes.length / width), scale.length);
  for (const [b, row] of rows.entries())
    if (row >= available) fail('stageBytes', `rows[${b}] is ${row}, but there are only ${available} rows`);
  atLeast('stageBytes', 'out', out, rows.length * (width - skip), '[B, width - skip]');
}

export function checkDropout(
  { values, width, count: rowCount, rows, channels = width }: DropoutRows,
  { name, threshold }: DropoutMask,
  out: Float32Array,
  sumSquares: Float32Array | undefined,
): void {
  count('dropout', 'width', width, 1);
  count('dropout', 'count', rowCount, 0);
  count('dropout', 'channels', channels, 1);
  if (width % channels !== 0) fail('dropout', `${channels} channels do not divide the width ${width}`);
  count('dropout', 'threshold', threshold, 0);
  if (threshold > 65535) fail('dropout', `threshold must be at most 65535, got ${threshold}`);
  exactly('dropout', 'name', name, 5, '[5]');
  if (rows === undefined) atLeast('dropout', 'values', values, rowCount * width, '[R, width]');
  else {
    atLeast('dropout', 'rows', rows, rowCount, '[R]');
    const available = Math.floor(values.length / width);
    for (let r = 0; r < rowCount; r++)
      if ((rows[r] ?? 0) >= available)
        fail('dropout', `rows[${r}] is ${rows[r]}, but values [any, ${width}] has only ${available} rows`);
  }
  atLeast('dropout', 'out', out, rowCount * width, '[R, width]');
  if (sumSquares !== undefined) atLeast('dropout', 'sumSquares', sumSquares, rowCount, '[R]');
  const inPlace = rows === undefined && out.byteOffset === values.byteOffset;
  if (!inPlace && out.buffer === values.buffer && overlap(out, values))
    fail('dropout', 'out may overlap values only if they start together and rows is absent');
}

/** @param what kind of layer was used after `close` */
export function failClosed(what: 'dense' | 'block'): never {
  throw new Error(`this ${what} kernel was closed`);
}
