/** Completion scripts: bash's is run; those of all shells know every command and every option. */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listRecipes } from '../../src/reproduce/reproduce.js';
import { pff, tempFolder } from './helpers.js';

const { folder, drop } = tempFolder();
const scripts = new Map<string, string>();
beforeAll(async () => {
  mkdirSync(path.join(folder, 'some run'));
  writeFileSync(path.join(folder, 'some.json'), '{}');
  for (const shell of ['bash', 'zsh', 'fish']) scripts.set(shell, (await pff(['completion', shell], folder)).stdout);
  writeFileSync(path.join(folder, 'pff.bash'), scripts.get('bash') ?? '');
});
afterAll(drop);

/** What bash offers for the last of `words`, as it cuts them itself. */
async function offered(words: readonly string[]): Promise<string[]> {
  const program =
    'source ./pff.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pff; printf "%s\\n" "${COMPREPLY[@]}"';
  const { stdout } = await promisify(execFile)('bash', ['-uc', program, 'bash', ...words], { cwd: folder });
  return stdout.trimEnd().split('\n');
}

describe('in bash', () => {
  it.each<[string, string[], string[]]>([
    ['commands', ['pff', 'tr'], ['train', 'trace']],
    ['options', ['pff', 'train', '--ne'], ['--negatives', '--negative-temperature']],
    ['names', ['pff', 'train', '--epochs', '3', '--kernels', 're'], ['reference']],
    ['names after an equals sign', ['pff', 'train', '--optimizer', '=', 's'], ['sgd']],
    ['names right after it', ['pff', 'train', '--optimizer', '='], ['adam', 'sgd']],
    ['words', ['pff', 'data', 'get', 'fa'], ['fashion-mnist']],
    ['commands to be explained', ['pff', 'help', 'ex'], ['export']],
    ['files', ['pff', 'train', '--config', 'some'], ['some.json', 'some run']],
    ['folders', ['pff', 'eval', 'so'], ['some run']],
    ['folders of a run to watch', ['pff', 'watch', 'so'], ['some run']],
    ['folders of each run to report', ['pff', 'report', 'x', 'so'], ['some run']],
    ['tables', ['pff', 'reproduce', 'table1', ''], ['all', ...listRecipes().manifest.tables.map(({ name }) => name)]],
    ['nothing for a number', ['pff', 'train', '--seed', ''], ['']],
  ])('%s', async (_, words, expected) => {
    const found = await offered(words);
    for (const each of found) expect(expected).toContain(each);
    for (const each of expected) expect(found.join(' ')).toContain(each);
  });
});

it('scripts have every command with every option of its help', async () => {
  const { stdout } = await pff(['--help'], folder);
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name]) => name ?? '');
  expect(commands).toContain('completion');
  const texts = await Promise.all(
    commands.filter((name) => name !== 'pff').map(async (name) => (await pff(['help', name], folder)).stdout),
  );
  const missing = [...scripts].flatMap(([shell, script]) => [
    ...commands.filter((name) => !new RegExp(`\\b${name}\\b`).test(script)),
    ...texts
      .flatMap((text) => [...text.matchAll(/^ {2}--([a-z0-9-]+)/gm)].map(([, option]) => option))
      .filter((option) => !script.includes(shell === 'fish' ? `-l ${option} ` : `--${option}`)),
  ]);
  expect(missing).toEqual([]);
});

it('refuses other shells', async () => {
  const { code, stderr } = await pff(['completion', 'fih'], folder);
  expect([code, stderr]).toEqual([2, expect.stringContaining('Did you mean fish?')]);
  expect((await pff(['completion'], folder)).stderr).toContain('takes one shell');
});
