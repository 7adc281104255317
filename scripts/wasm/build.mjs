/**
 * Builds the WebAssembly kernels into native/wasm/built/, which is committed: nobody who only uses or builds pff needs this compiler.
 * First `npm run wasm:compiler` (100 MB), then `npm run wasm`. `--check` builds and compares with what is committed instead.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  builtFolder,
  compilerFlags,
  digestOf,
  digestOfFile,
  kernelsUnit,
  linkerFlags,
  readSources,
  root,
  units,
  variants,
  where,
} from './sources.mjs';

const { runClang } = await import('@yowasp/clang').catch(() => {
  console.error('there is no compiler: run `npm run wasm:compiler` first');
  process.exit(1);
});

/** A tree of folders, as the compiler takes files. */
function treeOf(files) {
  const tree = {};
  for (const [path, text] of Object.entries(files)) {
    const parts = path.split('/');
    const name = parts.pop();
    let folder = tree;
    for (const part of parts) folder = folder[part] ??= {};
    folder[name] = text;
  }
  return tree;
}

const quiet = { fetchProgress: () => {}, stderr: (bytes) => bytes && process.stderr.write(bytes) };
const sources = readSources();
const tree = treeOf(sources);

/** Runs the compiler; its own words say what is wrong. */
async function clang(args, files) {
  try {
    return await runClang(['clang++', ...args], files, quiet);
  } catch {
    console.error(`failed: clang++ ${args.join(' ')}`);
    process.exit(1);
  }
}

/** The object of a unit; taken from an earlier build where all headers, flags and the unit are as they were. */
async function compiled(unit, flags) {
  const headers = Object.entries(sources).filter(([path]) => path.endsWith('.h'));
  const key = JSON.stringify([headers, unit, sources[unit], compilerFlags, flags]);
  const kept = join(root, 'build/wasm', `${createHash('sha256').update(key).digest('hex').slice(0, 16)}.o`);
  if (existsSync(kept)) return readFileSync(kept);
  const started = performance.now();
  const files = await clang([...compilerFlags, ...flags, '-I.', '-c', unit, '-o', 'unit.o'], tree);
  console.error(`${unit} ${flags.join(' ')}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  mkdirSync(dirname(kept), { recursive: true });
  writeFileSync(kept, files['unit.o']);
  return files['unit.o'];
}

const shared = {};
for (const unit of units) shared[`${unit.replace('/', '-')}.o`] = await compiled(unit, []);
const built = {};
for (const [variant, flags] of Object.entries(variants)) {
  const objects = { ...shared, 'kernels.o': await compiled(kernelsUnit, flags) };
  const link = linkerFlags.map((flag) => `-Wl,${flag}`);
  const flagsOfLink = ['--target=wasm32-wasip1', '-nostartfiles', '-fwasm-exceptions', ...link];
  const files = await clang([...flagsOfLink, ...Object.keys(objects), '-o', 'linked.wasm'], objects);
  built[variant] = files['linked.wasm'];
}

if (process.argv.includes('--check')) {
  for (const [variant, bytes] of Object.entries(built)) {
    const file = join(builtFolder, `${variant}.wasm`);
    const same = createHash('sha256').update(bytes).digest('hex') === digestOfFile(file);
    console.log(`${where(file)}: ${same ? 'as built from its sources' : 'differs from what its sources give'}`);
    if (!same) process.exitCode = 1;
  }
} else {
  mkdirSync(builtFolder, { recursive: true });
  for (const [variant, bytes] of Object.entries(built)) writeFileSync(join(builtFolder, `${variant}.wasm`), bytes);
  const files = Object.fromEntries(
    Object.keys(built).map((variant) => [`${variant}.wasm`, digestOfFile(join(builtFolder, `${variant}.wasm`))]),
  );
  writeFileSync(
    join(builtFolder, 'made-of.json'),
    `${JSON.stringify({ sources: digestOf(sources), files }, null, 2)}\n`,
  );
  for (const name of Object.keys(files))
    console.log(`${where(join(builtFolder, name))}: ${readFileSync(join(builtFolder, name)).length} bytes`);
}
