#!/usr/bin/env node
// Starts the built command-line program; says what to do where it is not built, or Node.js is too old.
import { existsSync } from 'node:fs';
import process from 'node:process';

const OLDEST = [20, 19];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const program = new URL('../dist/cli/main.js', import.meta.url);

if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  process.stderr.write(`pff: Node.js ${OLDEST.join('.')} or newer is needed, but this is ${process.versions.node}\n`);
  process.exitCode = 1;
} else if (!existsSync(program)) {
  process.stderr.write('pff: the program is not built\n     Run npm ci && npm run build in its folder.\n');
  process.exitCode = 1;
} else {
  const loaded = await import(program.href).catch((error) => {
    if (error?.code !== 'EMFILE') throw error;
    process.stderr.write(
      'pff: the limit of open files is too low to load the program\n     Raise it, for example: ulimit -n 1024\n',
    );
  });
  process.exitCode = loaded === undefined ? 1 : await loaded.main(process.argv.slice(2));
}
