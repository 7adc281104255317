/** A full disk, for tests on a small file system of their own. */
import { closeSync, openSync, writeSync } from 'node:fs';

/** Writes to `file` until nothing more fits. */
export function fillDisk(file: string): void {
  const handle = openSync(file, 'w');
  const piece = new Uint8Array(4096);
  try {
    for (;;) writeSync(handle, piece);
  } catch {
    closeSync(handle);
  }
}
