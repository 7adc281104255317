/**
 * How a spec describes a block of convolutions: as text (`conv64+bn+max2`), or as an object of the same content. A block is one
 * layer of the pipeline. A stage of it is a convolution with the normalisation, activation and pool after it, in this order; an operation that
 * does not come next in it begins a stage without a convolution.
 */
import { z } from 'zod';

const count = z.int().positive().max(65536);

/** What follows a convolution, or stands without one. */
const finish = {
  /**
   * batch: each channel over the batch; a number: so many groups of channels, over each sample; rms and ln2d: the channels of each position,
   * to a root mean square of 1 (RMSNorm) or to mean 0 and variance 1 (LayerNorm over channels).
   */
  norm: z.union([z.enum(['none', 'batch', 'rms', 'ln2d']), count]).default('none'),
  /** Of a leaky ReLU below 0; 0.01 unless given. */
  slope: z.number().min(1e-6).lt(1).optional(),
  pool: z.strictObject({ kind: z.enum(['max', 'average']), size: count, stride: count.optional() }).optional(),
};
const activation = z.enum(['relu', 'leaky', 'linear']);

const convolutionFields = z.strictObject({
  /** Channels that leave. */
  channels: count,
  /** Side of the window; an even one needs a padding. */
  kernel: z.int().min(1).max(64).default(3),
  stride: count.default(1),
  /** Zeros around the plane; by default as many as keep its size at stride 1, which an even window cannot. */
  padding: z.int().min(0).max(63).optional(),
  /** Groups of channels that are convolved by themselves. */
  groups: count.default(1),
  activation: activation.default('relu'),
  ...finish,
});

const stageSchema = z
  .union([
    convolutionFields.refine(({ kernel, padding }) => kernel % 2 === 1 || padding !== undefined, {
      error: 'the side of a window must be odd, or its padding given',
    }),
    // Without a convolution: as many channels leave as enter.
    z
      .strictObject({ activation: activation.default('linear'), ...finish })
      .refine((stage) => (stage.norm === 'none' ? stage.activation === 'linear' && stage.pool : true), {
        error: 'a stage without a convolution has a normalisation or a pool, and an activation only after the former',
      }),
  ])
  .refine((stage) => stage.slope === undefined || stage.activation === 'leaky', {
    error: 'a slope belongs to the activation leaky',
  });

export type StageDescription = z.infer<typeof stageSchema>;
/** Of a stage with a convolution. */
export type ConvolutionDescription = z.infer<typeof convolutionFields>;

/** In a spec. */
export interface ConvDescription {
  readonly kind: 'conv';
  /** Applied one after the other, trained together. */
  readonly stages: readonly StageDescription[];
}

export const convSchema: z.ZodType<ConvDescription> = z.strictObject({
  kind: z.literal('conv'),
  stages: z.array(stageSchema).refine((stages) => stages.some((stage) => 'channels' in stage), {
    error: 'a block needs a convolution: without one there is nothing in it to train',
  }),
});

/** Slope of a leaky ReLU below 0, as in the recipes that use it. */
export const LEAKY_SLOPE = 0.01;

const CONV = /^conv([1-9]\d{0,4})((?:[kspg]\d{1,4})*)$/;
const POOL = /^(max|avg)([1-9]\d*)(?:s([1-9]\d*))?$/;
const NORM = /^(?:bn|rms|ln2d|ln|gn([1-9]\d*))$/;
const ACTIVATION = /^(?:relu|leaky(0\.\d{1,17})?|linear)$/;

/** Operations without a convolution, such as `max2`: they join the block before them, or else the one after them. */
export function isOperations(text: string): boolean {
  return text.split('+').every((word) => [POOL, NORM, ACTIVATION].some((form) => form.test(word)));
}

/** Whether `text` belongs to the block `before` it in a list of layers. */
export function joinsBlock(text: string, before: string): boolean {
  if (isOperations(before)) return isOperations(text) || CONV.test(text.split('+')[0] ?? '');
  return isOperations(text) && CONV.test(before.split('+').find((word) => !isOperations(word)) ?? '');
}

/** Where a stage is in its fixed order. */
const [BEGUN, NORMED, ACTIVATED, POOLED] = [0, 1, 2, 3] as const;
type Progress = typeof BEGUN | typeof NORMED | typeof ACTIVATED | typeof POOLED;

