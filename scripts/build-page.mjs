/** Builds the page with Vite, unless nothing that it is made of has changed since the last time. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const built = path.join(root, 'dist/page/assets');
const note = path.join(built, '.made-of');

/** The page takes a few modules of src/; which ones is Vite's matter, so any change there counts. */
function madeOf() {
  const hash = createHash('sha256');
  const folders = ['web', 'src'].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name)),
  );
  for (const file of [...folders.sort(), path.join(root, 'vite.config.ts'), path.join(root, 'package-lock.json')])
    hash.update(path.relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

const now = madeOf();
const whole = ['page.js', 'page.css', '.made-of'].every((name) => existsSync(path.join(built, name)));
if (!whole || readFileSync(note, 'utf8') !== now) {
  const { build } = await import('vite');
  await build({ root, configFile: path.join(root, 'vite.config.ts') });
  writeFileSync(note, now);
}
