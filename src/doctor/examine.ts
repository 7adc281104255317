/** Finds out what this machine is good for. */
import os from 'node:os';
import { loadAddon, type LoadedAddon } from '../kernels/native/addon.js';
import { loadWasm } from '../kernels/wasm/load.js';
import { cpuQuota, usableCores } from '../run/cores.js';
import { PROGRAM } from '../run/version.js';
import { examineGpus } from './gpus.js';
import { cpuFlags, instructionSets } from './instruction-sets.js';
import type { MachineReport, StepRates } from './machine-report.js';
import { findNatsServer } from './nats-server.js';
import { keepRates, ratesKey } from './rates-cache.js';
import { settingsFor } from './settings.js';
import { measureStepRates } from './step-rates.js';

export interface ExamineOptions {
  /** For tests: where the addon comes from. */
  readonly load?: (() => LoadedAddon) | undefined;
  /** For tests: where to look for nats-server. */
  readonly serverFolders?: readonly string[] | undefined;
}

/** What measuring may take, over all numbers of threads. */
const MEASURE_MS = 1500;

/** Takes a second or two. @throws PffError `memory` */
export async function examineMachine({ load = loadAddon, serverFolders }: ExamineOptions = {}): Promise<MachineReport> {
  const begun = performance.now();
  const server = await findNatsServer(serverFolders);
  const loaded = load();
  const native = 'addon' in loaded;
  const wasm = await loadWasm();
  const usable = usableCores();
  // Some systems do not list their CPUs.
  const cores = Math.max(os.cpus().length, usable);
  const quota = cpuQuota();
  const steps = await measureSteps(loaded, native ? usable : 1);
  return {
    versions: { pff: PROGRAM, node: process.versions.node, platform: process.platform, arch: process.arch },
    cpu: {
      model: os.cpus()[0]?.model.trim() || 'unknown',
      cores,
      quota: quota < cores ? quota : null,
      usable,
    },
    memory: memory(),
    kernels: {
      addon: native ? loaded.path : null,
      reason: native ? null : loaded.reason,
      instructionSets: instructionSets(loaded, cpuFlags()),
      wasm: 'build' in wasm ? { build: wasm.build, reason: null } : { build: null, reason: wasm.reason },
    },
    steps,
    server,
    gpu: await examineGpus(),
    settings: settingsFor(steps, usable, native, 'build' in wasm),
    seconds: (performance.now() - begun) / 1000,
  };
}

/** On 1, 2, 4, … threads and on all cores; what it finds is kept for `pff train`. */
async function measureSteps(loaded: LoadedAddon, cores: number): Promise<StepRates[]> {
  const counts: number[] = [];
  for (let threads = 1; threads < cores; threads *= 2) counts.push(threads);
  counts.push(cores);
  const all: StepRates[] = [];
  for (const threads of counts) {
    const milliseconds = MEASURE_MS / counts.length;
    const rates = await measureStepRates({ kernels: 'auto', threads, milliseconds, load: () => loaded });
    keepRates(ratesKey(loaded, 'auto', threads), rates, Date.now());
    all.push(rates);
  }
  return all;
}

function memory(): MachineReport['memory'] {
  const totalBytes = os.totalmem();
  // Without a limit it is 0, or more than there is.
  const limit = process.constrainedMemory();
  const limitBytes = limit > 0 && limit < totalBytes ? limit : null;
  return { totalBytes, availableBytes: Math.min(process.availableMemory(), limitBytes ?? totalBytes), limitBytes };
}
