/** Takes named files out of a tar.gz archive, without a tar program; writes nothing else. Node.js only. */
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { createTarDecoder } from 'modern-tar';
import { messageOf, PffError } from '../../errors.js';
import type { Unpacking } from './catalog.js';
import { onDisk } from './fetch-file.js';

/**
 * Unpacks `wanted.folder`/FILE of the archive to `folder`/`wanted.folder`/FILE for each wanted file; the files get their
 * names when all of them are whole. Other entries are passed over.
 * @throws PffError `data`: the archive is damaged, a file is missing in it or of the wrong size, or an entry has an
 *   unsafe path; `files`: the disk cannot be written; `interrupted`: stopped by `signal`.
 */
export async function unpackArchive(
  archive: string,
  folder: string,
  wanted: Unpacking,
  signal?: AbortSignal,
): Promise<void> {
  const target = join(folder, wanted.folder);
  await onDisk(target, () => mkdir(target, { recursive: true }));
  const parts = new Map(wanted.files.map(({ file, bytes }) => [`${wanted.folder}/${file}`, { file, bytes }]));
  const partOf = (file: string): string => join(target, `${file}.part`);
  try {
    await eachFile(archive, signal, async (path, size, body) => {
      const entry = parts.get(path);
      if (entry === undefined) return false;
      if (size !== entry.bytes)
        throw new PffError('data', `${archive}: ${path} in it has ${size} bytes, but must have ${entry.bytes}`, {
          hint: 'Remove the archive and get it again.',
        });
      await writePart(partOf(entry.file), body);
      parts.delete(path);
      return true;
    });
    if (parts.size > 0)
      throw new PffError('data', `${archive}: ${[...parts.keys()].join(', ')} not found in it`, {
        hint: 'Remove the archive and get it again.',
      });
    for (const { file } of wanted.files)
      await onDisk(join(target, file), () => rename(partOf(file), join(target, file)));
  } catch (error) {
    for (const { file } of wanted.files) await rm(partOf(file), { force: true });
    throw error;
  }
}

type Body = ReadableStream<Uint8Array>;

/** Calls `take` for each regular file of the archive; it returns false if it did not read the body. */
async function eachFile(
  archive: string,
  signal: AbortSignal | undefined,
  take: (path: string, size: number, body: Body) => Promise<boolean>,
): Promise<void> {
  // The archive's MD5 was checked; not strict, since old archives lack the ustar magic.
  const decoder = createTarDecoder();
  const stop = new AbortController();
  // Its failure reaches the reader below through the unpacked stream, which it destroys.
  const unpacked = pipeline(createReadStream(archive), createGunzip(), () => undefined);
  const bytes: Body = Readable.toWeb(unpacked);
  const feeding = bytes.pipeTo(decoder.writable, {
    signal: signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]),
  });
  // Its failure shows below, in the reading or in the second await of `feeding`.
  feeding.catch(() => undefined);
  try {
    for await (const { header, body } of decoder.readable) {
      checkPath(archive, header.name);
      const isFile = header.type === undefined || header.type === 'file';
      if (!isFile || !(await take(header.name.replace(/^(\.\/)+/, ''), header.size, body))) await body.cancel();
    }
    await feeding;
  } catch (error) {
    stop.abort();
    if (error instanceof PffError) throw error;
    if (signal?.aborted)
      throw new PffError('interrupted', `${archive}: unpacking was stopped`, {
        hint: 'Run the command again.',
        cause: error,
      });
    throw new PffError('data', `${archive}: truncated or damaged archive (${messageOf(error)})`, {
      hint: 'Remove the archive and get it again.',
      cause: error,
    });
  }
}

/** An archive that reaches outside its folder is not the one that was asked for: nothing of it is trusted. */
function checkPath(archive: string, path: string): void {
  const unsafe = path.startsWith('/') || path.includes('\\') || /^[a-z]:/i.test(path) || path.split('/').includes('..');
  if (unsafe)
    throw new PffError('data', `${archive}: unsafe path ${JSON.stringify(path)} in it`, {
      hint: 'Remove the archive and get it from its official address.',
    });
}

async function writePart(path: string, body: Body): Promise<void> {
  const handle = await onDisk(path, () => open(path, 'w'));
  try {
    // On a handle, writeFile goes on where the last chunk ended.
    for await (const chunk of body) await onDisk(path, () => handle.writeFile(chunk));
    await onDisk(path, () => handle.sync());
  } finally {
    await handle.close();
  }
}
