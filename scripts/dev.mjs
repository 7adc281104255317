// Rebuilds while one works: dist/ with every change in src/, the page with every change in web/ or src/, the addon with every
// change in native/. Ctrl-C ends it. Run npm run build once before.
import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const bin = (name) => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url));
const start = (file, ...args) => spawn(file, args, { cwd: root, stdio: 'inherit' });
const buildNative = () => start(process.execPath, 'scripts/build-native.mjs');

const watchers = [
  start(process.execPath, 'scripts/build-program.mjs', '--watch'),
  start(bin('vite'), 'build', '--watch'),
];

// An editor writes a file in several steps: build once they are over, and one build at a time.
let building;
let due;
function nativeChanged() {
  clearTimeout(due);
  due = setTimeout(() => {
    if (building) return nativeChanged();
    building = buildNative().once('exit', () => (building = undefined));
  }, 200);
}
nativeChanged();
watch(`${root}native`, { recursive: true }, nativeChanged);

for (const watcher of watchers)
  watcher.once('exit', (code) => {
    for (const other of watchers) other.kill();
    process.exit(code ?? 1);
  });
process.once('SIGINT', () => {
  for (const watcher of watchers) watcher.kill('SIGINT');
});
