/**
 * Loads the WebAssembly kernels: with the multiply-add of relaxed SIMD where the engine has it and the CPU fuses it, else with an exact
 * one in software; the same bits. One instance serves one thread of JavaScript.
 */
import { allowRelaxedSimd, readKernels } from '#platform/wasm';
import { messageOf } from '../../errors.js';
import { sharedBuffer } from '../../platform/shared-memory.js';
import { engine, type Engine, type Memory } from './engine.js';
import type { Exports } from './exports.js';
import { wasmFunctions, type WasmFunctions } from './functions.js';
import { Heap, ofFourGigabytes } from './heap.js';

export interface Wasm {
  readonly functions: WasmFunctions;
  /** How a multiply-add is done: by one instruction, or in software. */
  readonly build: 'fused' | 'exact';
  /** Arrays stay in the module's memory from call to call; else each call copies them. */
  readonly sharedMemory: boolean;
}

/** The kernels, or why they cannot be had. */
export type LoadedWasm = Wasm | { readonly reason: string };

/** Pages of 64 KiB: what the module is linked for, and all that 32 bits address. */
const [FIRST_PAGES, MOST_PAGES] = [16, 65_536] as const;

let loaded: Promise<LoadedWasm> | undefined;

/** Those of this thread. Never rejects. */
export function loadWasm(): Promise<LoadedWasm> {
  loaded ??= load().catch((error: unknown) => ({
    reason: `the WebAssembly kernels cannot be loaded: ${messageOf(error)}`,
  }));
  return loaded;
}

/** One build whatever else there is, for tests: a fresh instance. */
export function loadWasmBuild(build: Wasm['build']): Promise<Wasm & Pick<Exports, 'multiplyAdd'>> {
  if (!engine) throw new Error('this engine has no WebAssembly');
  allowRelaxedSimd();
  return instantiated(engine, build);
}

async function load(): Promise<LoadedWasm> {
  if (!engine?.validate(SIMD)) return { reason: 'this engine has no WebAssembly SIMD' };
  if (!engine.validate(RELAXED_SIMD)) allowRelaxedSimd();
  if (engine.validate(RELAXED_SIMD)) {
    const fused = await instantiated(engine, 'fused');
    if (fused.fuses) return fused;
  }
  return instantiated(engine, 'exact');
}

async function instantiated(
  wasm: Engine,
  build: Wasm['build'],
): Promise<Wasm & Pick<Exports, 'multiplyAdd'> & { fuses: boolean }> {
  const bytes = await readKernels(build);
  const { memory, shared } = newMemory(wasm);
  if (shared) takeSharedMemory(bytes);
  const module = await wasm.compile(bytes);
  const text = (address: number): string => {
    const at = new Uint8Array(memory.buffer).subarray(address);
    return new TextDecoder().decode(at.slice(0, at.indexOf(0)));
  };
  const outOfMemory = (bytesWanted: number): never => {
    throw Object.assign(new Error(String(bytesWanted)), { code: 'PFF_MEMORY' });
  };
  const env = {
    memory,
    outOfMemory: (bytesWanted: number) => outOfMemory(bytesWanted >>> 0),
    badCall(what: number) {
      throw Object.assign(new Error(text(what >>> 0)), { code: 'PFF_BAD_CALL' });
    },
  };
  const instance = await wasm.instantiate(module, { env, wasi_snapshot_preview1: NO_FILES });
  const exports = instance.exports as Exports;
  const functions = wasmFunctions(exports, new Heap(memory, shared, ofFourGigabytes(exports, outOfMemory)));
  const { multiplyAdd } = exports;
  return { functions, build, sharedMemory: shared, multiplyAdd, fuses: fuses(exports) };
}

/** (1 + 2^-12)² - (1 + 2^-11) is 2^-24, unless the square is rounded before. */
function fuses({ multiplyAdd }: Exports): boolean {
  const a = 1 + 2 ** -12;
  return multiplyAdd(a, a, -(1 + 2 ** -11)) === 2 ** -24;
}

/** Shared memory, where the page or process may have some: not a page that is not isolated, nor where no room can be reserved. */
function newMemory({ Memory: Make }: Engine): { memory: Memory; shared: boolean } {
  const wanted = { initial: FIRST_PAGES, maximum: MOST_PAGES };
  if (!(sharedBuffer(0) instanceof ArrayBuffer))
    try {
      return { memory: new Make({ ...wanted, shared: true }), shared: true };
    } catch {
      // Then memory of its own.
    }
  return { memory: new Make({ ...wanted, shared: false }), shared: false };
}

/**
 * Makes a module that imports memory take shared memory: the same code serves both, only the kind of memory is part of the import.
 * It is `env.memory` with a most (1), which becomes shared with a most (3).
 */
function takeSharedMemory(bytes: Uint8Array): void {
  const asked = [...new TextEncoder().encode('\u0003env\u0006memory'), 2, 1];
  const at = bytes.findIndex((_, i) => asked.every((byte, k) => bytes[i + k] === byte));
  if (at < 0) throw new Error('the module asks for no memory');
  bytes[at + asked.length - 1] = 3;
}

const MODULE = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const TYPES = [1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0];
/** One function without arguments that returns a vector. */
const vectorFunction = (...code: number[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.of(...MODULE, ...TYPES, 10, code.length + 4, 1, code.length + 2, 0, ...code, 0x0b);
/** The C library could write to files, but nothing here does. */
const NO_FILES = { fd_close: () => 52, fd_seek: () => 52, fd_write: () => 52 };

const SPLAT = [0x41, 0, 0xfd, 0x0f]; // i8x16.splat of 0
const RELAXED_MADD = [0xfd, 0x85, 0x02]; // f32x4.relaxed_madd
const SIMD = vectorFunction(...SPLAT);
const RELAXED_SIMD = vectorFunction(...SPLAT, ...SPLAT, ...SPLAT, ...RELAXED_MADD);
