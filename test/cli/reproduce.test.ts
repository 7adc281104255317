/** `pff reproduce` as a user runs it: every row from end to end, Ctrl-C and going on, wrong usage. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CONTROL, ownFolder, pff } from './helpers.js';

const LAYERS = '--test-samples 100 --layers 12,12,12,12'.split(' ');
/** Long enough to be stopped in the middle. */
const TINY = ['--train-samples', '6000', ...LAYERS];

/** Files in the form of CIFAR-10, with pixels that mean nothing; more training images than a test asks for. */
function makeCifar(cache: string): void {
  const folder = path.join(cache, 'cifar10');
  mkdirSync(folder, { recursive: true });
  for (const name of ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5', 'test_batch']) {
    const records = Buffer.alloc(250 * 3073);
    for (let i = 0; i < records.length; i++) records[i] = i % 3073 === 0 ? (i / 3073) % 10 : (i * 37) % 251;
    writeFileSync(path.join(folder, `${name}.bin`), records);
  }
}

describe('pff reproduce all', () => {
  it('runs every row through, much too short, and says so', { timeout: 300_000 }, async () => {
    const cwd = ownFolder();
    makeCifar(cwd);
    const length = ['--epochs', '2', '--timing-rounds', '0', '--train-samples', '1000'];
    const args = ['reproduce', 'all', ...length, '--out', 'tables', ...LAYERS];
    const { code, stdout, stderr } = await pff(args, cwd, undefined, { PFF_CACHE_DIR: cwd });
    expect({ code, stderr: stderr.match(/^pff:.*/gm) }).toEqual({ code: 0, stderr: null });
    expect(stderr).toContain('18 trainings, 0 of them done');
    for (const table of ['table1', 'table2', 'table3', 'table4', 'table5']) expect(stdout).toContain(`## ${table}: `);
    expect(stdout).not.toContain('**NO**');
    expect(stdout + stderr).not.toMatch(CONTROL);
    expect(readFileSync(path.join(cwd, 'tables', 'results.md'), 'utf8')).toBe(stdout);

    const { tables } = JSON.parse(readFileSync(path.join(cwd, 'tables', 'results.json'), 'utf8')) as {
      tables: { lines: { row?: string; results?: { shortfall: string[]; accuracy: { mean: number } }[] }[] }[];
    };
    const lines = tables.flatMap((table) => table.lines).filter(({ row }) => row !== undefined);
    expect(lines).toHaveLength(36);
    for (const { results = [] } of lines) {
      expect(results).toHaveLength(1);
      expect(results[0]?.accuracy.mean).toBeGreaterThanOrEqual(0);
      expect(results[0]?.shortfall.join()).toMatch(/^2 of 1000? epochs,1000 training images,layers 12-12-12-12/);
    }
    const again = await pff([...args, '--json'], cwd, undefined, { PFF_CACHE_DIR: cwd });
    expect(again.stderr).toContain('18 trainings, 18 of them done');
    expect(again.stderr).not.toContain('training 1 of');
    expect(JSON.parse(again.stdout)).toMatchObject({ format: 'pff-reproduce-results/1', tables });
  });
});

describe('pff reproduce', () => {
  it('measures the speed of each schedule of a row, and simulates it', async () => {
    const rows = ['--rows', 'mnist-random-softmax', '--train-samples', '600', ...LAYERS];
    const { code, stdout, stderr } = await pff(
      ['reproduce', 'table2', ...rows, '--epochs', '2', '--timing-rounds', '1'],
      ownFolder(),
    );
    expect({ code, stderr: stderr.match(/^pff:.*/gm) }).toEqual({ code: 0, stderr: null });
    expect(stderr).toContain('speeds of 1 row');
    for (const schedule of ['sequential', 'single-layer', 'all-layers'])
      expect(stderr).toMatch(new RegExp(`round 1 of 1: ${schedule} on \\d`));
    expect(stdout).toMatch(/single-layer.*x/);
    expect(stdout).not.toContain('**NO**');
  });

  it('ends with 130 on Ctrl-C, and the same command goes on', async () => {
    const cwd = ownFolder();
    const rows = ['--rows', 'mnist-performance-optimized,mnist-backprop'];
    const args = ['reproduce', 'table3', ...rows, '--timing-rounds', '0', '--epochs', '60', ...TINY];
    let sent = false;
    const stopped = await pff(args, cwd, (child, text) => {
      if (!sent && /chapter \d+\/60/.test(text)) sent = child.kill('SIGINT');
    });
    expect({ code: stopped.code, stdout: stopped.stdout }).toEqual({ code: 130, stdout: '' });
    expect(stopped.stderr).toContain('The same command goes on where it was');
    expect(stopped.stderr).not.toMatch(/^\s+at /m);
    const { code, stderr, stdout } = await pff(args, cwd);
    expect(code).toBe(0);
    expect(stderr).toMatch(/resum|goes on/i);
    expect(stdout).toContain('**scaled**: 60 of 100 epochs');
  });

  it.each([
    [['reproduce'], 'Name one or more of table1'],
    [['reproduce', 'table6'], 'Did you mean table'],
    [['reproduce', 'table1', '--rows', 'mnist-randm-goodness'], 'Did you mean mnist-random-goodness?'],
    [['reproduce', 'table1', '--layers', '10.5,3'], '--layers must be whole numbers'],
    [['reproduce', 'table1', '--epoch', '3'], 'Did you mean --epochs?'],
  ])('%j is wrong usage', async (args, hint) => {
    const { code, stdout, stderr } = await pff(args, ownFolder());
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(hint);
  });

  it('lists tables and recipes', async () => {
    const { code, stdout } = await pff(['reproduce', '--list'], ownFolder());
    expect(code).toBe(0);
    expect(stdout).toMatch(/mnist-adaptive-goodness +AdaptiveNEG-Goodness +runs\/mnist-adaptive-goodness\.json/);
  });
});
