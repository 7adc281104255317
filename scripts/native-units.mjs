// What the native kernels are made of: source files of native/ and the flags of each, for a CPU family as Node.js names it.
import { spawnSync } from 'node:child_process';

/** Flags that no unit may go without: the first two keep every bit as the contract has it. */
export const commonFlags = [
  '-ffp-contract=off',
  '-fno-math-errno',
  '-std=c++17',
  '-O3',
  '-fPIC',
  '-fvisibility=hidden',
  '-pthread',
];

const avx512 = ['-mavx512f', '-mavx512vl', '-mavx512dq', '-mavx512bw', '-mavx2', '-mfma'];

const unitsOfCpu = {
  x64: [
    { file: 'isa/amx.cc', flags: avx512, optional: ['-mavx512bf16', '-mamx-tile', '-mamx-bf16'] },
    { file: 'isa/avx512bf16.cc', flags: avx512, optional: ['-mavx512bf16'] },
    { file: 'isa/avx512.cc', flags: avx512 },
    { file: 'isa/avx2.cc', flags: ['-mavx2', '-mfma'] },
  ],
  arm64: [{ file: 'isa/neon.cc', flags: [] }],
};

const unitsOfAll = [
  'isa/portable.cc',
  'dense.cc',
  'dense-tensors.cc',
  'convolution.cc',
  'convolution-windows.cc',
  'convolution-spread.cc',
  'pool.cc',
  'memory.cc',
  'instruction-sets.cc',
];

/** What makes an addon of the core: these read the headers of Node-API. */
export const addonUnits = ['addon', 'backend', 'dense', 'convolution', 'planes', 'rows'].map((name) => ({
  file: `addon/${name}.cc`,
  flags: ['-DNAPI_VERSION=8'],
  needsInclude: true,
}));

/**
 * The compute core, without Node-API: each unit's file and its own flags. Optional ones are given where the compiler, a
 * command and its first arguments, knows them; the unit does without the rest.
 */
export function coreUnits(arch, compiler) {
  return [...(unitsOfCpu[arch] ?? []), ...unitsOfAll.map((file) => ({ file, flags: [] }))].map(
    ({ file, flags, optional = [] }) => ({
      file,
      flags: [...flags, ...(optional.length > 0 && knows(compiler, optional) ? optional : [])],
    }),
  );
}

function knows([file, ...prefix], flags) {
  const args = [...prefix, ...flags, '-x', 'c++', '-E', '-', '-o', process.platform === 'win32' ? 'NUL' : '/dev/null'];
  return spawnSync(file, args, { input: '' }).status === 0;
}
