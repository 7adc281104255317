/** The short form of a block, `conv64+bn+max2`: read, written, and what is wrong with a text that is none. */
import {
  convSchema,
  LEAKY_SLOPE,
  type ConvDescription,
  type ConvolutionDescription,
  type StageDescription,
} from './description.js';

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

/** Why a text is no block. */
export interface Misread {
  readonly message: string;
  readonly hint: string;
}

/** Reads `conv64k5s2p2g2+bn+leaky+max2+conv…`; undefined where it is not of that form. */
export function parseBlock(text: string): ConvDescription | undefined {
  const read = readBlock(text);
  return 'stages' in read ? read : undefined;
}

/** What is wrong with `text`; undefined where no word of it is a convolution's. */
export function explainBlock(text: string): Misread | undefined {
  const words = text.split('+');
  if (!words.some((word) => word.startsWith('conv') || isOperations(word))) return undefined;
  const read = readBlock(text);
  return 'stages' in read ? undefined : read;
}

function readBlock(text: string): ConvDescription | Misread {
  const stages: StageDescription[] = [];
  let progress: Progress = POOLED;
  let before = '';
  for (const word of text.split('+')) {
    const convolution = convolutionOf(word);
    const found = operation(word);
    if (convolution) {
      if (convolution.kernel % 2 === 0 && convolution.padding === undefined)
        return {
          message: `${word} has a window of an even side, ${convolution.kernel}, which no padding keeps in the middle`,
          hint: `Give its padding, such as ${word}p${Math.max(0, convolution.kernel / 2 - 1)}, or choose an odd side.`,
        };
      stages.push(convolution);
      progress = BEGUN;
    } else if (found) {
      const { reaches } = found;
      if (reaches === ACTIVATED ? progress >= ACTIVATED : reaches === NORMED && progress === NORMED)
        return {
          message: `${word} cannot ${before === '' ? 'come first' : `come after ${before}`}`,
          hint: 'The order is convolution, normalisation, activation, pool, such as conv64+bn+leaky+max2; then the next convolution.',
        };
      const stage = reaches > progress ? stages.pop() : undefined;
      stages.push({ ...(stage ?? { norm: 'none', activation: 'linear' }), ...found.fields });
      progress = reaches;
    } else
      return {
        message: `${JSON.stringify(word)} is no operation`,
        hint: 'Operations are conv64 (also conv64k5s2p1g4), bn, gn8, ln, rms, ln2d, relu, leaky, leaky0.2, linear, max2 and avg3s2.',
      };
    before = word;
  }
  const parsed = convSchema.safeParse({ kind: 'conv', stages });
  if (parsed.success) return parsed.data;
  if (stages.some((stage) => 'channels' in stage))
    return {
      message: parsed.error.issues[0]?.message ?? 'it is no block',
      hint: 'Choose numbers within these limits.',
    };
  return {
    message: 'it has no convolution, so there is nothing in it to train',
    hint: `Put it beside one (conv64,${text} or ${text},conv64). A dense layer on pooled planes of 16x16 is ${text}+conv512k16p0.`,
  };
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
