/**
 * NPZ archives: a zip of NPY files, as numpy.savez writes it. Bytes in, bytes out. Reading checks each file's CRC-32, and takes
 * no more memory than the archive claims, which in turn is bounded.
 */
import { messageOf, PffError } from '../errors.js';
import { unpackedLimit } from './limits.js';

export interface NpzOptions {
  /** `false` reads a damaged archive without comparing its CRC-32 sums. */
  readonly verify?: boolean | undefined;
  /** Most bytes that all files of the archive may unpack to; by default what `unpackedLimit` allows. */
  readonly maxBytes?: number | undefined;
}

/** Loaded when needed: it is large, and few commands read archives. */
async function zipLibrary(): Promise<typeof import('@zip.js/zip.js')> {
  const zip = await import('@zip.js/zip.js');
  zip.configure({ useWebWorkers: false });
  return zip;
}

/**
 * The files of an NPZ archive, by name without `.npy`. @param name what errors call it.
 * @throws PffError `data`: no archive, damaged, or larger than can be right.
 */
export async function parseNpz(
  bytes: Uint8Array,
  name: string,
  { verify = true, maxBytes = unpackedLimit(bytes.length) }: NpzOptions = {},
): Promise<ReadonlyMap<string, Uint8Array>> {
  const fail = (found: string, hint: string, cause?: unknown): never => {
    throw new PffError('data', `${name}: ${found}`, { hint, cause });
  };
  const zip = await zipLibrary();
  const reader = new zip.ZipReader(new zip.Uint8ArrayReader(bytes), {
    checkSignature: verify,
    checkOverlappingEntry: true,
  });
  const files = new Map<string, Uint8Array>();
  try {
    const entries = (await reader.getEntries()).filter((entry) => !entry.directory);
    const claimed = entries.reduce((sum, entry) => sum + entry.uncompressedSize, 0);
    if (!(claimed <= maxBytes))
      fail(
        `its ${bytes.length} bytes are said to unpack to ${claimed}, but at most ${maxBytes} are read`,
        'Write it with numpy.savez (not compressed) if the arrays are as large as that.',
      );
    for (const entry of entries) {
      const key = entry.filename.replace(/\.npy$/, '');
      if (files.has(key)) fail(`has two files ${entry.filename}`, 'Write it again with numpy.savez.');
      files.set(key, await unpacked(entry));
    }
    return files;
  } catch (error) {
    if (error instanceof PffError) throw error;
    const again = 'Write it with numpy.savez or numpy.savez_compressed.';
    if (messageOf(error) === zip.ERR_INVALID_CRC32)
      return fail(
        'damaged: a file in it does not match its CRC-32 sum',
        `${again} --no-verify reads it as it is.`,
        error,
      );
    return fail(`not an NPZ file, or damaged (${messageOf(error)})`, again, error);
  } finally {
    await reader.close();
  }
}

/** What is unpacked goes into as much memory as the archive claims for it, and no more. */
async function unpacked(entry: import('@zip.js/zip.js').FileEntry): Promise<Uint8Array> {
  const whole = new Uint8Array(entry.uncompressedSize);
  let length = 0;
  const sink = new WritableStream<Uint8Array>({
    write: (chunk) => {
      if (length + chunk.length > whole.length) throw new Error(`${entry.filename} is longer than the archive says`);
      whole.set(chunk, length);
      length += chunk.length;
    },
  });
  await entry.getData(sink);
  if (length !== whole.length) throw new Error(`${entry.filename} is shorter than the archive says`);
  return whole;
}

/** Writes an NPZ archive, uncompressed as numpy.savez does. `files` are whole files by name, such as `x.npy`. */
export async function encodeNpz(files: Readonly<Record<string, Uint8Array>>): Promise<Uint8Array<ArrayBuffer>> {
  const zip = await zipLibrary();
  // A fixed date: the same arrays give the same bytes.
  const writer = new zip.ZipWriter(new zip.Uint8ArrayWriter(), {
    level: 0,
    extendedTimestamp: false,
    lastModDate: new Date(1980, 0, 1),
  });
  for (const [name, content] of Object.entries(files)) await writer.add(name, new zip.Uint8ArrayReader(content));
  return new Uint8Array(await writer.close());
}
