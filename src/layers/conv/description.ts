/**
 * How a spec describes a block of convolutions: as text (`conv64+bn+max2`), or as an object of the same content. A block is one
 * layer of the pipeline; a stage of it is a convolution and what follows it up to the next one.
 */
import { z } from 'zod';

const count = z.int().positive().max(65536);

const stageFields = z.strictObject({
  /** Channels that leave. */
  channels: count,
  /** Side of the window; an even one needs a padding. */
  kernel: z.int().min(1).max(64).default(3),
  stride: count.default(1),
  /** Zeros around the plane; by default as many as keep its size at stride 1, which an even window cannot. */
  padding: z.int().min(0).max(63).optional(),
  /** Groups of channels that are convolved by themselves. */
  groups: count.default(1),
  /** batch: each channel over the batch; a number: so many groups of channels, over each sample. */
  norm: z.union([z.literal('none'), z.literal('batch'), count]).default('none'),
  activation: z.enum(['relu', 'leaky', 'linear']).default('relu'),
  pool: z.strictObject({ kind: z.enum(['max', 'average']), size: count, stride: count.optional() }).optional(),
});

const stageSchema = stageFields.refine(({ kernel, padding }) => kernel % 2 === 1 || padding !== undefined, {
  error: 'the side of a window must be odd, or its padding given',
});

export type StageDescription = z.infer<typeof stageSchema>;

/** In a spec. */
export interface ConvDescription {
  readonly kind: 'conv';
  /** Applied one after the other, trained together. */
  readonly stages: readonly StageDescription[];
}

export const convSchema: z.ZodType<ConvDescription> = z.strictObject({
  kind: z.literal('conv'),
  stages: z.array(stageSchema).min(1),
});

/** Slope of a leaky ReLU below 0, as in the recipes that use it. */
export const LEAKY_SLOPE = 0.01;

const CONV = /^conv([1-9]\d{0,4})((?:[kspg]\d{1,4})*)$/;
const POOL = /^(max|avg)([1-9]\d*)(?:s([1-9]\d*))?$/;
const NORM = /^(?:bn|ln|gn([1-9]\d*))$/;
const ACTIVATION = /^(?:relu|leaky|linear)$/;

/** Whether `text` is an operation that belongs to the convolution before it. */
export function joinsBlock(text: string): boolean {
  return [POOL, NORM, ACTIVATION].some((form) => form.test(text));
}

/** Reads `conv64k5s2p2g2+bn+leaky+max2+conv…`; undefined where it is not of that form. */
export function parseBlock(text: string): ConvDescription | undefined {
  const stages: StageDescription[] = [];
  for (const word of text.split('+')) {
    const conv = CONV.exec(word);
    if (conv) {
      const [, channels, settings = ''] = conv;
      const given = new Map(
        Array.from(settings.matchAll(/([kspg])(\d+)/g), ([, letter, value]) => [letter, Number(value)]),
      );
      const padding = given.get('p');
      stages.push({
        channels: Number(channels),
        kernel: given.get('k') ?? 3,
        stride: given.get('s') ?? 1,
        ...(padding === undefined ? {} : { padding }),
        groups: given.get('g') ?? 1,
        norm: 'none',
        activation: 'relu',
      });
      continue;
    }
    const stage = stages.at(-1);
    const more = stage && operation(stage, word);
    if (!more) return undefined;
    stages[stages.length - 1] = more;
  }
  const parsed = convSchema.safeParse({ kind: 'conv', stages });
  return parsed.success ? parsed.data : undefined;
}

/** `stage` with the operation `word`; undefined where it is none, or does not come next. */
function operation(stage: StageDescription, word: string): StageDescription | undefined {
  // The order is fixed: norm, activation, pool.
  if (stage.pool) return undefined;
  const pool = POOL.exec(word);
  if (pool) {
    const [, kind, size, stride] = pool;
    return {
      ...stage,
      pool: {
        kind: kind === 'max' ? 'max' : 'average',
        size: Number(size),
        ...(stride === undefined ? {} : { stride: Number(stride) }),
      },
    };
  }
  const norm = NORM.exec(word);
  if (norm) {
    if (stage.norm !== 'none') return undefined;
    return { ...stage, norm: word === 'bn' ? 'batch' : Number(norm[1] ?? 1) };
  }
  return ACTIVATION.test(word) ? { ...stage, activation: word as StageDescription['activation'] } : undefined;
}

/** The shortest text of a block; `parseBlock` reads it. */
export function formatBlock({ stages }: ConvDescription): string {
  return stages.map(formatStage).join('+');
}

export function formatStage(stage: StageDescription): string {
  const { channels, kernel, stride, padding, groups, norm, activation, pool } = stage;
  const parts = [
    `conv${channels}`,
    kernel === 3 ? '' : `k${kernel}`,
    stride === 1 ? '' : `s${stride}`,
    padding === undefined || padding === (kernel - 1) / 2 ? '' : `p${padding}`,
    groups === 1 ? '' : `g${groups}`,
  ].join('');
  const words = [parts];
  if (norm === 'batch') words.push('bn');
  else if (norm !== 'none') words.push(norm === 1 ? 'ln' : `gn${norm}`);
  if (activation !== 'relu') words.push(activation);
  if (pool) {
    const step = pool.stride === undefined || pool.stride === pool.size ? '' : `s${pool.stride}`;
    words.push(`${pool.kind === 'max' ? 'max' : 'avg'}${pool.size}${step}`);
  }
  return words.join('+');
}
