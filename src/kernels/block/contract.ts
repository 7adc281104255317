/**
 * The contract of a block of convolutions: its shapes and its numeric rules, which go on from those of kernels.ts.
 *
 * Legend: R rows = V variants · B samples, as there. Planes lie with their channels last: a row is [height, width, channels].
 * A *position* is one place of a plane, in the order of y, then x. K window side; C channels that enter; O channels that
 * leave; G groups; L label values. A block is one or more *stages*: convolution, normalisation, activation, pool. A stage may lack
 * the convolution: then what enters is z. Label values enter the first convolution of a block. Stages before that one see each sample
 * once for all its variants, and their gradient is ((0 + that of variant 0) + that of variant 1) + …
 *
 *  8. convolution  The patch of position (y, x) of sample b has at (dy · K + dx) · C/G + c the value of the sample at
 *                 (y · stride + dy - padding, x · stride + dx - padding), channel g · C/G + c, or 0 outside of it. A group is a
 *                 dense layer, linear, on all patches: the rows of its batch are the positions of sample 0, of sample 1, …; its
 *                 prefix inputs are the patch, its suffix inputs the label values of the sample, the same at each position (a
 *                 label plane per class, seen through a window of 1 x 1). Rules 1, 4 and 6 hold as they stand, in every
 *                 precision, but for:
 *                 - deltas: s[b, position, o] = ((0 + delta of variant 0) + delta of variant 1) + …; below 2^-40 in magnitude it
 *                   counts as 0.
 *                 - D[r, o] = ((0 + delta[r, 0, o]) + delta[r, 1, o]) + … over the positions of row r. The gradient of the bias is
 *                   ((0 + D[0, o]) + D[1, o]) + …; that of label weight (l, o) the chain of fma(label[r, l], D[r, o], acc) over
 *                   rows r with label[r, l] ≠ 0, from 0.
 *                 - input gradient: the values of rule 6 for each value of each patch, added up for each value of the sample from
 *                   0 in the order of the window, (0, 0), (0, 1), …
 *  9. statistics  S[r, o]: as D, of the values z of row r. Sums over a batch are ((0 + S[0, o]) + S[1, o]) + …, over a group of
 *                 channels the same in the order of the channels. mean = sum · (1 / n), n the number of values, the quotient
 *                 rounded to f32. Variance: S[r, o] is the chain of fma(d, d, acc) with d = z - mean, added up and multiplied in
 *                 the same way. inverse = 1 / sqrt(variance + 1e-5), each step rounded.
 *                 batch: over all rows and positions, for each channel; for inference the running ones, which after each step
 *                 become fma(0.1, found - running, running), `found` the variance being variance · (n / (n - 1));
 *                 not where n is 1: one value has no variance.
 *                 group: over the positions and channels of each group of one row, in training and inference.
 *                 position: over the channels of each position, in training and inference. Sums are those of rule 2, by lanes: lane +
 *                 z for the mean (0 if it is not centred), then fma(d, d, lane).
 * 10. finish      u = fma(z - mean, scale, shift), scale = gamma · inverse, shift = beta; without normalisation u = z.
 *                 Values of a position have its own mean and inverse.
 *                 v = u <= 0 ? leak · u : u (for leak 0 then 0). Pool: windows without padding, in the order of y, then x; max: the
 *                 first of the largest, in the order of the window; average: ((v0 + v1) + …) · (1 / n).
 * 11. backwards   The loss by what leaves: rowScale[r] · y (a rowScale below 2^-126 counts as 0), or the given values, 0 where
 *                 y · y is 0 (it was dropped, or is dead). Through the pool: to the place of the maximum, or (1 / n) of it to each
 *                 place; added up from 0 in the order of the windows. du = u <= 0 ? leak · dv : dv.
 *                 With normalisation: S1[r, o] as D, of du; S2[r, o] the chain of fma(du, z - mean, acc) over the positions. batch:
 *                 s1, s2 their sums over the rows; gradients: beta s1, gamma inverse · s2; a = scale · (s1 · (1/n)),
 *                 b = (scale · (inverse · inverse)) · (s2 · (1/n)). group: t1 and t2 are the chains of fma(gamma, S1, acc) and
 *                 fma(gamma, S2, acc) over the channels of the group; a = inverse · (t1 · (1/n)), b = (inverse · (inverse ·
 *                 inverse)) · (t2 · (1/n)); gradients: the sums over the rows of S1, and the chain of fma(inverse, S2, acc).
 *                 position: S2 is the chain of fma(du, (z - mean) · inverse, acc); with g = gamma · du, t1 and t2 are sums over the channels
 *                 by the lanes of rule 2, lane + g and fma(g, z - mean, lane); a and b as of a group, a = 0 if it is not centred; gradients:
 *                 the sums over the rows of S1 and S2.
 *                 dz = fma(scale, du, -fma(z - mean, b, a)); without normalisation dz = du. Below 2^-40 in magnitude it counts
 *                 as 0. gamma and beta take the step of a bias (rule 5).
 */

