/** What `pff doctor` finds out, as data: the JSON that it prints, and the type that the rest is built from. */
import { z } from 'zod';

const size = z.number().nonnegative();

/** An instruction set that kernels may be written for, on this kind of CPU. */
const instructionSet = z.strictObject({
  name: z.string(),
  /** This build has it, the CPU has it and the system allows it. */
  usable: z.boolean(),
  /** Precisions in which it is taken where nothing else is asked for. */
  usedFor: z.array(z.string()),
  /** Why it cannot be used; empty where it can. */
  why: z.string(),
});

const rate = z.strictObject({
  precision: z.string(),
  /** Name of the arithmetic, which fixes the bits. */
  numerics: z.string(),
  /** Backend and instruction set. */
  kernels: z.string(),
  /** Of the fastest step, which other work on the machine disturbs least. */
  milliseconds: z.number().positive(),
  /** Far above the fastest where something else was running. */
  medianMilliseconds: z.number().positive(),
  /** Of the products of a step: two operations for each multiply-add. */
  gigaflops: z.number().positive(),
});

/** One training step of a layer (forward pass, objective, gradient, Adam), in each precision in turn. */
const stepRates = z.strictObject({
  threads: z.int().positive(),
  inputs: z.int().positive(),
  outputs: z.int().positive(),
  rows: z.int().positive(),
  rounds: z.int().positive(),
  rates: z.array(rate).min(1),
});

/** A GPU, as WebGPU opens it. */
const gpu = z.strictObject({
  /** What `--gpu` takes, as it takes a part of the name. */
  number: z.int().nonnegative(),
  name: z.string(),
  /** Why it cannot be opened; null where it can. */
  reason: z.string().nullable(),
  /** A CPU that plays a GPU. */
  software: z.boolean(),
  /** The most bytes of one matrix. */
  bufferBytes: size,
  /** What gives the exact bits of each precision: the device's own arithmetic, or integers; null and why where nothing does. Empty in software. */
  arithmetic: z.array(
    z.strictObject({
      precision: z.string(),
      form: z.enum(['device', 'integer']).nullable(),
      reason: z.string().nullable(),
    }),
  ),
});

export const machineReportSchema = z.strictObject({
  versions: z.strictObject({ pff: z.string(), node: z.string(), platform: z.string(), arch: z.string() }),
  cpu: z.strictObject({
    model: z.string(),
    cores: z.int().positive(),
    /** Cores' worth of time that a container is given; null without a limit. */
    quota: z.number().positive().nullable(),
    /** What a run takes by default: cores, or what the quota leaves of them. */
    usable: z.int().positive(),
  }),
  memory: z.strictObject({
    totalBytes: size,
    availableBytes: size,
    /** A container's limit; null without one. */
    limitBytes: size.nullable(),
  }),
  kernels: z.strictObject({
    /** The addon's file; null where there is none, and then `reason` says why. */
    addon: z.string().nullable(),
    reason: z.string().nullable(),
    instructionSets: z.array(instructionSet),
    /** How the WebAssembly kernels multiply and add; `build` is null where there are none, and then `reason` says why. */
    wasm: z.strictObject({ build: z.enum(['fused', 'exact']).nullable(), reason: z.string().nullable() }),
  }),
  /** On one thread, and on more where there are more. */
  steps: z.array(stepRates).min(1),
  /** The nats-server that was found; null without one. */
  server: z.strictObject({ path: z.string(), version: z.string(), fit: z.boolean() }).nullable(),
  /** `text` says why there is none; null where there are some. */
  gpu: z.strictObject({ text: z.string().nullable(), gpus: z.array(gpu) }),
  /** Options of `pff train` that suit this machine, and why. */
  settings: z.array(z.strictObject({ option: z.string(), value: z.string(), reason: z.string() })),
  /** What finding all this out took. */
  seconds: z.number().nonnegative(),
});

export type MachineReport = z.infer<typeof machineReportSchema>;
export type InstructionSet = z.infer<typeof instructionSet>;
export type Gpu = z.infer<typeof gpu>;
export type StepRates = z.infer<typeof stepRates>;
export type Setting = MachineReport['settings'][number];
