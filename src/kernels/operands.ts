/** What goes into the operations of a layer: rows, derivatives and steps. Dimension letters as in kernels.ts. */

/** A value or a promise of it: a backend on a device computes while the program goes on. */
export type Awaitable<T> = T | Promise<T>;

/** Rows that enter a layer. */
export interface LayerInput {
  /** [any, P]: where the prefixes lie. */
  readonly prefix: Float32Array;
  /** [B]: which rows of `prefix` make up the batch, in order; without it rows 0 … B-1. */
  readonly rows?: Uint32Array | undefined;
  /** B */
  readonly batch: number;
  /** V; at least 1. */
  readonly variants: number;
  /** [V · B, C], variant-major: row v · B + b belongs to sample b. Absent when C = 0 (then V = 1). */
  readonly suffix?: Float32Array | undefined;
}

/** What to do with the rows that leave a layer in `infer`. */
export interface LayerOutput {
  /** [R, O], written if given. May be the very array of `prefix` if `rows` is absent, V = 1 and O = P. No other overlap. */
  readonly activations?: Float32Array | undefined;
  /** Scale each row of `activations` to unit length (rule 3). Needs `activations`. */
  readonly normalise?: boolean;
  /** [R], written if given: sum of squares of each row before it is normalised. */
  readonly sumSquares?: Float32Array | undefined;
}

/** The derivative of the loss by a layer's pre-activations, as rule 4 reads it. */
export type Delta = { readonly rowScale: Float32Array } | { readonly values: Float32Array };

/**
 * One Adam step (Kingma & Ba 2015, with decoupled weight decay after Loshchilov & Hutter 2019), as f32 scalars:
 * stepSize = rate · sqrt(1 - β2^t) / (1 - β1^t); epsilonSquared = (ε · sqrt(1 - β2^t))²; keep = 1 - rate · decay.
 */
export interface AdamRule {
  readonly kind: 'adam';
  readonly beta1: number;
  readonly beta2: number;
  readonly stepSize: number;
  readonly epsilonSquared: number;
  readonly keep: number;
}

/**
 * One step of stochastic gradient descent with momentum (Sutskever et al. 2013, in the form of most frameworks: the rate
 * stands outside the momentum) and decoupled weight decay, as f32 scalars: stepSize = rate; keep = 1 - rate · decay.
 * The momentum lies in the tensors' first moments; the second ones stay as they are.
 */
export interface SgdRule {
  readonly kind: 'sgd';
  /** 0 … 1; with 0 it is plain gradient descent. */
  readonly momentum: number;
  readonly stepSize: number;
  readonly keep: number;
}

/** How a gradient changes the weights. */
export type UpdateRule = AdamRule | SgdRule;
