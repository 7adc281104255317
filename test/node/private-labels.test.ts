/** Predicted labels of a federated run: whoever has the data opens them, others see nothing, damage is noticed. */
import { createCipheriv, createHash, type Hash } from 'node:crypto';
import { expect, it } from 'vitest';
import { bytesOf } from '../../src/data/dataset.js';
import { labelLayout } from '../../src/data/labels.js';
import type { LabelledData } from '../../src/model/labelled-data.js';
import { SEAL_BYTES, sealingStore } from '../../src/node/cluster/private-labels.js';
import { labelled } from '../../src/node/prepare.js';
import { graphShape } from '../../src/schedule/shape.js';
import { labelsTask, trainTask } from '../../src/schedule/tasks.js';
import { MemoryStore } from '../../src/store/memory.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const { signal } = new AbortController();
const task = labelsTask(1);
const labels = Uint8Array.from({ length: 200 }, (_, i) => i % 4);
const own = dataOf(200);

function dataOf(train: number): LabelledData {
  const { train: samples, shape } = toyDataset(train);
  return labelled(samples, labelLayout(shape, 4, 'overlay'), shape, { subtractMean: false });
}

function openStore(): MemoryStore {
  return new MemoryStore(graphShape(toySpec({ negatives: 'sampled' })));
}

it('are sealed under a key made from the data and the run, always the same', async () => {
  const store = openStore();
  await sealingStore(store, own, 'run 1').publish(task, { steps: 0, buffer: labels.slice().buffer });
  const sealed = new Uint8Array((await store.fetch(task, signal)).buffer);
  const { images, labels: truth } = own.samples;
  const hash = (...parts: (string | Uint8Array)[]): Buffer =>
    parts.reduce<Hash>((sum, part) => sum.update(part), createHash('sha256')).digest();
  const secret = hash('pff private labels 3run 1', bytesOf(images), bytesOf(truth));
  const nonce = hash(hash(secret, 'nonce'), '9 c1.labels ', labels).subarray(0, 12);
  const cipher = createCipheriv('aes-256-gcm', hash(secret, 'cipher'), nonce).setAAD(Buffer.from('c1.labels'));
  const all = [nonce, cipher.update(labels), cipher.final(), cipher.getAuthTag()];
  expect(Buffer.from(sealed)).toEqual(Buffer.concat(all));
  expect(sealed.length).toBe(labels.length + SEAL_BYTES);
  const opened = await sealingStore(store, dataOf(200), 'run 1').fetch(task, signal);
  expect(new Uint8Array(opened.buffer)).toEqual(labels);
});

it('of another run are sealed under another key, so that equal labels cannot be told', async () => {
  const sealed = async (run: string): Promise<Uint8Array> => {
    const store = openStore();
    await sealingStore(store, own, run).publish(task, { steps: 0, buffer: labels.slice().buffer });
    return new Uint8Array((await store.fetch(task, signal)).buffer);
  };
  expect(await sealed('run 1')).toEqual(await sealed('run 1'));
  expect(await sealed('run 2')).not.toEqual(await sealed('run 1'));
  const store = openStore();
  await sealingStore(store, own, 'run 1').publish(task, { steps: 0, buffer: labels.slice().buffer });
  await expect(sealingStore(store, own, 'run 2').fetch(task, signal)).rejects.toThrow(/sealed with other data/);
});

it('that differ share no nonce, and those of one task are none of another', async () => {
  const sealed = async (given: Uint8Array): Promise<Uint8Array> => {
    const store = openStore();
    await sealingStore(store, own, 'run 1').publish(task, { steps: 0, buffer: given.slice().buffer });
    return new Uint8Array((await store.fetch(task, signal)).buffer);
  };
  const [one, other] = [await sealed(labels), await sealed(labels.map((label) => 3 - label))];
  expect(one.slice(0, 12)).not.toEqual(other.slice(0, 12));
  const store = openStore();
  await store.publish(labelsTask(2), { steps: 0, buffer: one.slice().buffer });
  await expect(sealingStore(store, own, 'run 1').fetch(labelsTask(2), signal)).rejects.toThrow(
    /sealed with other data/,
  );
});

it('are refused to whoever has other data, and where a bit is damaged', async () => {
  const store = openStore();
  await sealingStore(store, own, 'run 1').publish(task, { steps: 0, buffer: labels.slice().buffer });
  await expect(sealingStore(store, dataOf(199), 'run 1').fetch(task, signal)).rejects.toThrow(
    /c1\.labels were sealed with other/,
  );
  const bytes = new Uint8Array((await store.fetch(task, signal)).buffer);
  bytes[7] = (bytes[7] as number) ^ 1;
  await expect(sealingStore(store, own, 'run 1').fetch(task, signal)).rejects.toThrow(/sealed with other data/);
});

it('are the only outputs that are sealed', async () => {
  const store = openStore();
  const output = { steps: 3, buffer: new ArrayBuffer(8) };
  await sealingStore(store, own, 'run 1').publish(trainTask(0, 0), output);
  expect(await store.fetch(trainTask(0, 0), signal)).toBe(output);
});
