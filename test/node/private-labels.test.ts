/** Predicted labels of a federated run: whoever has the data opens them, others see nothing, damage is noticed. */
import { createCipheriv, createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { labelLayout } from '../../src/data/labels.js';
import type { LabelledData } from '../../src/model/labelled-data.js';
import { sealingStore } from '../../src/node/cluster/private-labels.js';
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
  const key = createHash('sha256').update('pff private labels 2run 1').update(images).update(truth).digest();
  const cipher = createCipheriv('aes-256-gcm', key, createHash('sha256').update('c1.labels').digest().subarray(0, 12));
  expect(Buffer.from(sealed)).toEqual(Buffer.concat([cipher.update(labels), cipher.final(), cipher.getAuthTag()]));
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