/** Rows of so many values, channels last: [height, width, channels]. */
export interface Planes {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/**
 * How a stage is normalised: each channel over the batch; groups of channels within a row; or the channels of each position, to mean 0 and
 * variance 1 (`centred`) or to a root mean square of 1.
 */
export type Norm =
  | { readonly kind: 'batch' }
  | { readonly kind: 'group'; readonly groups: number }
  | { readonly kind: 'position'; readonly centred: boolean };

export interface Pool {
  readonly kind: 'max' | 'average';
  /** Side of its window, and from one window to the next. */
  readonly size: number;
  readonly stride: number;
}

/** One stage of a block. */
export interface Stage {
  readonly from: Planes;
  /** O */
  readonly outputs: number;
  /** K: side of the window; 0 for a stage without a convolution. Its stride and groups are 1, its padding 0, O is C. */
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  /** G; divides both numbers of channels. */
  readonly groups: number;
  readonly norm?: Norm | undefined;
  /** What values below 0 are multiplied by: 0 for ReLU, 1 for none. */
  readonly leak: number;
  readonly pool?: Pool | undefined;
}

/** The parameters of a stage with their moments, in the order of `stageParameters`. */
export interface StageTensors {
  readonly parameters: readonly Float32Array[];
  readonly moment1: readonly Float32Array[];
  readonly moment2: readonly Float32Array[];
}

export interface BlockOptions {
  /** The rows that enter have their channels first, as images do. */
  readonly channelsFirst: boolean;
  /** L: how many label values come last in a row that enters; they reach the first stage. */
  readonly labels: number;
  /** As in `DenseOptions`. */
  readonly maxRows: number;
  /** Biases stay as they are given. */
  readonly fixedBias?: boolean | undefined;
}

export interface StageParameter {
  readonly name: 'weight' | 'label' | 'bias' | 'gamma' | 'beta' | 'mean' | 'variance';
  readonly shape: readonly number[];
}

export function hasConvolution({ kernel }: Stage): boolean {
  return kernel > 0;
}

/** How many of the block's `labels` label values enter stage `s`: all enter its first convolution. */
export function labelsOf(stages: readonly Stage[], s: number, labels: number): number {
  return stages.findIndex(hasConvolution) === s ? labels : 0;
}

/**
 * weight [K, K, C, O], or [G, K, K, C/G, O/G] for groups; label [L, O] where labels enter; then bias [O], or gamma [O], beta [O]
 * and, of a batch, the running mean [O] and variance [O]. Without a convolution only those of the norm.
 */
export function stageParameters(stage: Stage, labels: number): StageParameter[] {
  const { kernel, groups, outputs, norm } = stage;
  const all: StageParameter[] = [];
  const each = (name: StageParameter['name']): number => all.push({ name, shape: [outputs] });
  if (hasConvolution(stage)) {
    const window = [kernel, kernel, stage.from.channels / groups, outputs / groups];
    all.push({ name: 'weight', shape: groups === 1 ? window : [groups, ...window] });
    if (labels > 0) all.push({ name: 'label', shape: [labels, outputs] });
    if (!norm) each('bias');
  }
  if (norm) for (const name of ['gamma', 'beta'] as const) each(name);
  if (norm?.kind === 'batch') for (const name of ['mean', 'variance'] as const) each(name);
  return all;
}

/** What leaves the convolution of a stage, or enters a stage without one. */
export function convolved(stage: Stage): Planes {
  if (!hasConvolution(stage)) return stage.from;
  const { from, outputs, kernel, stride, padding } = stage;
  const side = (length: number): number => Math.floor((length + 2 * padding - kernel) / stride) + 1;
  return { channels: outputs, height: side(from.height), width: side(from.width) };
}

/** What leaves a stage. */
export function leaving(stage: Stage): Planes {
  const planes = convolved(stage);
  const { pool } = stage;
  if (!pool) return planes;
  const side = (length: number): number => Math.floor((length - pool.size) / pool.stride) + 1;
  return { channels: planes.channels, height: side(planes.height), width: side(planes.width) };
}

export function planeValues({ channels, height, width }: Planes): number {
  return channels * height * width;
}

/** Values of a patch of one group. */
export function patchValues({ from, kernel, groups }: Stage): number {
  return (kernel * kernel * from.channels) / groups;
}
