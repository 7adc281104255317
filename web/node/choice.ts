/** How the user lets this browser take part: kept for the next visit, but for nothing else than this page. */
import { fromHex, toHex } from '../../src/audit/identity.js';
import { plainText } from '../../src/store/cluster/plain-text.js';
import type { TabKernels } from './kernels.js';
import type { PickedFile } from './own-data.js';

export interface Choice {
  readonly workers: number;
  /** Undefined in what is kept until the user has chosen by hand: then the GPU is taken where there is one that is more than software. */
  readonly kernels: TabKernels | undefined;
  readonly name: string;
  readonly pauseHidden: boolean;
  readonly pauseOnBattery: boolean;
}

/** What the user gives for this run only. */
export interface Given {
  readonly files: readonly PickedFile[];
  /** From 0; undefined: any that is free. */
  readonly slot: number | undefined;
}

const CHOICE = 'pff-choice';
const KEY = 'pff-node-key';

/** Most workers that this browser should have. */
export function mostWorkers(): number {
  return Math.max(1, navigator.hardwareConcurrency || 1);
}

export function keptChoice(): Choice {
  const usual: Choice = {
    workers: 1,
    kernels: undefined,
    name: `browser-${toHex(crypto.getRandomValues(new Uint8Array(2)))}`,
    pauseHidden: false,
    pauseOnBattery: true,
  };
  try {
    const kept = JSON.parse(localStorage.getItem(CHOICE) ?? '{}') as Readonly<Partial<Record<keyof Choice, unknown>>>;
    return {
      workers: Math.min(mostWorkers(), Math.max(1, Math.round(Number(kept.workers ?? 1)) || 1)),
      kernels: kept.kernels === 'webgpu' || kept.kernels === 'auto' ? kept.kernels : usual.kernels,
      name: (typeof kept.name === 'string' && plainText(kept.name, 60)) || usual.name,
      pauseHidden: typeof kept.pauseHidden === 'boolean' ? kept.pauseHidden : usual.pauseHidden,
      pauseOnBattery: typeof kept.pauseOnBattery === 'boolean' ? kept.pauseOnBattery : usual.pauseOnBattery,
    };
  } catch {
    return usual;
  }
}

export function keepChoice(choice: Choice): void {
  keep(CHOICE, JSON.stringify(choice));
}

/** The secret of this browser's key, by which audited runs know its results; made when it is first needed. */
export function keySeed(): Uint8Array {
  const kept = localStorage.getItem(KEY) ?? '';
  if (/^[0-9a-f]{64}$/.test(kept)) return fromHex(kept);
  const seed = crypto.getRandomValues(new Uint8Array(32));
  keep(KEY, toHex(seed));
  return seed;
}

/** A full or forbidden storage costs that it is not kept. */
function keep(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // As if it had never been there.
  }
}
