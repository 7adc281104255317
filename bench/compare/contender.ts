/** What is compared: the pieces of work that we and the peers each do, and what every contender must be able to do. */

/** The pieces of work, at the sizes of the paper's network. */
export const WORK = {
  step: 'training step, 2000 → 2000, 128 rows',
  'first-step': 'training step, 784 → 2000, 64 pairs',
  forward: 'forward pass, 2000 → 2000, 128 rows',
  predict: 'ten-label prediction, 4 x 2000, 256 images',
} as const;

export type Work = keyof typeof WORK;
export const WORK_NAMES = Object.keys(WORK) as Work[];

/** What the big products take: f32, or operands rounded to bf16. */
export type Operands = 'f32' | 'bf16';

/** What a contender computed, for comparing it with ours. */
export interface Computed {
  /** Loss of each training step; of an epoch, the mean loss of each layer. Empty for inference. */
  readonly losses: readonly number[];
  /** Weights [I, O] after the steps, activations [R, O], or goodness of each label [B, C]. */
  readonly values: Float32Array;
}

/** Someone who does pieces of work: ours or a peer. Everything is for one thread unless its name says otherwise. */
export interface Worker<W extends string> {
  readonly name: string;
  /** Versions and settings, for the report. */
  readonly about: string;
  readonly operands: Operands;
  readonly isOurs: boolean;
  readonly work: ReadonlySet<W>;
  /** Does the work once; seconds that it took, on the contender's own clock. */
  run(work: W): Promise<number>;
  /** Starts from the workload's weights and does `steps` training steps, or inference once. */
  compute(work: W, steps: number): Promise<Computed>;
  close(): Promise<void>;
}

/** Someone who does the work on dense layers. */
export interface Contender extends Worker<Work> {
  readonly trains: boolean;
  /** Its epochs are measured whole, not on a share of their batches. */
  readonly whole: boolean;
  /** Trains the network layer after layer on the first `batches` batches of the epoch's order, passing them on. */
  epoch(batches: number): Promise<EpochTime>;
  /** As `epoch`, for the few batches of the check. */
  computeEpoch(): Promise<Computed>;
}

export interface EpochTime {
  readonly seconds: number;
  /** Batches that were trained, of each layer. */
  readonly batches: number;
}
