// What the WebAssembly kernels are made of, and the digest that stands beside them: whoever changes a source must build them again.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));
export const builtFolder = join(root, 'native/wasm/built');

/** The builds: `fused` has the multiply-add of relaxed SIMD, `exact` one in software. */
export const variants = { fused: ['-mrelaxed-simd'], exact: [] };

/** Units of native/ that both builds share, and the one that differs. */
export const units = [
  'dense.cc',
  'dense-tensors.cc',
  'convolution.cc',
  'convolution-windows.cc',
  'convolution-spread.cc',
  'wasm/memory.cc',
  'wasm/runtime.cc',
  'wasm/exports.cc',
];
export const kernelsUnit = 'wasm/kernels.cc';

/** Headers in whose place another one stands here. */
const inPlaceOf = { 'pool.h': 'wasm/pool.h' };

export const compilerFlags = [
  '--target=wasm32-wasip1',
  '-std=c++17',
  '-O3',
  '-msimd128',
  '-fwasm-exceptions',
  '-ffp-contract=off',
  '-fno-math-errno',
  '-fvisibility=hidden',
  // A limit of native/dense.cc that a 32-bit machine cannot reach.
  '-Wno-shift-count-overflow',
];
export const linkerFlags = [
  '--no-entry',
  '--import-memory',
  '--initial-memory=1048576',
  '--max-memory=4294967296',
  '-z',
  'stack-size=262144',
  '--strip-all',
  '--gc-sections',
];

/** Headers and units by their path in native/, as the compiler is given them. */
export function readSources() {
  const native = join(root, 'native');
  const folders = ['', 'jobs', 'kernels', 'simd', 'wasm'];
  const headers = folders.flatMap((folder) =>
    readdirSync(join(native, folder))
      .filter((name) => name.endsWith('.h'))
      .map((name) => join(folder, name)),
  );
  const paths = [...headers, ...units, kernelsUnit]
    .filter((path) => !Object.values(inPlaceOf).includes(path))
    .toSorted();
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(native, inPlaceOf[path] ?? path), 'utf8')]));
}

/** What decides a build: sources, flags and the compiler's version. */
export function digestOf(sources) {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'scripts/wasm/package.json'), 'utf8'));
  const all = [sources, devDependencies, variants, units, compilerFlags, linkerFlags];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex');
}

export const digestOfFile = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');
export const where = (file) => relative(root, file);
