/** Class numbers of samples in memory: a byte each where that is enough, else 16 bits. */
import { sharedBuffer } from '../platform/shared-memory.js';

/** Class numbers: bytes for up to 256 classes, 16 bits for more. */
export type Labels = Uint8Array | Uint16Array;

/** Labels of 16 bits name no more. */
export const MOST_CLASSES = 65_536;
/** More classes than this need two bytes a label. */
const MOST_IN_A_BYTE = 256;

/** Bytes of one label. */
export function labelBytes(classes: number): 1 | 2 {
  return classes > MOST_IN_A_BYTE ? 2 : 1;
}

/** `count` labels of class 0. */
export function newLabels(count: number, classes: number): Labels {
  return labelsIn(new ArrayBuffer(count * labelBytes(classes)), classes);
}

/** The same in memory that worker threads can share. */
export function sharedLabels(count: number, classes: number): Labels {
  return labelsIn(sharedBuffer(count * labelBytes(classes)), classes);
}

/** A copy of `values`, each below `classes`, in memory that worker threads can share. */
export function sharedLabelsFrom(values: ArrayLike<number>, classes: number): Labels {
  const labels = sharedLabels(values.length, classes);
  labels.set(values);
  return labels;
}

/** Labels as they lie in memory and travel between nodes. @throws RangeError for an odd number of bytes that should be pairs */
export function labelsIn(buffer: ArrayBufferLike, classes: number): Labels {
  return labelBytes(classes) === 1 ? new Uint8Array(buffer) : new Uint16Array(buffer);
}

/** The labels of `rows` [m]. */
export function pickLabels(labels: Labels, rows: ArrayLike<number>): Labels {
  const picked = labels instanceof Uint8Array ? new Uint8Array(rows.length) : new Uint16Array(rows.length);
  for (let i = 0; i < rows.length; i++) picked[i] = labels[rows[i] as number] as number;
  return picked;
}

/** The same in memory that worker threads can share. */
export function sharedPick(labels: Labels, rows: ArrayLike<number>): Labels {
  const picked = pickLabels(labels, rows);
  const shared = sharedBuffer(picked.byteLength);
  const copy = labels instanceof Uint8Array ? new Uint8Array(shared) : new Uint16Array(shared);
  copy.set(picked);
  return copy;
}
