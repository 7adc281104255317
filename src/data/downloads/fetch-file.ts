/** Downloads one file: resumed where it broke off, checked by its MD5 sum, named only when it is whole. Node.js only. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { messageOf, PffError } from '../../errors.js';
import { isMissing } from '../sources/files.js';
import type { RemoteFile } from './catalog.js';
import { environmentFetch } from './proxy-fetch.js';

export interface DownloadProgress {
  readonly file: string;
  readonly receivedBytes: number;
  /** Undefined if the server does not say. */
  readonly totalBytes: number | undefined;
}

export interface FetchOptions {
  /** In place of the usual one, which heeds HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */
  readonly fetch?: typeof fetch | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** A server that sends nothing for so long counts as gone; 30 s by default. */
  readonly stallMs?: number | undefined;
}

const STALL_MS = 30_000;

/**
 * Downloads `address` to `path`, unless it is there with the right sum. What has come so far lies in `path`.part; an
 * interrupted download goes on from there if the server can (HTTP Range), and starts again if not.
 * @returns bytes that were transferred.
 * @throws PffError `data`: server out of reach, refuses, breaks off, or sends other bytes (which are removed);
 *   `files`: the disk cannot be written; `interrupted`: stopped by `signal`.
 */
export async function fetchFile(
  address: string,
  path: string,
  expected: RemoteFile,
  options: FetchOptions,
): Promise<number> {
  if ((await md5OfFile(path)) === expected.md5) return 0;
  const part = `${path}.part`;
  const received = await receive(address, part, expected, options);
  const found = await md5OfFile(part);
  if (found !== expected.md5) {
    await rm(part, { force: true });
    throw new PffError(
      'data',
      `${address}: MD5 of what came is ${found}, but must be ${expected.md5}; the bad file was removed`,
      { hint: 'Run the command again; if it fails again, use a mirror (--from ADDRESS).' },
    );
  }
  await onDisk(path, () => rename(part, path));
  return received;
}

/** Hex MD5 of a file, or undefined if there is none. */
async function md5OfFile(path: string): Promise<string | undefined> {
  const hash = createHash('md5');
  try {
    await pipeline(createReadStream(path), async (source: AsyncIterable<Uint8Array>) => {
      for await (const chunk of source) hash.update(chunk);
    });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new PffError('files', `${path} cannot be read: ${messageOf(error)}`, {
      hint: 'Check the rights of the file, or remove it.',
      cause: error,
    });
  }
  return hash.digest('hex');
}

