/** Outputs that cannot be written: progress on a full device or a closed terminal, the result itself, and what the system has too little of. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { TextStream } from '../../src/cli/terminal/output.js';
import { ownFolder, SMALL } from './helpers.js';

const PROGRAM = fileURLToPath(new URL('../../bin/pff.js', import.meta.url));
/** Some systems have no device that is always full. */
const noFull = !existsSync('/dev/full');

/** Runs `pff args` in `cwd`; `out` and `err` are files to write to in place of pipes. */
async function run(args: readonly string[], cwd: string, files: { out?: string; err?: string }) {
  const handles = [files.out, files.err].map((file) => (file === undefined ? ('pipe' as const) : openSync(file, 'w')));
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd, stdio: ['ignore', ...handles] });
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => void (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => void (stderr += chunk.toString()));
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, stdout, stderr };
}

describe.skipIf(noFull)('on a full device', () => {
  it('progress that cannot be written does not end a run', async () => {
    const folder = ownFolder();
    const { code, stdout } = await run(['train', ...SMALL, '--out', 'run', '--json'], folder, { err: '/dev/full' });
    expect(JSON.parse(stdout)).toMatchObject({ epochs: 1 });
    expect(code).toBe(0);
  });

  it('a result that cannot be written is a failure of the output, and the run is whole', async () => {
    const folder = ownFolder();
    const { code, stderr } = await run(['train', ...SMALL, '--out', 'run', '--json'], folder, { out: '/dev/full' });
    expect(stderr).toContain('pff: the output could not be written: ENOSPC');
    expect(stderr).not.toContain('defect');
    expect(code).toBe(1);
    expect(existsSync(path.join(folder, 'run', 'result.json'))).toBe(true);
  });

  it('says so for every command', async () => {
    for (const args of [['--version'], ['--help'], ['help', 'train'], ['data', '--json']]) {
      const { code, stderr } = await run(args, ownFolder(), { out: '/dev/full' });
      expect([code, stderr.split('\n')[0]]).toEqual([
        1,
        'pff: the output could not be written: ENOSPC: no space left on device, write',
      ]);
    }
  });
});

it('a terminal that is gone does not end a run', async (context) => {
  const python = spawnSync('python3', ['-c', 'import pty'], { stdio: 'ignore' });
  if (python.status !== 0) context.skip('needs python3, whose standard library makes terminals');
  const folder = ownFolder();
  // The terminal goes away at once, without a hangup: the process is in a session of its own.
  const script = `
import os, pty, subprocess, sys
ours, theirs = pty.openpty()
child = subprocess.Popen(sys.argv[1:], stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL, start_new_session=True)
os.close(theirs)
os.read(ours, 1)
os.close(ours)
sys.exit(child.wait())`;
  const args = ['-c', script, process.execPath, PROGRAM, 'train', ...SMALL, '--out', 'run'];
  const child = spawn('python3', args, { cwd: folder, stdio: 'ignore' });
  await new Promise((resolve) => child.on('close', resolve));
  expect(JSON.parse(readFileSync(path.join(folder, 'run', 'result.json'), 'utf8'))).toMatchObject({ epochs: 1 });
});

it('what could not be written is told when something can be written again', async () => {
  let space = true;
  const written: string[] = [];
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  const device = {
    on: () => device,
    write(text: string, done: (error: Error | null) => void) {
      if (space) written.push(text);
      queueMicrotask(() => done(space ? null : full));
    },
  };
  const stream = new TextStream(device as unknown as NodeJS.WriteStream);
  const line = async (text: string): Promise<void> => {
    stream.line(text);
    await new Promise((resolve) => setImmediate(resolve));
  };
  await line('one');
  space = false;
  await line('two');
  await line('three');
  space = true;
  await line('four');
  await line('five');
  const told = '\npff: 2 outputs could not be written here: ENOSPC: no space left on device\n';
  expect(written).toEqual(['one\n', 'four\n', told, 'five\n']);
});

describe('what the system has too little of', () => {
  it('a limit of open files that is too low is said', async (context) => {
    if (process.platform === 'win32') context.skip('Windows has no such limit');
    let refused = 0;
    for (const limit of [25, 40])
      for (const args of ['--version', 'train --help', 'data']) {
        const command = `ulimit -n ${limit}; exec "${process.execPath}" "${PROGRAM}" ${args}`;
        const { stderr, status } = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
        if (status === 0) continue;
        refused++;
        expect(stderr).toMatch(/^pff: (the limit of open files is too low|too many open files)/);
        expect(stderr).toContain('ulimit -n 1024');
        expect(stderr).not.toContain('    at ');
        expect(status).toBe(1);
      }
    expect(refused).toBeGreaterThan(0);
  });

  it('a user without a home folder and without a name', async (context) => {
    if (process.getuid?.() !== 0) context.skip('only root can become a user that does not exist');
    const folder = ownFolder();
    chmodSync(folder, 0o777);
    const as = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
      spawnSync(process.execPath, [PROGRAM, ...args], {
        cwd: folder,
        encoding: 'utf8',
        uid: 54321,
        env: { PATH: process.env['PATH'], ...env },
      });
    expect(as(['--version'])).toMatchObject({ status: 0, stderr: '' });
    const trained = as(['train', ...SMALL, '--out', 'run', '--quiet', '--json']);
    expect(trained.stderr).toBe('');
    expect(trained.status).toBe(0);
    // What it measured is kept nowhere then.
    expect(as(['doctor', '--json'])).toMatchObject({
      status: 0,
      stderr: expect.not.stringContaining('pff:') as string,
    });
    const data = as(['data', 'path']);
    expect(data.stderr).toMatch(
      /^pff: there is no place for datasets: this user has no home folder.*\n {5}Set PFF_CACHE_DIR/,
    );
    expect(as(['data', 'path'], { PFF_CACHE_DIR: '/cache' }).stdout).toBe('/cache\n');
  });
});
