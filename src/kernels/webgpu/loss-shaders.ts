/**
 * The built-in losses as shaders: from a batch's sums of squares, or from a head's outputs, to its deltas. What a loss adds up to is not computed here:
 * each row leaves a few words in the history, which the host reads now and then (loss-statistics.ts).
 */
import type { LossDescription } from '../trainer.js';
import { maker, type Adopt } from './all-or-none.js';
import type { ArithmeticForm } from './arithmetic.js';
import type { GpuDevice, Shader } from './device.js';
import type { DoubleProgram } from './double-program.js';
import { doubles } from './doubles.js';
import { derivativeProgram, exponentialProgram, offsetProgram, rowScaleProgram } from './loss-programs.js';
import { elementwise, memoised, denseShaderOf } from './shader-text.js';

/** A shader that runs a program, which is bound as its first buffer. */
export interface ProgramShader {
  readonly shader: Shader;
  readonly code: Uint32Array;
}

/** Its code on a device. */
export async function programBuffer(device: GpuDevice, { code }: ProgramShader, adopt: Adopt): Promise<GPUBuffer> {
  const buffer = await maker(device, 'a program', adopt)(code.length);
  device.write(buffer, code);
  return buffer;
}

export type GoodnessDescription = Extract<LossDescription, { readonly steepness: number }>;

/** Words that a row leaves in the history: its sum of squares; of a head, the offset of its log-softmax (a double), the label's output, and whether it is the largest. */
export const HISTORY_WORDS = { goodness: 1, head: 4 } as const;

function running(
  program: DoubleProgram,
  buffers: readonly string[],
  count: string,
  body: string,
  ...more: readonly string[]
): ProgramShader {
  // Words pass through as they are: no arithmetic of the device touches them.
  const form: ArithmeticForm = 'integer';
  const shader = denseShaderOf(form, ['program', ...buffers], doubles(program), ...more, elementwise(count, body));
  return { shader, code: program.encode() };
}

/** Buffers: program, sums of squares [R], given deltas [R], history. */
export const rowScaleShader = memoised(
  ({ loss, outputs }: { readonly loss: GoodnessDescription; readonly outputs: number }) =>
    JSON.stringify([loss, outputs]),
  ({ loss, outputs }): ProgramShader => {
    const program = rowScaleProgram(loss, outputs);
    return running(
      program,
      ['sums', '*given', '*history'],
      'p.rows',
      /* wgsl */ `
  let positive = index < p.samples;
  let own = sums[index];
  history[p.historyAt + index] = own;
  registers[0] = fromF32(own);
  registers[1] = fromF32(sums[select(index - p.samples, index + p.samples, positive)]);
  registers[2] = vec2u(0u, select(0xbff00000u, 0x3ff00000u, positive));
  registers[3] = vec2u(p.factorLow, p.factorHigh);
  execute(0u, ${program.length}u);
  given[index] = toF32(registers[0]);`,
    );
  },
);

/** The label of row b lies behind the rows of the step's samples. */
const labelOf = 'picks[p.picksAt + p.batch + b]';

/** Of f32 values by their bits; NaN is above all. */
const order = /* wgsl */ `
fn orderOf(x: u32) -> u32 {
  if (isNaN(x)) { return 0xffffffffu; }
  if (isZero(x)) { return 0x80000000u; }
  return select(x | 0x80000000u, ~x, (x >> 31u) == 1u);
}
`;

export interface HeadShaders {
  /** Buffers: outputs [B, C], picks, largest [B], history. */
  readonly largest: Shader;
  /** Buffers: program, outputs, largest, exponentials [B, C] of two words. */
  readonly exponentials: ProgramShader;
  /** Buffers: program, exponentials, largest, offsets [B] of two words, history. */
  readonly offsets: ProgramShader;
  /** Buffers: program, outputs, offsets, picks, given deltas [B, C]. */
  readonly derivatives: ProgramShader;
}

let ofHeads: HeadShaders | undefined;

/** Softmax and cross-entropy, made once. */
export function headShaders(): HeadShaders {
  return (ofHeads ??= writeHeadShaders());
}

function writeHeadShaders(): HeadShaders {
  const exponential = exponentialProgram();
  const { program: offset, terms } = offsetProgram();
  const derivative = derivativeProgram();
  return {
    largest: denseShaderOf(
      'integer',
      ['y', 'picks', '*largest', '*history'],
      order,
      elementwise(
        'p.batch',
        /* wgsl */ `
  let b = index;
  let label = ${labelOf};
  var most = y[b * p.outputs];
  var best = 0u;
  for (var c = 1u; c < p.outputs; c++) {
    let now = y[b * p.outputs + c];
    if (orderOf(now) > orderOf(most)) { best = c; most = now; }
  }
  largest[b] = most;
  let at = p.historyAt + 4u * b;
  history[at + 2u] = y[b * p.outputs + label];
  history[at + 3u] = select(0u, 1u, best == label);`,
      ),
    ),
    exponentials: running(
      exponential,
      ['y', 'largest', '*exponentials'],
      'p.batch * p.outputs',
      /* wgsl */ `
  registers[0] = fromF32(y[index]);
  registers[1] = fromF32(largest[index / p.outputs]);
  execute(0u, ${exponential.length}u);
  exponentials[2u * index] = registers[0].x;
  exponentials[2u * index + 1u] = registers[0].y;`,
    ),
    offsets: running(
      offset,
      ['exponentials', 'largest', '*offsets', '*history'],
      'p.batch',
      /* wgsl */ `
  registers[0] = vec2u(0u);
  registers[2] = fromF32(largest[index]);
  // All classes, and one turn more for what follows: the interpreter stands here only once.
  for (var c = 0u; c <= p.outputs; c++) {
    let last = c == p.outputs;
    let at = 2u * (index * p.outputs + select(c, 0u, last));
    registers[1] = vec2u(exponentials[at], exponentials[at + 1u]);
    execute(select(0u, ${terms}u, last), select(${terms}u, ${offset.length}u, last));
  }
  offsets[2u * index] = registers[0].x;
  offsets[2u * index + 1u] = registers[0].y;
  history[p.historyAt + 4u * index] = registers[0].x;
  history[p.historyAt + 4u * index + 1u] = registers[0].y;`,
    ),
    derivatives: running(
      derivative,
      ['y', 'offsets', 'picks', '*given'],
      'p.batch * p.outputs',
      /* wgsl */ `
  let b = index / p.outputs;
  registers[0] = fromF32(y[index]);
  registers[1] = vec2u(offsets[2u * b], offsets[2u * b + 1u]);
  registers[2] = vec2u(0u, select(0u, 0x3ff00000u, ${labelOf} == index % p.outputs));
  registers[3] = vec2u(p.factorLow, p.factorHigh);
  execute(0u, ${derivative.length}u);
  given[index] = toF32(registers[0]);`,
    ),
  };
}
