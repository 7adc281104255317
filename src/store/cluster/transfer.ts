/**
 * Moves one output through the engine in chunks, several at a time, verified on arrival. Chunks lie under the digest of
 * the whole, so that two different results of one task can never mix, and putting the same twice changes nothing.
 */
import { sha256 } from '#platform/hash';
import { sharedBuffer } from '../../platform/shared-memory.js';
import { messageOf, PffError } from '../../errors.js';
import type { Output } from '../store.js';
import type { Engine } from './engine.js';
import type { DoneRecord } from './records.js';

/** Chunks of one output that are prepared at once; how many of them are on their way says `move` (chunk-window.ts). */
const AT_ONCE = 8;
/** Bytes hashed between two turns of the event loop: network traffic goes on meanwhile. */
const HASH_BLOCK = 4 << 20;

/** Hex SHA-256 of an output: of its steps, as a line of text, and of its bytes as they travel. */
export async function digestOf({ steps, buffer }: Output, breathe: () => Promise<void>): Promise<string> {
  const hash = hashFrom(steps);
  for (let at = 0; at < buffer.byteLength; at += HASH_BLOCK) {
    if (at > 0) await breathe();
    hash.update(new Uint8Array(buffer, at, Math.min(HASH_BLOCK, buffer.byteLength - at)));
  }
  return hash.hex();
}

function hashFrom(steps: number): ReturnType<typeof sha256> {
  return sha256().update(`pff output 2, ${steps} steps\n`);
}

export function chunkCount(bytes: number, chunkBytes: number): number {
  return Math.ceil(bytes / chunkBytes);
}

/** Where the chunks of a result of `task` lie (`task` as taskKey gives it). */
export function chunkPrefix(task: string, digest: string): string {
  return `${task}.${digest.slice(0, 16)}`;
}

/** Puts all chunks of `buffer`, each by `move`; resolves when the engine has acknowledged each. */
export async function putOutput(
  engine: Engine,
  prefix: string,
  buffer: ArrayBufferLike,
  move: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<void> {
  const { chunkBytes } = engine;
  await severalAtOnce(chunkCount(buffer.byteLength, chunkBytes), () => {
    // Out of shared memory while it is aligned (nats/whole-messages.ts says why); the client then copies it once more.
    const staging = new Uint8Array(Math.min(chunkBytes, buffer.byteLength));
    return async (i) => {
      const at = i * chunkBytes;
      const chunk = staging.subarray(0, Math.min(chunkBytes, buffer.byteLength - at));
      chunk.set(new Uint8Array(buffer, at, chunk.length));
      await move(() => engine.putChunk(`${prefix}.${i}`, chunk));
      return true;
    };
  });
}

/**
 * Gets an output that `record` announces. Undefined if a chunk is missing or of a wrong size, or the digest differs: then
 * it counts as lost. The digest is computed as chunks arrive.
 */
export async function getOutput(
  engine: Engine,
  prefix: string,
  record: DoneRecord,
  move: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<ArrayBufferLike | undefined> {
  const buffer = roomFor(record.bytes);
  const bytes = new Uint8Array(buffer);
  const { chunkBytes } = record;
  const count = chunkCount(record.bytes, chunkBytes);
  const hash = hashFrom(record.steps);
  const arrived = new Set<number>();
  let hashed = 0;
  const good = await severalAtOnce(count, () => async (i) => {
    const chunk = await move(() => engine.getChunk(`${prefix}.${i}`));
    if (chunk?.length !== Math.min(chunkBytes, record.bytes - i * chunkBytes)) return false;
    bytes.set(chunk, i * chunkBytes);
    arrived.add(i);
    for (; arrived.delete(hashed); hashed++)
      hash.update(bytes.subarray(hashed * chunkBytes, Math.min((hashed + 1) * chunkBytes, record.bytes)));
    return true;
  });
  return good && hash.hex() === record.digest ? buffer : undefined;
}

/** @throws PffError `memory` */
function roomFor(bytes: number): ArrayBufferLike {
  try {
    return sharedBuffer(bytes);
  } catch (error) {
    throw new PffError('memory', `there is no memory for a published output of ${bytes} bytes: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Whether all f32 values are finite. x - x is 0 for a finite x and NaN for any other. */
export function allFinite(buffer: ArrayBufferLike): boolean {
  const values = new Float32Array(buffer);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) - (values[i] as number);
  return sum === 0;
}

/**
 * Does the works 0 … count - 1, a few at once, each of those by a worker of its own that does one after the other; stops
 * early, with false, when one returns false.
 */
async function severalAtOnce(count: number, openWorker: () => (i: number) => Promise<boolean>): Promise<boolean> {
  let next = 0;
  let good = true;
  await Promise.all(
    Array.from({ length: Math.min(count, AT_ONCE) }, async () => {
      const work = openWorker();
      while (good && next < count) if (!(await work(next++))) good = false;
    }),
  );
  return good;
}