/** Brings `part` to the length that the server says; returns the bytes transferred. */
async function receive(
  address: string,
  part: string,
  { file, bytes: most }: RemoteFile,
  options: FetchOptions,
): Promise<number> {
  const have = await sizeOf(part);
  let response = await request(address, have, options);
  if (response.status === 416 || (response.status === 206 && rangeStart(response) !== have)) {
    await response.body?.cancel();
    // Nothing lies beyond what is here: if it is the whole file, its sum will show. Else it is of no use.
    if (response.headers.get('content-range') === `bytes */${have}`) return 0;
    response = await request(address, 0, options);
  }
  const start = response.status === 206 ? have : 0;
  if (response.status !== 200 && (response.status !== 206 || rangeStart(response) !== have)) {
    await response.body?.cancel();
    throw new PffError('data', `${address}: the server answered ${response.status} ${response.statusText}`.trimEnd(), {
      hint: 'Try again later, use a mirror (--from ADDRESS), or get the files by hand and name their folder by --data-dir.',
    });
  }
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  const totalBytes = Number.isInteger(length) ? start + length : undefined;
  if (totalBytes !== undefined && totalBytes > most) {
    await response.body?.cancel();
    throw tooLong(address, totalBytes, most);
  }
  const handle = await onDisk(part, () => open(part, start > 0 ? 'a' : 'w'));
  let received = 0;
  try {
    for await (const chunk of chunks(response, address, options, () => start + received, totalBytes)) {
      if (start + received + chunk.length > most) throw tooLong(address, start + received + chunk.length, most);
      await writeAll(handle, chunk, part);
      received += chunk.length;
      options.onProgress?.({ file, receivedBytes: start + received, totalBytes });
    }
    await onDisk(part, () => handle.sync());
  } catch (error) {
    // Nothing of a file that is too long is of use for going on.
    if (error instanceof TooLong) await handle.truncate(0).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
  return received;
}

async function request(address: string, from: number, options: FetchOptions): Promise<Response> {
  // Without this a server may pack the file once more, and byte ranges would be those of the packed form.
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (from > 0) headers['range'] = `bytes=${from}-`;
  const stalled = new AbortController();
  const stallMs = options.stallMs ?? STALL_MS;
  const timer = setTimeout(() => stalled.abort(new Error(`it did not answer within ${stallMs / 1000} s`)), stallMs);
  const signal = options.signal ? AbortSignal.any([options.signal, stalled.signal]) : stalled.signal;
  try {
    const fetching = options.fetch ?? (await environmentFetch());
    return await fetching(address, { headers, signal });
  } catch (error) {
    if (options.signal?.aborted) throw interrupted(address, error);
    throw new PffError('data', `${address} cannot be reached: ${reasonOf(error)}`, {
      hint: 'Check the network, use a mirror (--from ADDRESS), or get the files by hand and name their folder by --data-dir.',
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** The body's chunks; ends in an error if it breaks off. */
async function* chunks(
  response: Response,
  address: string,
  { signal, stallMs = STALL_MS }: FetchOptions,
  position: () => number,
  totalBytes: number | undefined,
): AsyncGenerator<Uint8Array> {
  const brokeOff = (cause: unknown): PffError =>
    new PffError('data', `${address}: the download broke off after ${position()} of ${totalBytes ?? 'unknown'} bytes`, {
      hint: 'Run the command again: it goes on from there.',
      cause,
    });
  const stalled = (): PffError =>
    new PffError(
      'data',
      `${address}: the server sent nothing for ${stallMs / 1000} s, after ${position()} of ${totalBytes ?? 'unknown'} bytes`,
      { hint: 'Run the command again: it goes on from there.' },
    );
  if (response.body === null) throw brokeOff(undefined);
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await within(stallMs, reader.read()).catch((error: unknown) => {
        throw signal?.aborted ? interrupted(address, error) : error instanceof Stalled ? stalled() : brokeOff(error);
      });
      if (done) break;
      yield value;
    }
  } finally {
    // Ends the transfer if the disk failed; does nothing after the end. A server that stalls is not waited for.
    void reader.cancel().catch(() => undefined);
  }
  if (totalBytes !== undefined && position() < totalBytes) throw brokeOff(undefined);
}

class Stalled extends Error {}

/** What `work` gives. @throws Stalled if that takes longer than `ms`. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Stalled()), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

class TooLong extends PffError {}

function tooLong(address: string, found: number, most: number): TooLong {
  return new TooLong('data', `${address}: at least ${found} bytes come from there, but the file has ${most}`, {
    hint: 'The server sends another file: use a mirror (--from ADDRESS), or get the files by hand and name their folder by --data-dir.',
  });
}

async function writeAll(handle: FileHandle, chunk: Uint8Array, path: string): Promise<void> {
  for (let written = 0; written < chunk.length;)
    written += (await onDisk(path, () => handle.write(chunk, written))).bytesWritten;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw cannotWrite(path, error);
  }
}

/** Where a partial answer starts; NaN if it does not say. */
function rangeStart(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
}

/** Runs `work`; its failure is the disk's. */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

function cannotWrite(path: string, error: unknown): PffError {
  return new PffError('files', `${path} cannot be written: ${messageOf(error)}`, {
    hint: 'Check free space and rights, or choose another folder by the environment variable PFF_CACHE_DIR.',
    cause: error,
  });
}

function interrupted(address: string, cause: unknown): PffError {
  return new PffError('interrupted', `${address}: the download was stopped`, {
    hint: 'Run the command again: it goes on from there.',
    cause,
  });
}

/** `fetch` hides what went wrong in the cause. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
}
