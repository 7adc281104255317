/** The part of WebAssembly's JavaScript interface that is needed here: the types of Node.js have none, and some browsers lock it away. */

export interface Memory {
  /** Another object once the memory has grown. */
  readonly buffer: ArrayBufferLike;
}

interface MemoryWanted {
  /** In pages of 64 KiB. */
  readonly initial: number;
  readonly maximum: number;
  readonly shared: boolean;
}

export interface Engine {
  readonly Memory: new (wanted: MemoryWanted) => Memory;
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  compile(bytes: Uint8Array<ArrayBuffer>): Promise<object>;
  instantiate(
    module: object,
    imports: { readonly env: object; readonly wasi_snapshot_preview1: object },
  ): Promise<{ readonly exports: object }>;
}

const found: unknown = Reflect.get(globalThis, 'WebAssembly');
export const engine = found as Engine | undefined;
