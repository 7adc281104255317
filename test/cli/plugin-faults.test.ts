/** What a plugin does outside the calls that pff makes: thrown later, never done, never ended. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ownFolder, pff, SMALL } from './helpers.js';

const PART = 'export default { schedules: { tock: (progress) => 1 - progress } };';

async function trained(source: string): Promise<{ readonly code: number | null; readonly said: string }> {
  const folder = ownFolder();
  writeFileSync(path.join(folder, 'p.mjs'), source);
  const { code, stdout, stderr } = await pff(['train', ...SMALL, '--plugin', 'p.mjs', '--schedule', 'tock'], folder);
  return { code, said: stdout + stderr };
}

it.each([
  ['a timer', 'setTimeout(() => { throw new Error("later"); }, 0);'],
  ['a promise that nobody waits for', 'setTimeout(() => void Promise.reject(new Error("later")), 0);'],
])('an error in %s is the fault of the plugin, which is named', async (_, source) => {
  const { code, said } = await trained(`${source} ${PART}`);
  expect(said).toMatch(/pff: plugin p\.mjs failed: later\n {5}Mend it there/);
  expect(said).not.toContain('defect');
  expect(code).toBe(1);
});

it('a timer that goes on does not keep the process', async () => {
  const { code, said } = await trained(`setInterval(() => {}, 1000); ${PART}`);
  expect(said).toMatch(/test accuracy/i);
  expect(code).toBe(0);
});

it.each(['train', 'check-plugin'])('%s: an await that nothing ends is said, not passed over', async (command) => {
  const folder = ownFolder();
  writeFileSync(path.join(folder, 'p.mjs'), `await new Promise(() => {}); ${PART}`);
  const args = command === 'train' ? ['train', ...SMALL, '--plugin', 'p.mjs'] : [command, 'p.mjs'];
  const { code, stdout, stderr } = await pff(args, folder);
  expect(stdout + stderr).toMatch(/plugin \S*p\.mjs cannot be loaded: it awaits what never comes/);
  expect(code).toBe(command === 'train' ? 2 : 1);
});

// Not in the tests' own process, where modules are not loaded by Node.js.
it.each([
  ['fails', 'throw new Error("boo")', /cannot be loaded: boo\n {5}Mend what fails in \S+p\.mjs/],
  ['cannot read a text', 'JSON.parse("{")', /cannot be loaded: .*JSON.*\n {5}Mend what fails in \S+p\.mjs/],
  ['ends too early', 'export default {', /cannot be loaded: Unexpected end of input\n {5}It must be an ES module/],
  ['is CommonJS', 'module.exports = {}', /cannot be loaded: module is not defined.*\n {5}It must be an ES module/],
])('one that %s: the hint is of that', async (_, source, expected) => {
  const { code, said } = await trained(source);
  expect(said).toMatch(expected);
  expect(code).toBe(2);
});
