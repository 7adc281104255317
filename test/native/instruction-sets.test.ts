/** The instruction sets are the same in TypeScript, in the build script and in C++. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { coreUnits } from '../../scripts/native-units.mjs';
import { INSTRUCTION_SETS } from '../../src/kernels/instruction-sets.js';
import { kernelsChoices } from '../../src/kernels/open.js';

const native = new URL('../../native/', import.meta.url);
const nameOf = (file: string): string => file.replace(/^isa\//, '').replace(/\.cc$/, '');

it('each has a file, which says its name, and is built for some CPU', () => {
  const files = readdirSync(new URL('isa/', native));
  expect(files.map(nameOf).toSorted()).toEqual(INSTRUCTION_SETS.toSorted());
  for (const file of files)
    expect(readFileSync(new URL(`isa/${file}`, native), 'utf8')).toContain(`#define PFF_NAME "${nameOf(file)}"`);
  const built = ['x64', 'arm64'].flatMap((arch) => coreUnits(arch, ['c++']).map(({ file }) => file));
  for (const file of files) expect(built).toContain(`isa/${file}`);
});

it('C++ tries them in the same order', () => {
  const source = readFileSync(new URL('instruction-sets.cc', native), 'utf8');
  // Those that a compiler may not know, or the system not grant, come first, in a list.
  const pushed = [...source.matchAll(/: \{(amx), (bf16)\}|push_back\(&k(\w+)Kernels\)/g)].flatMap(([, ...names]) =>
    names.flatMap((name: string | undefined) => (name === 'bf16' ? 'avx512bf16' : (name?.toLowerCase() ?? []))),
  );
  expect(pushed).toEqual([...INSTRUCTION_SETS]);
});

it('each can be asked for by name', () => {
  expect(kernelsChoices).toEqual(expect.arrayContaining([...INSTRUCTION_SETS]));
});
