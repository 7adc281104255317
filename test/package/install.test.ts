/**
 * The packed package in an empty folder, where there is no compiler: `npx pff train`, a three-line import, and the checks of
 * publint and are-the-types-wrong. Takes the dependencies from the registry or npm's cache.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const tool = (name: string): string => path.join(root, 'node_modules', '.bin', name);

let folder = '';
let tarball = '';
/** A PATH with nothing but node, npm, npx and a shell. */
let bare: NodeJS.ProcessEnv = {};

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-package-'));
  // The program is built when tests run: only the addon is put where a release has it.
  await run('npm', ['run', '--silent', 'prebuild:native'], { cwd: root });
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: root });
  tarball = path.join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) as string);
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  const where = path.dirname(process.execPath);
  for (const name of ['node', 'npm', 'npx']) symlinkSync(path.join(where, name), path.join(bin, name));
  symlinkSync('/bin/sh', path.join(bin, 'sh'));
  bare = { HOME: process.env['HOME'], PATH: bin, TMPDIR: os.tmpdir() };
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('has what it should, and nothing that only this machine has', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], { cwd: root });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const paths = files.map((file) => file.path);
  const platform = `${process.platform}-${process.arch}`;
  for (const needed of [
    'bin/pff.js',
    'dist/index.js',
    'dist/index.d.ts',
    'dist/page/assets/page.js',
    'dist/page/node/page.js',
    'dist/page/third-party-licenses.txt',
    'dist/demo/third-party-licenses.txt',
    `prebuilds/${platform}/pff-native.node`,
  ])
    expect(paths).toContain(needed);
  expect(paths.filter((file) => /^(build|test|node_modules)\/|native-build\.json$|tsbuildinfo$/.test(file))).toEqual(
    [],
  );
});

it('passes publint and are-the-types-wrong', async () => {
  await run(tool('publint'), ['run', tarball, '--strict']);
  await run(tool('attw'), [tarball, '--profile', 'esm-only']);
}, 120_000);

it('installs without a compiler, trains by npx pff on native kernels, and is imported in three lines', async (context) => {
  const app = path.join(folder, 'app');
  mkdirSync(app);
  writeFileSync(path.join(app, 'package.json'), '{ "private": true, "type": "module" }');
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', tarball];
  try {
    await run('npm', install, { cwd: app, env: bare });
  } catch (error) {
    if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED/.test(String(error)))
      context.skip(`the registry cannot be reached: ${String(error)}`);
    throw error;
  }
  const small = '--train-samples 640 --test-samples 200 --layers 784,32,32 --epochs 1 --nodes 2 --json --quiet'.split(
    ' ',
  );
  const { stdout } = await run('npx', ['pff', 'train', ...small], { cwd: app, env: bare });
  const result = JSON.parse(stdout) as { kernels: string; modelDigest: string };
  expect(result.kernels).toMatch(/^native\//);
  writeFileSync(
    path.join(app, 'three-lines.js'),
    `import { trainToEnd } from 'pipeline-forward-forward';
const result = await trainToEnd({ spec: { trainSamples: 640, testSamples: 200, layers: [784, 32, 32], epochs: 1 } });
console.log(result.modelDigest);
`,
  );
  const program = await run('node', ['three-lines.js'], { cwd: app, env: bare });
  expect(program.stdout.trim()).toBe(result.modelDigest);
}, 180_000);
