/**
 * Doubles in WGSL have the bits of JavaScript, whatever the operands; and the programs of losses those of the objectives.
 * Own process: its environment names a GPU in software.
 */
import { expect, test } from 'vitest';
import { DoubleProgram, fromWords, OPERATIONS, wordsOf } from '../../src/kernels/webgpu/double-program.js';
import { sharedDevice, type Shader } from '../../src/kernels/webgpu/device.js';
import { doubles } from '../../src/kernels/webgpu/doubles.js';
import { elements } from '../../src/kernels/webgpu/groups.js';
import { integers64 } from '../../src/kernels/webgpu/integers64.js';
import {
  derivativeProgram,
  exponentialProgram,
  offsetProgram,
  rowScaleProgram,
} from '../../src/kernels/webgpu/loss-programs.js';
import { hintonLoss } from '../../src/objectives/hinton.js';
import { crossEntropy } from '../../src/objectives/softmax.js';
import { symbaLoss } from '../../src/objectives/symba.js';
import { RandomStream } from '../../src/random.js';
import { softwareGpu } from '../../tools/webgpu.js';

Object.assign(process.env, softwareGpu());

const stream = new RandomStream(1, 'test');

/** Any exponent, or one near another's; fractions of few bits, whose results tie, and of many. */
function anyDouble(near?: number): number {
  const around = near === undefined || stream.below(2) === 0 ? stream.below(2047) : (wordsOf(near)[1] >>> 20) & 2047;
  const exponent = Math.min(2046, Math.max(0, around + stream.below(5) - 2));
  const high = (stream.below(2) << 31) | (exponent << 20);
  const few = stream.below(3);
  const [top, low] = [stream.below(2 ** 20), stream.uint32()];
  if (few === 0) return fromWords(0, (high | (top & 0xf8000)) >>> 0);
  return fromWords(few === 1 ? (low & 0xf0000000) >>> 0 : low, (high | top) >>> 0);
}

/** All operations of two operands in registers 0 and 1; results in the registers from 2 on. */
function everyOperation(): DoubleProgram {
  const program = new DoubleProgram(2);
  const [a, b] = [program.input(0), program.input(1)];
  for (const operation of ['add', 'subtract', 'multiply', 'divide'] as const) program.do(operation, a, b);
  for (const k of [1, 3, 7, 13, 64]) program.do('divideBySmall', a, k);
  for (const operation of ['floor', 'negative', 'absolute', 'toF32'] as const) program.do(operation, a);
  program.choose(a, b, 1, -1);
  // Into a register that is one of the values.
  const same = program.do('absolute', b);
  program.choose(b, a, 3, same, same);
  // In reach of what their results may be.
  const small = program.do('exponent', program.do('absolute', a));
  program.do('powerOfTwo', program.choose(small, -1022, 5, small));
  program.do('mantissa', program.do('absolute', a));
  return program;
}

const RESULTS = 24;

