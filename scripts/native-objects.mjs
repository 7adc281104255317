// Compiles units of native/ into build/objects/, two at a time. An object whose compiler, flags, source and headers are as they
// were is taken as it is, so that a change compiles what it concerns, and the addon, the released addon and the tests share the rest.
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { commonFlags } from './native-units.mjs';

const run = promisify(execFile);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, 'native');

/** A digest of all headers of native/ and beside `source`: any of them may be part of that unit. */
function headersDigest(source) {
  const hash = createHash('sha256');
  const folder = dirname(source);
  const elsewhere = relative(sources, folder).startsWith('..');
  for (const each of elsewhere ? [sources, folder] : [sources])
    for (const file of readdirSync(each, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.h'))
      // Those of WebAssembly are no part of the addon.
      .filter((entry) => entry.name !== 'wasm.h' && !/[/\\]wasm$/.test(entry.parentPath))
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted()) {
      hash.update(relative(root, file));
      hash.update(readFileSync(file));
    }
  return hash.digest('hex');
}

/**
 * The object files of `units`, in their order. @param compiler its command, first arguments and version text
 * @param include a folder of headers for units that ask for it with `needsInclude`
 */
export async function compileUnits({ file, prefix = [], version }, arch, units, include) {
  const folder = join(root, 'build', 'objects', arch);
  mkdirSync(folder, { recursive: true });
  const objects = units.map((unit) => {
    const source = join(sources, unit.file);
    const args = [...commonFlags, ...unit.flags, ...(unit.needsInclude ? ['-I', include] : [])];
    const key = JSON.stringify([file, prefix, version, args, headersDigest(source), relative(root, source)]);
    const digest = createHash('sha256').update(key).update(readFileSync(source)).digest('hex').slice(0, 16);
    const name = relative(root, source).replaceAll(/[/\\]/g, '-');
    return { source, args, object: join(folder, `${name}-${digest}.o`), name };
  });
  const waiting = objects.filter(({ object }) => !existsSync(object));
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const temporary = `${next.object}.${randomBytes(4).toString('hex')}`;
      try {
        await run(file, [...prefix, ...next.args, '-c', next.source, '-o', temporary], { maxBuffer: 1 << 26 });
        dropOlder(folder, next.name);
        renameSync(temporary, next.object);
      } finally {
        rmSync(temporary, { force: true });
      }
    }
  };
  await Promise.all([worker(), worker()]);
  return objects.map(({ object }) => object);
}

/** Removes finished objects of other versions of a unit; what another process is writing has a longer name. */
function dropOlder(folder, name) {
  for (const other of readdirSync(folder))
    if (other.startsWith(`${name}-`) && /^[0-9a-f]{16}\.o$/.test(other.slice(name.length + 1)))
      rmSync(join(folder, other), { force: true });
}
