/**
 * Federated: predicted labels are made from a node's own data, so they leave it only sealed, under a key that is made from
 * that data. Whoever has the data (the node itself, started again) can open them; nobody else needs them.
 */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { PffError, messageOf } from '../../errors.js';
import type { LabelledData } from '../../model/labelled-data.js';
import { taskKey, type Task } from '../../schedule/tasks.js';
import type { Output, Store } from '../../store/store.js';

const TAG_BYTES = 16;

export function sealingStore(store: Store, { samples }: LabelledData): Store {
  // Not the dataset's digest, which is public.
  const key = createHash('sha256')
    .update('pff private labels 1')
    .update(samples.images)
    .update(samples.labels)
    .digest();
  return {
    isPublished: (task) => store.isPublished(task),
    published: (task, signal) => store.published(task, signal),
    async fetch(task, signal) {
      const output = await store.fetch(task, signal);
      return task.kind === 'labels' ? { steps: output.steps, buffer: open(key, task, output) } : output;
    },
    publish: (task, output) =>
      store.publish(task, task.kind === 'labels' ? { steps: output.steps, buffer: seal(key, task, output) } : output),
  };
}

/** A task's labels are always the same under one key, so its name may serve as the nonce, and sealing twice is the same. */
function nonceOf(task: Task): Buffer {
  return createHash('sha256').update(taskKey(task)).digest().subarray(0, 12);
}

function seal(key: Buffer, task: Task, { buffer }: Output): SharedArrayBuffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonceOf(task));
  return shared([cipher.update(new Uint8Array(buffer)), cipher.final(), cipher.getAuthTag()]);
}

function open(key: Buffer, task: Task, { buffer }: Output): SharedArrayBuffer {
  const sealed = new Uint8Array(buffer);
  const end = sealed.length - TAG_BYTES;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(task)).setAuthTag(sealed.subarray(end));
    return shared([decipher.update(sealed.subarray(0, end)), decipher.final()]);
  } catch (error) {
    throw new PffError('data', `the labels ${taskKey(task)} were sealed with other data: ${messageOf(error)}`, {
      hint: 'A slot of a federated run stays with the data that it began with.',
      cause: error,
    });
  }
}

function shared(parts: readonly Uint8Array[]): SharedArrayBuffer {
  const all = Buffer.concat(parts);
  const buffer = new SharedArrayBuffer(all.length);
  new Uint8Array(buffer).set(all);
  return buffer;
}
