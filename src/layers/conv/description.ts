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
