/**
 * The memory of a WebAssembly module, and the arrays of JavaScript in it. Shared memory may grow while arrays lie in it, so those that
 * kernels allocate stay there. Memory that is not shared takes its arrays away when it grows: then all arrays are JavaScript's own, and
 * every call copies what it reads and writes.
 */
import type { Memory } from './engine.js';

/** The allocator of the module: addresses in its memory. */
export interface Allocator {
  take(bytes: number): number;
  give(address: number): void;
}

/** Of one array; more does not fit beside what it is computed from. */
const MOST_BYTES = 2 ** 31;

/**
 * The allocator as the module exports it: JavaScript has its addresses above 2 GiB as negative numbers, and would cut sizes to 32 bits.
 * @param refuse throws for what is too large
 */
export function ofFourGigabytes(exported: Allocator, refuse: (bytes: number) => never): Allocator {
  return {
    take: (bytes) => (bytes < MOST_BYTES ? exported.take(bytes) >>> 0 : refuse(bytes)),
    give: (address) => exported.give(address),
  };
}

export type AnyArray = Float32Array | Float64Array | Uint32Array | Uint8Array;

export class Heap {
  readonly shared: boolean;
  readonly #memory: Memory;
  readonly #allocator: Allocator;
  /** All buffers that this memory had: each is a view of its beginning. */
  readonly #buffers = new WeakSet<ArrayBufferLike>();
  readonly #forgotten: FinalizationRegistry<number>;
  #bytes: Uint8Array;

  constructor(memory: Memory, shared: boolean, allocator: Allocator) {
    this.#memory = memory;
    this.shared = shared;
    this.#allocator = allocator;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#forgotten = new FinalizationRegistry((address) => allocator.give(address));
  }

  /** All of the memory as it is now. */
  get bytes(): Uint8Array {
    if (this.#bytes.buffer !== this.#memory.buffer) this.#bytes = new Uint8Array(this.#memory.buffer);
    return this.#bytes;
  }

  /** Zeros, freed with the array or by `release`. */
  allocate(count: number): Float32Array {
    if (!this.shared) return new Float32Array(count);
    const address = this.#allocator.take(count * 4);
    this.bytes.fill(0, address, address + count * 4);
    const array = new Float32Array(this.bytes.buffer, address, count);
    this.#buffers.add(array.buffer);
    this.#forgotten.register(array, address, array);
    return array;
  }

  release(array: Float32Array): void {
    if (this.#forgotten.unregister(array)) this.#allocator.give(array.byteOffset);
  }

  /** Calls with arrays in the memory for as long as the call takes. */
  with<T>(call: (arrays: Arrays) => T): T {
    const arrays = new Arrays(this, this.#allocator);
    try {
      const result = call(arrays);
      arrays.copyBack();
      return result;
    } finally {
      arrays.free();
    }
  }

  /** Where an array lies that is in the memory already. */
  addressOf(array: AnyArray): number | undefined {
    return this.#buffers.has(array.buffer) ? array.byteOffset : undefined;
  }
}

/** The arrays of one call: their addresses. */
export class Arrays {
  readonly #heap: Heap;
  readonly #allocator: Allocator;
  readonly #taken: number[] = [];
  readonly #written: { readonly array: AnyArray; readonly address: number }[] = [];

  constructor(heap: Heap, allocator: Allocator) {
    this.#heap = heap;
    this.#allocator = allocator;
  }

  /** Room for `bytes`, not cleared. */
  room(bytes: number): number {
    const address = this.#allocator.take(bytes);
    this.#taken.push(address);
    return address;
  }

  /** An array that the call reads; 0 for none. */
  read(array: AnyArray | undefined): number {
    if (array === undefined) return 0;
    const there = this.#heap.addressOf(array);
    if (there !== undefined) return there;
    const address = this.room(array.byteLength);
    this.put(array, address);
    return address;
  }

  /** An array that the call writes all of; 0 for none. */
  write(array: AnyArray | undefined): number {
    if (array === undefined) return 0;
    const there = this.#heap.addressOf(array);
    if (there !== undefined) return there;
    const address = this.room(array.byteLength);
    this.#written.push({ array, address });
    return address;
  }

  /** An array that the call reads and writes. */
  change(array: AnyArray): number {
    const address = this.write(array);
    if (this.#heap.addressOf(array) === undefined) this.put(array, address);
    return address;
  }

  /** Rows of `width` values, one after the other: those of a list, or the first `count`. */
  gather(from: AnyArray, width: number, rows: Uint32Array | undefined, count: number): number {
    if (rows === undefined) return this.read(from.subarray(0, count * width));
    const size = width * from.BYTES_PER_ELEMENT;
    const address = this.room(count * size);
    for (let r = 0; r < count; r++) {
      const at = (rows[r] ?? 0) * width;
      this.put(from.subarray(at, at + width), address + r * size);
    }
    return address;
  }

  put(array: AnyArray, address: number): void {
    this.#heap.bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), address);
  }

  /** What the call wrote; done after the call, unless it wants it before. */
  copyBack(): void {
    const { bytes } = this.#heap;
    for (const { array, address } of this.#written.splice(0))
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(
        bytes.subarray(address, address + array.byteLength),
      );
  }

  free(): void {
    for (const address of this.#taken) this.#allocator.give(address);
  }
}
