/** Threads compile on themselves: no background compiler can outlive one (node/threads/thread.ts says what that would do). */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { PffError } from '../../src/errors.js';
import { startThread } from '../../src/node/threads/thread.js';

test('a module that is not there is an error with a hint, not a thread that dies', () => {
  expect(() => startThread({ entry: 'node/no-such-thread.js', name: 'x', setup: {} })).toThrow(PffError);
});

test('nodes of a run compile in the foreground', () => {
  const small = '--train-samples 256 --test-samples 64 --layers 784,64,64 --epochs 2 --nodes 2 --kernels reference';
  const folder = mkdtempSync(path.join(tmpdir(), 'pff-thread-'));
  try {
    const args = ['--trace-opt', 'bin/pff.js', 'train', ...small.split(' '), '--out', path.join(folder, 'run')];
    const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(status).toBe(0);
    // The main thread compiles in the background, so that these are the nodes' own.
    expect(stdout).toMatch(/compiling method .*ConcurrencyMode::kSynchronous/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