/** Reads `conv64k5s2p2g2+bn+leaky+max2+conv…`; undefined where it is not of that form. */
export function parseBlock(text: string): ConvDescription | undefined {
  const stages: StageDescription[] = [];
  let progress: Progress = POOLED;
  for (const word of text.split('+')) {
    const convolution = convolutionOf(word);
    if (convolution) {
      stages.push(convolution);
      progress = BEGUN;
      continue;
    }
    const found = operation(word);
    if (!found) return undefined;
    if (found.reaches === ACTIVATED ? progress >= ACTIVATED : progress === NORMED && found.reaches === NORMED)
      return undefined;
    if (found.reaches <= progress) stages.push({ norm: 'none', activation: 'linear' });
    const stage = stages.at(-1);
    if (!stage) return undefined;
    stages[stages.length - 1] = { ...stage, ...found.fields };
    progress = found.reaches;
  }
  const parsed = convSchema.safeParse({ kind: 'conv', stages });
  return parsed.success ? parsed.data : undefined;
}

function convolutionOf(word: string): ConvolutionDescription | undefined {
  const conv = CONV.exec(word);
  if (!conv) return undefined;
  const [, channels, settings = ''] = conv;
  const given = new Map(
    Array.from(settings.matchAll(/([kspg])(\d+)/g), ([, letter, value]) => [letter, Number(value)]),
  );
  const padding = given.get('p');
  return {
    channels: Number(channels),
    kernel: given.get('k') ?? 3,
    stride: given.get('s') ?? 1,
    ...(padding === undefined ? {} : { padding }),
    groups: given.get('g') ?? 1,
    norm: 'none',
    activation: 'relu',
  };
}

/** What the operation `word` says of its stage; undefined where it is none. */
function operation(word: string): { reaches: Progress; fields: Partial<StageDescription> } | undefined {
  const pool = POOL.exec(word);
  if (pool) {
    const [, kind, size, stride] = pool;
    return {
      reaches: POOLED,
      fields: {
        pool: {
          kind: kind === 'max' ? 'max' : 'average',
          size: Number(size),
          ...(stride === undefined ? {} : { stride: Number(stride) }),
        },
      },
    };
  }
  const norm = NORM.exec(word);
  if (norm) {
    const kinds = { bn: 'batch', rms: 'rms', ln2d: 'ln2d' } as const;
    return { reaches: NORMED, fields: { norm: kinds[word as keyof typeof kinds] ?? Number(norm[1] ?? 1) } };
  }
  const activated = ACTIVATION.exec(word);
  if (!activated) return undefined;
  const [, slope] = activated;
  return slope === undefined
    ? { reaches: ACTIVATED, fields: { activation: word as StageDescription['activation'] } }
    : { reaches: ACTIVATED, fields: { activation: 'leaky', slope: Number(slope) } };
}

/** The shortest text of a block; `parseBlock` reads it. */
export function formatBlock({ stages }: ConvDescription): string {
  return stages
    .map((stage, s) => {
      const next = stages[s + 1];
      // A norm that begins a stage of its own would otherwise become this one's.
      const explicit = next !== undefined && !('channels' in next) && next.norm !== 'none' && !stage.pool;
      return formatStage(stage, explicit);
    })
    .join('+');
}

/** `explicit`: the activation is written out even where it is the usual one. */
export function formatStage(stage: StageDescription, explicit = false): string {
  const { norm, activation, slope = LEAKY_SLOPE, pool } = stage;
  const convolution = 'channels' in stage;
  const words: string[] = convolution ? [formatConvolution(stage)] : [];
  if (norm === 'batch') words.push('bn');
  else if (typeof norm === 'number') words.push(norm === 1 ? 'ln' : `gn${norm}`);
  else if (norm !== 'none') words.push(norm);
  const usual = activation === (convolution ? 'relu' : 'linear');
  if (!usual || explicit) words.push(activation === 'leaky' && slope !== LEAKY_SLOPE ? `leaky${slope}` : activation);
  if (pool) {
    const step = pool.stride === undefined || pool.stride === pool.size ? '' : `s${pool.stride}`;
    words.push(`${pool.kind === 'max' ? 'max' : 'avg'}${pool.size}${step}`);
  }
  return words.join('+');
}

function formatConvolution({ channels, kernel, stride, padding, groups }: ConvolutionDescription): string {
  return [
    `conv${channels}`,
    kernel === 3 ? '' : `k${kernel}`,
    stride === 1 ? '' : `s${stride}`,
    padding === undefined || padding === (kernel - 1) / 2 ? '' : `p${padding}`,
    groups === 1 ? '' : `g${groups}`,
  ].join('');
}