test('every operation, on any operands', async () => {
  const program = everyOperation();
  const device = await sharedDevice();
  const shader: Shader = {
    writes: [false, false, true],
    code: /* wgsl */ `
@group(0) @binding(0) var<uniform> unused: vec4u;
@group(0) @binding(1) var<storage, read> program: array<u32>;
@group(0) @binding(2) var<storage, read> operands: array<vec4u>;
@group(0) @binding(3) var<storage, read_write> results: array<vec2u>;
${integers64}${doubles(program)}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= arrayLength(&operands) + unused.x) { return; }
  let pair = operands[id.x];
  registers[0] = pair.xy;
  registers[1] = pair.zw;
  execute(0u, ${program.length}u);
  for (var i = 0u; i < ${RESULTS}u; i++) { results[id.x * ${RESULTS}u + i] = registers[i]; }
}`,
  };
  const count = 4000;
  const pairs = Array.from({ length: count }, () => {
    const a = anyDouble();
    return [a, anyDouble(a)] as const;
  });
  const special = [0, -0, Infinity, -Infinity, NaN, 1, -0.5, 2 ** -1074, Number.MAX_VALUE, 2 ** -1022];
  for (const a of special) for (const b of special) pairs.push([a, b]);
  // Results that are halves of the smallest numbers, of f32 and of doubles.
  for (const a of [1, 1 + 2 ** -52, 3, 2 - 2 ** -52]) for (const e of [-149, -150, -151]) pairs.push([a * 2 ** e, 1]);
  for (const a of [1, 1 + 2 ** -52, 3, 2 - 2 ** -52]) for (const e of [-538, -537]) pairs.push([a * 2 ** -537, 2 ** e]);
  const pipeline = await device.pipeline(shader);
  const code = program.encode();
  const [programAt, operandsAt, resultsAt] = [
    await device.buffer('a program', code.length),
    await device.buffer('operands', pairs.length * 4),
    await device.buffer('results', pairs.length * RESULTS * 2),
  ];
  device.write(programAt, code);
  device.write(operandsAt, Uint32Array.from(pairs.flatMap(([a, b]) => [...wordsOf(a), ...wordsOf(b)])));
  const bindings = device.bind(pipeline, device.uniform(4), [programAt, operandsAt, resultsAt]);
  device.run([{ pipeline, bindings, groups: elements(pairs.length) }]);
  const found = new Float32Array(pairs.length * RESULTS * 2);
  await device.read([{ from: resultsAt, into: found }]);
  const words = new Uint32Array(found.buffer);
  const wrong: unknown[] = [];
  pairs.forEach(([a, b], i) => {
    const registers = new Float64Array(RESULTS);
    registers.set([a, b]);
    program.evaluate(registers);
    for (const [r, expected] of registers.entries()) {
      const at = (i * RESULTS + r) * 2;
      const result = fromWords(words[at]!, words[at + 1]!);
      // What is asked of numbers that have no exponent is not defined.
      if (r >= 17 && !(Math.abs(a) >= 2 ** -1022 && Math.abs(a) < Infinity)) continue;
      if (!Object.is(result, expected)) wrong.push({ a, b, register: r, expected, result });
    }
  });
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(OPERATIONS.length).toBeLessThan(64);
});

function run(program: DoubleProgram, inputs: readonly number[], first?: number, end?: number): number {
  const registers = new Float64Array(32);
  registers.set(inputs);
  program.evaluate(registers, first, end);
  return registers[0]!;
}

test.each(['mean', 'sum'] as const)('slopes of the losses of %s goodness', (goodness) => {
  const outputs = 37;
  for (let i = 0; i < 2000; i++) {
    const [threshold, steepness, factor] = [2 * stream.uniform(), 0.1 + 9 * stream.uniform(), stream.uniform()];
    const squares = [0, 0].map(() =>
      Math.fround(stream.below(8) === 0 ? 1e4 * stream.uniform() : 99 * stream.uniform()),
    );
    const g = squares.map((each) => Float32Array.of(goodness === 'sum' ? each : each / outputs));
    for (const kind of ['hinton', 'symba'] as const) {
      const program = rowScaleProgram({ kind, goodness, threshold, steepness }, outputs);
      const [up, down] = [new Float64Array(1), new Float64Array(1)];
      (kind === 'hinton' ? hintonLoss : symbaLoss)({ threshold, steepness }).evaluate(g[0]!, g[1]!, up, down);
      const found = [1, -1].map((sign, row) => run(program, [squares[row]!, squares[1 - row]!, sign, factor]));
      expect(found.map((each) => each + 0)).toEqual([up[0]! * factor + 0, down[0]! * factor + 0]);
    }
  }
});

test('cross-entropy', () => {
  const [batch, classes] = [50, 11];
  const logits = Float32Array.from({ length: batch * classes }, () => (stream.uniform() - 0.5) * 10 ** stream.below(4));
  const labels = Uint8Array.from({ length: batch }, () => stream.below(classes));
  const expected = new Float32Array(logits.length);
  crossEntropy(logits, labels, classes, expected, 0);
  const [exponential, derivative, { program: offsets, terms }] = [
    exponentialProgram(),
    derivativeProgram(),
    offsetProgram(),
  ];
  for (let b = 0; b < batch; b++) {
    const row = logits.subarray(b * classes, (b + 1) * classes);
    const largest = Math.max(...row);
    let sum = 0;
    for (const logit of row) sum = run(offsets, [sum, run(exponential, [logit, largest])], 0, terms);
    const offset = run(offsets, [sum, 0, largest], terms);
    const found = Array.from(row, (logit, c) =>
      Math.fround(run(derivative, [logit, offset, labels[b] === c ? 1 : 0, batch])),
    );
    expect(found).toEqual([...expected.subarray(b * classes, (b + 1) * classes)]);
  }
});
