// Builds the native kernels, build/pff-native.node (or in --out FOLDER), with nothing but a C++ compiler ($CXX, c++, g++ or
// clang++) and the node-api-headers package. Where that cannot be done, says so, leaves the reason beside it in
// native-build.json and exits with 0: pff then runs on the WebAssembly kernels. Does nothing when the result is up to date.
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { compileUnits } from './native-objects.mjs';
import { addonUnits, commonFlags, coreUnits } from './native-units.mjs';

const run = promisify(execFile);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, 'native');
const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'build') } } });
const buildFolder = values.out;
const addon = join(buildFolder, 'pff-native.node');
const record = join(buildFolder, 'native-build.json');

function findCompiler() {
  const tried = [process.env['CXX'], 'c++', 'g++', 'clang++'].filter((name) => name !== undefined && name !== '');
  for (const command of tried) {
    // $CXX may carry a wrapper or flags: "ccache g++".
    const [file, ...prefix] = command.split(/\s+/);
    const version = spawnSync(file, [...prefix, '--version'], { encoding: 'utf8' });
    if (version.status === 0) return { file, prefix, version: version.stdout };
  }
  throw new Error(`no C++ compiler found (tried ${tried.join(', ')})`);
}

function findHeaders() {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve('node-api-headers/package.json')), 'include');
}

function fingerprint(compiler, units) {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([compiler, commonFlags, units, process.platform, process.arch]));
  for (const entry of readdirSync(sources, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .toSorted()) {
    hash.update(relative(sources, entry));
    hash.update(readFileSync(entry));
  }
  return hash.digest('hex');
}

function readRecord() {
  try {
    return JSON.parse(readFileSync(record, 'utf8'));
  } catch {
    return {};
  }
}

/** Writes the record of this build by way of a temporary name, so that nobody reads half of it. */
function writeRecord(fields) {
  mkdirSync(buildFolder, { recursive: true });
  const temporary = `${record}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(fields, null, 2)}\n`);
  renameSync(temporary, record);
}

async function build() {
  if (process.platform === 'win32') throw new Error('the native kernels are not built on Windows yet');
  const compiler = findCompiler();
  const units = [...coreUnits(process.arch, [compiler.file, ...compiler.prefix]), ...addonUnits];
  const wanted = fingerprint(compiler, units);
  const last = readRecord();
  if (last.fingerprint === wanted && existsSync(addon)) return;

  const started = performance.now();
  mkdirSync(buildFolder, { recursive: true });
  const folder = mkdtempSync(join(buildFolder, 'native-'));
  try {
    const objects = await compileUnits(compiler, process.arch, units, findHeaders());
    const linked = join(folder, 'pff-native.node');
    const shared = process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared'];
    await run(compiler.file, [...compiler.prefix, ...shared, '-pthread', ...objects, '-o', linked]);
    renameSync(linked, addon);
    writeRecord({ fingerprint: wanted });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.error(`built the native kernels in ${seconds} s (${compiler.version.split('\n')[0]})`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  await build();
} catch (error) {
  const output = typeof error.stderr === 'string' && error.stderr !== '' ? error.stderr : error.message;
  const reason = output.trim().split('\n').slice(0, 5).join('\n');
  rmSync(addon, { force: true });
  writeRecord({ reason });
  console.error(`the native kernels were not built: ${reason}\npff will run on the slower WebAssembly kernels`);
}
