// Looks for memory faults in the native kernels: calls every entry of the addon with right and wrong arguments under
// AddressSanitizer and UndefinedBehaviorSanitizer, and runs the compute core with several threads under ThreadSanitizer. Needs a C++
// compiler with the sanitizers' libraries (GCC or Clang on Linux). Exits with 1 on a fault, with 0 and a word where a tool is missing.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { addonUnits, commonFlags, coreUnits } from './native-units.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    // Keeps what was built for the next time.
    folder: { type: 'string' },
    only: { type: 'string' },
  },
});
const compiler = process.env['CXX'] || ['g++', 'c++', 'clang++'].find((name) => works(name, ['--version']));
const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'pff-check-native-'));

function works(command, args) {
  return spawnSync(command, args).status === 0;
}

/** Compiles the core and `more` with `flags`; returns the object files. */
function objects(name, flags, more) {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  return [...coreUnits(process.arch, [compiler]), ...more].map((unit) => {
    const object = join(place, `${unit.file.replaceAll('/', '-')}.o`);
    const usual = commonFlags.filter((flag) => flag !== '-O3');
    const args = [...usual, '-O1', '-g', '-fno-omit-frame-pointer', ...flags, ...unit.flags];
    if (!existsSync(object)) execFileSync(compiler, [...args, '-c', join(root, 'native', unit.file), '-o', object]);
    return object;
  });
}

/** Runs a check to its end. */
function check(what, command, args, env) {
  const { status, signal } = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  if (status === 0) return console.log(`${what}: no fault`);
  console.error(`${what}: failed (${signal ?? `exit code ${status}`})`);
  process.exitCode = 1;
}

/** A shared library of the sanitizers, which must be in the process before the addon is. */
function library(name) {
  const found = execFileSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
  return found.includes('/') ? found : undefined;
}

function addressAndUndefined() {
  const asan = library('libasan.so') ?? library(`libclang_rt.asan-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}.so`);
  if (asan === undefined) return console.log('address and undefined behaviour: skipped, there is no libasan');
  const include = join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include');
  const flags = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  const built = objects('asan', [...flags, '-I', include], addonUnits);
  const addon = join(folder, 'asan', 'pff-native.node');
  execFileSync(compiler, ['-shared', '-pthread', ...flags, ...built, '-o', addon]);
  const fuzz = join(root, 'test', 'native', 'fuzz-addon.mjs');
  check('address and undefined behaviour', process.execPath, [fuzz, addon, values.rounds, values.seed], {
    LD_PRELOAD: asan,
    // Node.js itself keeps memory until it ends; a size that cannot be had is an answer, not a fault.
    ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=20000',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  });
}

function threads() {
  if (library('libtsan.so') === undefined) return console.log('threads: skipped, there is no libtsan');
  const built = objects('tsan', ['-fsanitize=thread'], [{ file: '../test/native/digest.cc', flags: [] }]);
  const program = join(folder, 'tsan', 'digest');
  execFileSync(compiler, ['-fsanitize=thread', '-pthread', ...built, '-o', program]);
  // Some kernels place memory where the sanitizer does not expect it, unless addresses are not randomised.
  const fixed = works('setarch', ['-R', 'true']) ? ['setarch', '-R', program] : [program];
  check('threads', fixed[0], fixed.slice(1), { TSAN_OPTIONS: 'halt_on_error=1' });
}

try {
  if (compiler === undefined) console.log('skipped: there is no C++ compiler');
  else {
    if (values.only !== 'threads') addressAndUndefined();
    if (values.only !== 'address') threads();
  }
} finally {
  if (values.folder === undefined) rmSync(folder, { recursive: true, force: true });
}
