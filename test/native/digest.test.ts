/**
 * The compute core as a small C++ program (digest.cc): every instruction set against the plain rules, and 64-bit ARM, under
 * emulation, against this CPU. Needs a C++ compiler; for ARM also Debian's g++-aarch64-linux-gnu and qemu-user.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { compileUnits } from '../../scripts/native-objects.mjs';
import { coreUnits } from '../../scripts/native-units.mjs';
import { instructionSets } from '../kernels/backends.js';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'pff-digest-'));
afterAll(() => rmSync(folder, { recursive: true }));

function has(command: string): boolean {
  return spawnSync(command, ['--version']).status === 0;
}

/** Builds digest.cc for a CPU family; returns the program's path. */
async function build(compiler: string, arch: string, extra: readonly string[]): Promise<string> {
  const version = spawnSync(compiler, ['--version'], { encoding: 'utf8' }).stdout;
  const units = [...coreUnits(arch, [compiler]), { file: '../test/native/digest.cc', flags: [] }];
  const objects = await compileUnits({ file: compiler, version }, arch, units);
  const program = join(folder, `digest-${arch}`);
  await run(compiler, [...extra, '-pthread', ...objects, '-o', program]);
  return program;
}

/** Lines "NAME THREADS DIGEST …" as name to digests, one for each number of threads. */
function parse(output: string): Map<string, string[]> {
  const digests = new Map<string, string[]>();
  for (const line of output.trim().split('\n')) {
    const [name = '', , ...found] = line.split(' ');
    digests.set(name, [...(digests.get(name) ?? []), found.join(' ')]);
  }
  return digests;
}

/** What digest.cc must print on every CPU, for every instruction set and number of threads. */
const digestsOfAll =
  'a2467d03761506b4 07c8b7d450ddaa0b 3f816ca83768e542 8fb69cc1989e12e6 29a4f1f37133e72b 037f4fa32b1d0687 1b097e3dd7c017ed 83db8c91e3382e2e c73f442aa593f1b5';
const ofThreads = (count: number) => Array.from({ length: count }, () => digestsOfAll);

const compiler = ['c++', 'g++', 'clang++'].find(has);
const crossTools = ['aarch64-linux-gnu-g++', 'qemu-aarch64'].filter((tool) => !has(tool));

describe('the C++ core', () => {
  const why = compiler === undefined ? ': skipped, there is no C++ compiler' : '';
  test.skipIf(why !== '')(`follows the plain rules on this CPU${why}`, { timeout: 600_000 }, async () => {
    const program = await build(compiler ?? '', process.arch, []);
    const { stdout } = await run(program);
    const digests = parse(stdout);
    expect([...digests.keys()]).toEqual(instructionSets);
    for (const found of digests.values()) expect(found).toEqual(ofThreads(3));
  });

  const whyNotArm = crossTools.length > 0 ? `: skipped, not installed: ${crossTools.join(', ')}` : '';
  test.skipIf(whyNotArm !== '')(`and on 64-bit ARM, emulated${whyNotArm}`, { timeout: 600_000 }, async () => {
    const program = await build('aarch64-linux-gnu-g++', 'arm64', ['-static']);
    const { stdout } = await run('qemu-aarch64', [program, 'digests']);
    const digests = parse(stdout);
    expect([...digests.keys()]).toEqual(['neon', 'portable']);
    for (const found of digests.values()) expect(found).toEqual(ofThreads(1));
  });
});
