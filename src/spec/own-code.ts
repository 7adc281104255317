/** Code of a user's own as it is called: what it throws or gives back that is of no use is its own fault, and said to be so. */
import { messageOf, PffError } from '../errors.js';
import { described } from '../known-options.js';

export type Given = Readonly<Record<string, unknown>>;

/** Runs own code. @throws PffError `training` saying whose failure it was, or that it is not done when it returns */
export function called<T>(what: string, call: string, work: () => T): T {
  try {
    const value = work();
    const { then } = given(value);
    if (typeof then !== 'function') return value;
    // What it fails with later must not end the process before this refusal is read.
    void Promise.resolve(value).catch(() => {});
    throw new PffError('training', `${what}, of a plugin: ${call} must not be async: it gave a promise`, {
      hint: 'Mend it in the file that registers it: what it computes must be there when it returns.',
    });
  } catch (error) {
    if (error instanceof PffError) throw error;
    throw new PffError('training', `${what}, of a plugin, failed: ${messageOf(error)}`, {
      hint: 'Mend it in the file that registers it; PFF_DEBUG=1 shows where it failed.',
      cause: error,
    });
  }
}

type Values = Float32Array | Float64Array;

/**
 * Layers would take up what is not finite though the loss looks right. (Where the loss itself is not finite, training says so.)
 * @throws PffError `training` naming the array
 */
export function checkWritten(
  what: string,
  call: string,
  written: Readonly<Record<string, Values>>,
  read: readonly Values[],
): void {
  for (const [name, values] of Object.entries(written)) {
    const at = notFinite(values);
    if (at < 0) continue;
    throw new PffError('training', `${what}, of a plugin: ${call} wrote ${values[at]} to ${name}[${at}]`, {
      hint: read.every((each) => notFinite(each) < 0)
        ? 'A gradient must be finite: mend it in the file that registers it.'
        : 'It was given values that are not finite either: lower --learning-rate or --init-scale.',
    });
  }
}

/** The first place that layers, which count in 32 bits, would take as not finite; -1 for none. */
function notFinite(values: Values): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(Math.fround(values[i] as number))) return i;
  return -1;
}

export function bad(what: string, call: string, wanted: string, found: unknown): never {
  throw new PffError('training', `${what}, of a plugin: ${call} must give ${wanted}, but gave ${described(found)}`, {
    hint: 'Mend it in the file that registers it.',
  });
}

export function refuse(what: string, wanted: string, found: string, hint: string): never {
  throw new PffError('usage', `${what} must be ${wanted}, but ${found}`, { hint });
}

export function given(value: unknown): Given {
  return (typeof value === 'object' && value !== null) || typeof value === 'function' ? (value as Given) : {};
}
