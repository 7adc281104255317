/** Savings that fail leave nothing behind, and do not touch those that are complete. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { trainTask, type Task } from '../../src/schedule/tasks.js';
import { OutputFolder, savedKeys } from '../../src/store/saved/directory.js';
import { Journal, type Entry } from '../../src/store/saved/journal.js';
import type { Output } from '../../src/store/store.js';

/** A disk that takes small outputs only, as one that is nearly full does. */
class FullFolder extends OutputFolder {
  full = false;

  override async write(task: Task, output: Output): Promise<void> {
    if (this.full && output.buffer.byteLength > 8) throw new Error('no space left on device');
    await super.write(task, output);
  }
}

it('on a full disk nothing piles up, and what is complete stays', async () => {
  const place = mkdtempSync(path.join(os.tmpdir(), 'pff-journal-'));
  onTestFinished(() => rmSync(place, { recursive: true }));
  const folder = new FullFolder(place, { spec: 's', version: 'v', numerics: 'n' });
  const failures: string[] = [];
  const journal = new Journal(folder, [], (reason) => failures.push(reason));
  const saved = async (chapter: number): Promise<string[]> => {
    const entries = [8, 64].map((bytes, layer): Entry => ({
      task: trainTask(chapter, layer),
      output: { steps: chapter, buffer: new SharedArrayBuffer(bytes) },
    }));
    journal.save(entries);
    await journal.flush();
    return savedKeys(place).sort();
  };
  folder.full = true;
  expect(await saved(0)).toEqual([]);
  folder.full = false;
  expect(await saved(1)).toEqual(['c1.l0', 'c1.l1']);
  folder.full = true;
  for (const chapter of [2, 3, 4]) expect(await saved(chapter)).toEqual(['c1.l0', 'c1.l1']);
  expect(failures).toEqual(Array.from({ length: 4 }, () => 'no space left on device'));
  folder.full = false;
  expect(await saved(5)).toEqual(['c1.l0', 'c1.l1', 'c5.l0', 'c5.l1']);
});
