/**
 * Reads whole files that somebody named: regular ones, and pipes where they are asked for, up to a size. A device such as
 * /dev/zero has no end, and a pipe that nobody writes to never begins. Node.js only.
 */
import { constants as buffer } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, statSync, type Stats } from 'node:fs';

export interface ReadOptions {
  /** Larger files are refused. By default what a buffer of Node.js can hold, 4 GiB or more. */
  readonly maxBytes?: number | undefined;
  /** A pipe is read, too, such as a shell's <(command). */
  readonly pipe?: boolean | undefined;
}

const LARGEST = buffer.MAX_LENGTH;
/** Node.js reads less than 2 GiB at once. */
const PIECE_BYTES = 1 << 30;

/** What a text that a person wrote may have, such as a spec. */
export const TEXT_BYTES = 16 << 20;

/** The bytes of a file. @throws Error saying what is wrong, such as `it is a device, not a file` */
export function readRegularFile(file: string, { maxBytes = LARGEST, pipe = false }: ReadOptions = {}): Buffer {
  // Before it is opened: opening a pipe waits for who writes to it.
  const found = statSync(file);
  if (pipe && found.isFIFO()) return readPipe(file, maxBytes);
  checkRegular(found);
  const handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const opened = fstatSync(handle);
    checkRegular(opened);
    if (opened.size > maxBytes) throw new Error(`it has ${opened.size} bytes, and at most ${maxBytes} are read`);
    return opened.size > PIECE_BYTES ? readInPieces(handle, opened.size) : readFileSync(handle);
  } finally {
    closeSync(handle);
  }
}

/**
 * A text that a person wrote, from a file or a pipe, without the byte-order mark that some editors put before it.
 * @throws Error as `readRegularFile`
 */
export function readTextFile(file: string): string {
  return readRegularFile(file, { maxBytes: TEXT_BYTES, pipe: true })
    .toString()
    .replace(/^\uFEFF/, '');
}

/** @throws Error unless what was found is a regular file */
export function checkRegular(found: Stats): void {
  if (found.isFile()) return;
  const kind = found.isDirectory()
    ? 'a folder'
    : found.isFIFO()
      ? 'a pipe'
      : found.isSocket()
        ? 'a socket'
        : 'a device';
  throw new Error(`it is ${kind}, not a file`);
}

function readInPieces(handle: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let at = 0;
  for (let taken = 1; taken > 0 && at < size; at += taken)
    taken = readSync(handle, bytes, at, Math.min(size - at, PIECE_BYTES), null);
  return bytes.subarray(0, at);
}

function readPipe(file: string, maxBytes: number): Buffer {
  const handle = openSync(file, 'r');
  try {
    const parts: Buffer[] = [];
    let length = 0;
    for (;;) {
      const part = Buffer.allocUnsafe(1 << 16);
      const taken = readSync(handle, part, 0, part.length, null);
      if (taken === 0) return Buffer.concat(parts);
      length += taken;
      if (length > maxBytes) throw new Error(`it has more than ${maxBytes} bytes, which is the most that is read`);
      parts.push(part.subarray(0, taken));
    }
  } finally {
    closeSync(handle);
  }
}
