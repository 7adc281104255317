/** Builds the pages with Vite, unless nothing that it is made of has changed since the last time. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const built = path.join(root, 'dist/page/assets');
const note = path.join(built, '.made-of');
/** The page of runs, that of nodes in browsers, and the demo. */
const configs = ['vite.config.ts', 'vite.node.config.ts', 'vite.demo.config.ts'];

/** The page takes a few modules of src/; which ones is Vite's matter, so any change there counts. */
function madeOf() {
  const hash = createHash('sha256');
  const folders = ['web', 'src'].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name)),
  );
  const others = [...configs, 'package-lock.json'].map((name) => path.join(root, name));
  for (const file of [...folders.sort(), ...others])
    hash.update(path.relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

const now = madeOf();
const parts = [
  'page.js',
  'page.css',
  '.made-of',
  '../node/page.js',
  '../node/host-worker.js',
  '../node/task-worker.js',
  '../../demo/index.html',
];
const whole = parts.every((name) => existsSync(path.join(built, name)));
if (!whole || readFileSync(note, 'utf8') !== now) {
  const { build } = await import('vite');
  // The demo's has a root of its own.
  for (const config of configs)
    await build({ ...(config.includes('demo') ? {} : { root }), configFile: path.join(root, config) });
  writeFileSync(note, now);
}
