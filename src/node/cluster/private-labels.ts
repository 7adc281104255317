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

interface Keys {
  readonly cipher: Parameters<typeof crypto.subtle.encrypt>[1];
  /** Begins the hash that nonces are made by. */
  readonly nonce: Uint8Array;
}

/** Bytes of AES-GCM's nonce, and of its tag. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Bytes that sealed labels are longer than open ones: nonce in front, tag behind. */
export const SEAL_BYTES = NONCE_BYTES + TAG_BYTES;

/**
 * @param run what tells this run from every other one (`runContext`)
 * @throws PffError `cluster` in a page that may not seal.
 */
export function sealingStore(store: Store, { samples }: LabelledData, run: string): Store {
  if (!globalThis.crypto?.subtle)
    throw new PffError('cluster', 'this page cannot seal the labels of a federated run, as it came over plain HTTP', {
      hint: 'Open it over HTTPS, or from localhost.',
    });
  const keys = keysOf(samples, run);
  return {
    isPublished: (task) => store.isPublished(task),
    published: (task, signal) => store.published(task, signal),
    async fetch(task, signal) {
      const output = await store.fetch(task, signal);
      return task.kind === 'labels' ? { steps: output.steps, buffer: await open(await keys, task, output) } : output;
    },
    async publish(task, output) {
      const sealed = task.kind === 'labels' ? { ...output, buffer: await seal(await keys, task, output) } : output;
      await store.publish(task, sealed);
    },
  };
}

/** Says whether labels as they travel were sealed with this data in this run; else somebody else wrote them. */
export function sealedWith(
  { samples }: LabelledData,
  run: string,
): (task: Task, buffer: ArrayBufferLike) => Promise<boolean> {
  const keys = keysOf(samples, run);
  return async (task, buffer) =>
    open(await keys, task, { steps: 0, buffer }).then(
      () => true,
      () => false,
    );
}

async function keysOf({ images, labels }: LabelledData['samples'], run: string): Promise<Keys> {
  // Not the dataset's digest, which is public.
  const hash = sha256().update('pff private labels 3').update(run);
  const secret = hash.update(bytesOf(images)).update(bytesOf(labels)).bytes();
  const derived = (use: string): Uint8Array<ArrayBuffer> => sha256().update(secret).update(use).bytes();
  const cipher = await crypto.subtle.importKey('raw', derived('cipher'), 'AES-GCM', false, ['encrypt', 'decrypt']);
  return { cipher, nonce: derived('nonce') };
}

/** Bound to its task, so that the labels of one are not taken for those of another. */
function cipherOf(task: Task, iv: Uint8Array<ArrayBuffer>) {
  return { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(taskKey(task)) };
}

/**
 * AES-GCM under a nonce that follows from the labels (as in RFC 5297, synthetic initialisation vectors): sealing the same twice is the same,
 * and other labels of the same task, which layers that somebody else makes up may lead to, never share a nonce.
 */
async function seal({ cipher, nonce }: Keys, task: Task, { buffer }: Output): Promise<ArrayBufferLike> {
  const labels = copied(buffer);
  const name = taskKey(task);
  const iv = sha256().update(nonce).update(`${name.length} ${name} `).update(labels).bytes().slice(0, NONCE_BYTES);
  const sealed = new Uint8Array(await crypto.subtle.encrypt(cipherOf(task, iv), cipher, labels));
  const all = new Uint8Array(sharedBuffer(iv.length + sealed.length));
  all.set(iv);
  all.set(sealed, iv.length);
  return all.buffer;
}

async function open({ cipher }: Keys, task: Task, { buffer }: Output): Promise<ArrayBufferLike> {
  const all = copied(buffer);
  try {
    const iv = all.slice(0, NONCE_BYTES);
    return shared(await crypto.subtle.decrypt(cipherOf(task, iv), cipher, all.subarray(NONCE_BYTES)));
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
