/** Rates that were measured on this machine lately, in a small file of the cache folder, so that `pff train` can tell them at once. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { cacheFolder } from '../data/sources/files.js';
import type { LoadedAddon } from '../kernels/native/addon.js';
import { VERSION } from '../run/version.js';
import { machineReportSchema, type StepRates } from './machine-report.js';

/** One entry for each machine, build and number of threads: a home folder may be that of several machines. */
const schema = z.array(
  z.strictObject({ key: z.string(), measuredMs: z.number(), rates: machineReportSchema.shape.steps.element }),
);
const MOST_ENTRIES = 32;
const GOOD_FOR_MS = 7 * 86_400_000;

/** What rates depend on. @param choice as in openKernels */
export function ratesKey(loaded: LoadedAddon, choice: string, threads: number): string {
  const cpu = os.cpus()[0]?.model ?? '';
  const addon = 'addon' in loaded ? [loaded.addon.instructionSets(), statOf(loaded.path)] : [];
  return createHash('sha256')
    .update(JSON.stringify([VERSION, cpu, addon, choice, threads]))
    .digest('hex')
    .slice(0, 16);
}

/** Undefined where nothing was measured, or too long ago, or the file cannot be read. */
export function cachedRates(key: string, nowMs: number): StepRates | undefined {
  const found = read().find((entry) => entry.key === key);
  return found && Math.abs(nowMs - found.measuredMs) < GOOD_FOR_MS ? found.rates : undefined;
}

/** Keeps `rates`; does nothing where there is no folder for it, or it cannot be written. */
export function keepRates(key: string, rates: StepRates, nowMs: number): void {
  const entries = [{ key, measuredMs: nowMs, rates }, ...read().filter((entry) => entry.key !== key)];
  try {
    const temporary = `${file()}.${process.pid}`;
    mkdirSync(path.dirname(temporary), { recursive: true });
    writeFileSync(temporary, `${JSON.stringify(entries.slice(0, MOST_ENTRIES))}\n`);
    renameSync(temporary, file());
  } catch {
    // Measured again next time.
  }
}

function read(): z.infer<typeof schema> {
  try {
    return schema.parse(JSON.parse(readFileSync(file(), 'utf8')));
  } catch {
    return [];
  }
}

function file(): string {
  return path.join(cacheFolder(), 'step-rates.json');
}

function statOf(addon: string): readonly number[] {
  const { size, mtimeMs } = statSync(addon);
  return [size, mtimeMs];
}
