/** The WebAssembly kernels that are committed are those that their sources give. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { builtFolder, digestOf, digestOfFile, readSources, variants } from '../../scripts/wasm/sources.mjs';

const record = JSON.parse(readFileSync(join(builtFolder, 'made-of.json'), 'utf8')) as {
  readonly sources: string;
  readonly files: Readonly<Record<string, string>>;
};

test('they were built from these sources; if not: npm run wasm:compiler && npm run wasm', () => {
  expect(digestOf(readSources())).toBe(record.sources);
});

test('and nobody changed them since', () => {
  for (const variant of Object.keys(variants)) {
    const file = join(builtFolder, `${variant}.wasm`);
    expect(existsSync(file)).toBe(true);
    expect(digestOfFile(file)).toBe(record.files[`${variant}.wasm`]);
  }
});
