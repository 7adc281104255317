/** What the tests of data/ share: temporary folders that go away, errors as values. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { PffError } from '../../src/errors.js';

/** An empty folder, removed after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pff-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The PffError that `work` ends in. */
export async function errorOf(work: () => unknown): Promise<PffError> {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(PffError);
    if (error instanceof PffError) return error;
  }
  throw new Error('there was no error');
}

/** Code, message and hint in one value, for comparing. */
export async function describeError(work: () => unknown): Promise<string> {
  const { code, message, hint } = await errorOf(work);
  return `${code}: ${message} | ${hint}`;
}
