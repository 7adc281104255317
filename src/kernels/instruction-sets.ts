/**
 * The instruction sets that native kernels are built for, best first. The one list of their names in TypeScript; each is a
 * file of native/isa/ with its flags in scripts/native-units.mjs, and native/instruction-sets.cc asks the CPU for it
 * (test/native/instruction-sets.test.ts holds the three together).
 */
export const INSTRUCTION_SETS = ['amx', 'avx512bf16', 'avx512', 'avx2', 'neon', 'portable'] as const;
