/**
 * Every entry of the addon with right and wrong arguments, in a process of its own (fuzz-addon.mjs). Under sanitizers, which see
 * more: node scripts/check-native.mjs.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const addon = fileURLToPath(new URL('../../build/pff-native.node', import.meta.url));
const program = fileURLToPath(new URL('fuzz-addon.mjs', import.meta.url));

const why = existsSync(addon) ? '' : ': skipped, the addon was not built';
test.skipIf(why !== '')(`wrong arguments are answered by errors, never by a crash${why}`, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [program, addon, '6000', '7']);
  expect(stdout).toMatch(/^6000 rounds, \d+ refused, answered: /);
});
