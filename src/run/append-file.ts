/** A file that only grows, and that a run does not depend on: what cannot be written waits in memory until it can. */
import { closeSync, constants, fsyncSync, openSync, writeSync } from 'node:fs';
import { messageOf } from '../errors.js';

/** While the disk is full, this much waits beyond what the file begins with; what does not fit is left out. */
const MOST_PENDING = 4 << 20;

export class AppendFile {
  readonly #open: () => number;
  readonly #onTrouble: (reason: string) => void;
  #handle: number | undefined;
  /** What the disk had no room for: it may begin in the middle of a line. */
  #pending: Buffer;
  #told = false;
  readonly #most: number;

  /**
   * @param open opens the file; called again when it failed.
   * @param onTrouble told why nothing can be written, once each time that begins.
   * @param start what the file begins with.
   */
  constructor(open: () => number, onTrouble: (reason: string) => void, start: Uint8Array = new Uint8Array()) {
    this.#open = open;
    this.#onTrouble = onTrouble;
    this.#pending = Buffer.from(start);
    this.#most = start.length + MOST_PENDING;
    if (start.length > 0) this.#flush();
  }

  append(content: string | Uint8Array): void {
    const bytes = Buffer.from(content);
    if (this.#pending.length === 0) this.#pending = bytes;
    else if (this.#pending.length + bytes.length <= this.#most) this.#pending = Buffer.concat([this.#pending, bytes]);
    this.#flush();
  }

  close(): void {
    this.#flush();
    if (this.#handle === undefined) return;
    try {
      fsyncSync(this.#handle);
    } catch {}
    try {
      closeSync(this.#handle);
    } catch {}
    this.#handle = undefined;
  }

  #flush(): void {
    try {
      this.#handle ??= this.#open();
      while (this.#pending.length > 0) this.#pending = this.#pending.subarray(writeSync(this.#handle, this.#pending));
      this.#told = false;
    } catch (error) {
      if (this.#told) return;
      this.#told = true;
      this.#onTrouble(messageOf(error));
    }
  }
}

/** Opens a file that must not be a link, to write at its end. */
export function openToAppend(file: string): number {
  const { O_WRONLY, O_CREAT, O_APPEND } = constants;
  // Windows has no such flag.
  const noLink = (constants.O_NOFOLLOW as number | undefined) ?? 0;
  return openSync(file, O_WRONLY | O_CREAT | O_APPEND | noLink, 0o666);
}
