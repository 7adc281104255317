/** What the parts of a program are told apart by that must compute the same: a hash of all that decides bits, records and wires. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Rooms of src/ that decide none of it. */
const ROOMS_LEFT_OUT = ['cli', 'doctor', 'plugin-check', 'report', 'reproduce', 'simulate'];

/** Hex digits of it that are shown: enough for all builds that ever meet. */
const SHOWN = 12;

/** The same on every system, however files are checked out there. @param root the folder of package.json */
export function buildId(root) {
  const hash = createHash('sha256');
  for (const name of sources(root)) {
    const bytes = readFileSync(path.join(root, name));
    const content = name.endsWith('.wasm') ? bytes : bytes.toString('latin1').replaceAll('\r\n', '\n');
    hash.update(`${name}\0${content.length}\0`).update(content, 'latin1');
  }
  return hash.digest('hex').slice(0, SHOWN);
}

function sources(root) {
  return ['src', 'native', 'web/node']
    .flatMap((folder) =>
      readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/')),
    )
    .filter((name) => /\.(ts|cc|h|wasm)$/.test(name) && !ROOMS_LEFT_OUT.some((room) => name.startsWith(`src/${room}/`)))
    .toSorted();
}
