/** A machine's report to show and to reason about. */
import type { MachineReport, StepRates } from '../../src/doctor/machine-report.js';

/** Rates of one step from milliseconds by precision. */
export function stepRates(threads: number, milliseconds: Readonly<Record<string, number>>): StepRates {
  const rates = Object.entries(milliseconds).map(([precision, ms]) => ({
    precision,
    numerics: `${precision}/1`,
    kernels: 'native/avx512',
    milliseconds: ms,
    medianMilliseconds: ms,
    gigaflops: 512 / ms,
  }));
  return { threads, inputs: 1000, outputs: 1000, rows: 128, rounds: 9, rates };
}

export const machine: MachineReport = {
  versions: { pff: '0.1.0', node: '20.19.0', platform: 'linux', arch: 'x64' },
  cpu: { model: 'A CPU of Many Words (TM) with a Long Name @ 2.10GHz', cores: 8, quota: 2.5, usable: 2 },
  memory: { totalBytes: 16e9, availableBytes: 3e9, limitBytes: 4e9 },
  kernels: {
    addon: '/opt/pff/build/pff-native.node',
    reason: null,
    instructionSets: [
      { name: 'amx', usable: true, usedFor: ['bf16-tile'], why: '' },
      { name: 'avx512bf16', usable: false, usedFor: [], why: 'the CPU has no avx512_bf16' },
      { name: 'avx512', usable: true, usedFor: ['f32', 'bf16'], why: '' },
      { name: 'avx2', usable: true, usedFor: [], why: '' },
      { name: 'portable', usable: true, usedFor: [], why: '' },
    ],
    wasm: { build: 'fused', reason: null },
  },
  steps: [stepRates(1, { f32: 8, bf16: 4 }), stepRates(2, { f32: 4, bf16: 2 })],
  server: { path: '/usr/sbin/nats-server', version: '2.9.10', fit: true },
  gpu: {
    text: null,
    gpus: [
      {
        number: 0,
        name: 'A GPU of Many Words (TM) with a Long Name',
        reason: null,
        software: false,
        bufferBytes: 2 ** 31,
        arithmetic: [
          { precision: 'f32', form: 'device', reason: null },
          { precision: 'bf16', form: 'integer', reason: null },
          { precision: 'bf16-tile', form: null, reason: 'other bits' },
        ],
      },
    ],
  },
  settings: [{ option: '--precision', value: 'bf16', reason: 'a step takes half the time that f32 takes' }],
  seconds: 1.5,
};
