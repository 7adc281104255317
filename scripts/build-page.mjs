/** Builds the pages with Vite, unless nothing that it is made of has changed since the last time. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildId } from './build-id.mjs';
import { licensesOf } from './licenses.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));
const built = path.join(root, 'dist/page/assets');
const note = path.join(built, '.made-of');
/** The page of runs, that of nodes in browsers, and the demo. */
const configs = ['vite.config.ts', 'vite.node.config.ts', 'vite.demo.config.ts'];

/** The page takes a few modules of src/; which ones is Vite's matter, so any change there counts. */
function madeOf() {
  const hash = createHash('sha256').update(buildId(root));
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
const licenses = 'third-party-licenses.txt';
const parts = [
  'page.js',
  'page.css',
  '.made-of',
  '../node/page.js',
  '../node/host-worker.js',
  '../node/task-worker.js',
  `../${licenses}`,
  '../../demo/index.html',
  `../../demo/${licenses}`,
];
const whole = parts.every((name) => existsSync(path.join(built, name)));
if (!whole || readFileSync(note, 'utf8') !== now) {
  const { build } = await import('vite');
  const modules = new Set();
  /** Of a page, and of its workers, which are bundled apart. */
  const listing = () => ({
    name: 'list-modules',
    generateBundle: (_, bundle) => {
      for (const file of Object.values(bundle))
        if (file.type === 'chunk') for (const id of file.moduleIds) modules.add(id);
        // A style or a decoder is a file of its own.
        else for (const id of file.originalFileNames) modules.add(path.join(root, id));
    },
  });
  const plugins = [listing()];
  // The demo's has a root of its own.
  for (const config of configs) {
    const own = config.includes('demo') ? {} : { root };
    await build({ ...own, configFile: path.join(root, config), plugins, worker: { plugins: () => [listing()] } });
  }
  // The demo may be put on another server by itself, so it has a copy.
  for (const folder of ['page', 'demo'])
    writeFileSync(path.join(root, 'dist', folder, licenses), licensesOf([...modules]));
  writeFileSync(note, now);
}
