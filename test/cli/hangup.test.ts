/** A closed terminal (SIGHUP), Ctrl-C through npx, and what shall outlive them. */
import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync, closeSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { outlivesTerminal } from '../../src/cli/terminal/hangup.js';
import { ownFolder, pff } from './helpers.js';

const PROGRAM = fileURLToPath(new URL('../../bin/pff.js', import.meta.url));
/** Many short chapters: there is always something to interrupt. */
const LONG = '--train-samples 640 --test-samples 200 --layers 784,64,64 --epochs 100'.split(' ');
/** Windows has no such signals to send. */
const noSignals = process.platform === 'win32';

async function afterSignals(signals: readonly NodeJS.Signals[], pauseMs: number, folder: string) {
  let sent = false;
  return pff(['train', ...LONG, '--out', 'run'], folder, (child, text) => {
    if (sent || !/layer 2\/2/.test(text)) return;
    sent = true;
    signals.forEach((name, i) => setTimeout(() => child.kill(name), i * pauseMs));
  });
}

describe.skipIf(noSignals)('a run', () => {
  it('that a closed terminal ends is saved, though the hangup comes twice, and goes on', async () => {
    const folder = ownFolder();
    const { code, stderr } = await afterSignals(['SIGHUP', 'SIGHUP'], 10, folder);
    expect(stderr).toMatch(/interrupted after \d+ of 100 chapters/);
    expect(code).toBe(130);
    expect(existsSync(path.join(folder, 'run', 'model.safetensors'))).toBe(true);
    expect((await pff(['train', '--resume', 'run', '--quiet'], folder)).code).toBe(0);
  });

  it('takes a Ctrl-C that comes twice at once, as through npx, for one', async () => {
    const { code, stderr } = await afterSignals(['SIGINT', 'SIGINT'], 20, ownFolder());
    expect(stderr).toMatch(/interrupted after \d+ of 100 chapters/);
    expect(code).toBe(130);
  });

  it('goes on under nohup, and writes its log', async () => {
    const folder = ownFolder();
    const log = openSync(path.join(folder, 'log'), 'w');
    const args = ['nohup', process.execPath, PROGRAM, 'train', ...LONG, '--out', 'run'];
    const child = spawn(args[0] as string, args.slice(1), { cwd: folder, stdio: ['ignore', log, log] });
    closeSync(log);
    const text = (): string => readFileSync(path.join(folder, 'log'), 'utf8');
    await expect.poll(text, { timeout: 20_000 }).toMatch(/layer 2\/2/);
    child.kill('SIGHUP');
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(text()).toContain('Test accuracy');
    expect(code).toBe(0);
  });
});

describe('a process outlives its terminal', () => {
  const usual = { env: {}, parentIgnores: false, writesToFiles: false };
  it.each([
    ['not when it writes to a terminal or a pipe', usual, false],
    ['under nohup, whatever it writes to', { ...usual, env: { _: '/usr/bin/nohup' } }, true],
    ['in a script under nohup', { ...usual, parentIgnores: true }, true],
    ['as a service of systemd', { ...usual, env: { INVOCATION_ID: '7f' } }, true],
    ['with all output in files', { ...usual, writesToFiles: true }, true],
  ])('%s', (_, surroundings, expected) => {
    expect(outlivesTerminal(surroundings)).toBe(expected);
  });
});
