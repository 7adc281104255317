/**
 * Federated: predicted labels are made from a node's own data, so they leave it only sealed, under a key that is made from
 * that data and the run. Whoever has the data (the node itself, started again) can open them; nobody else needs them.
 */
import { sha256 } from '#platform/hash';
import { bytesOf } from '../../data/dataset.js';
import { PffError, messageOf } from '../../errors.js';
import type { LabelledData } from '../../model/labelled-data.js';
import { sharedBuffer } from '../../platform/shared-memory.js';
import { taskKey, type Task } from '../../schedule/tasks.js';
import type { Output, Store } from '../../store/store.js';

type Key = Parameters<typeof crypto.subtle.encrypt>[1];

/** Bytes that sealed labels are longer than open ones: the tag. */
export const SEAL_BYTES = 16;

/**
 * @param run what tells this run from every other one (`runContext`)
 * @throws PffError `cluster` in a page that may not seal.
 */
export function sealingStore(store: Store, { samples }: LabelledData, run: string): Store {
  if (!globalThis.crypto?.subtle)
    throw new PffError('cluster', 'this page cannot seal the labels of a federated run, as it came over plain HTTP', {
      hint: 'Open it over HTTPS, or from localhost.',
    });
  const key = keyOf(samples, run);
  return {
    isPublished: (task) => store.isPublished(task),
    published: (task, signal) => store.published(task, signal),
    async fetch(task, signal) {
      const output = await store.fetch(task, signal);
      return task.kind === 'labels' ? { steps: output.steps, buffer: await open(await key, task, output) } : output;
    },
    async publish(task, output) {
      const sealed = task.kind === 'labels' ? { ...output, buffer: await seal(await key, task, output) } : output;
      await store.publish(task, sealed);
    },
  };
}

/** Says whether labels as they travel were sealed with this data in this run; else somebody else wrote them. */
export function sealedWith(
  { samples }: LabelledData,
  run: string,
): (task: Task, buffer: ArrayBufferLike) => Promise<boolean> {
  const key = keyOf(samples, run);
  return async (task, buffer) =>
    open(await key, task, { steps: 0, buffer }).then(
      () => true,
      () => false,
    );
}

async function keyOf({ images, labels }: LabelledData['samples'], run: string): Promise<Key> {
  // Not the dataset's digest, which is public.
  const hash = sha256().update('pff private labels 2').update(run);
  const secret = hash.update(bytesOf(images)).update(bytesOf(labels)).bytes();
  return crypto.subtle.importKey('raw', secret, 'AES-GCM', false, ['encrypt', 'decrypt']);
}

/**
 * AES-GCM, with its tag of 16 bytes behind the sealed ones. In one run a task's labels are always the same, and each run has its own
 * key, so the task's name may serve as the nonce, and sealing twice is the same.
 */
function cipherOf(task: Task) {
  return { name: 'AES-GCM', iv: sha256().update(taskKey(task)).bytes().subarray(0, 12) };
}

async function seal(key: Key, task: Task, { buffer }: Output): Promise<ArrayBufferLike> {
  return shared(await crypto.subtle.encrypt(cipherOf(task), key, copied(buffer)));
}

async function open(key: Key, task: Task, { buffer }: Output): Promise<ArrayBufferLike> {
  try {
    return shared(await crypto.subtle.decrypt(cipherOf(task), key, copied(buffer)));
  } catch (error) {
    throw new PffError('data', `the labels ${taskKey(task)} were sealed with other data: ${messageOf(error)}`, {
      hint: 'A slot of a federated run stays with the data that it began with.',
      cause: error,
    });
  }
}

/** Out of shared memory, which the platform's cryptography does not take. */
function copied(buffer: ArrayBufferLike): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer).slice();
}

function shared(bytes: ArrayBuffer): ArrayBufferLike {
  const buffer = sharedBuffer(bytes.byteLength);
  new Uint8Array(buffer).set(new Uint8Array(bytes));
  return buffer;
}
