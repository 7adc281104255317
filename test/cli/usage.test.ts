/** What is asked wrongly gets exit code 2 and a message with what was meant; help and version get 0. */
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CONTROL, pff, tempFolder } from './helpers.js';

const { folder, drop } = tempFolder();
afterAll(drop);
writeFileSync(path.join(folder, 'unknown.json'), '{"epoch": 3}');
writeFileSync(path.join(folder, 'type.json'), '{"epochs": "3"}');
writeFileSync(path.join(folder, 'broken.json'), '{');

const wrong: readonly (readonly [line: string, ...parts: string[]])[] = [
  ['tarin', 'unknown command tarin', 'Did you mean train?'],
  ['train --epoch 3', 'unknown option --epoch', 'Did you mean --epochs?'],
  ['train --threads 3', 'unknown option --threads', 'Did you mean --threads-per-node?'],
  ['train --dataset mnsit', 'unknown dataset "mnsit"', 'Did you mean mnist?'],
  ['train --preset papr', 'unknown preset "papr"', 'Did you mean paper?'],
  ['train --negatives adaptiv', '--negatives must be one of none, fixed, random', 'Did you mean adaptive?'],
  ['train --layers 784,x', '--layers must be at least 2 sizes', '"784,x"'],
  ['train --seed -1', '--seed must be a whole number of at least 0', '"-1"'],
  ['train --epochs 1e999', '--epochs must be a whole number of at least 1', '"1e999"'],
  ['train --layers --json', '--layers needs a value'],
  ['train --json=1', '--json takes no value'],
  ['train digits', 'takes options only', '"digits"'],
  ['train --variant sequential --nodes 2', 'sequential runs on one node'],
  ['train --layers 100,32,32', 'images of mnist have 784 values', '--layers 784,32,32'],
  ['train --config nowhere.json', '--config nowhere.json cannot be read'],
  ['train --config unknown.json', 'unknown field "epoch"', 'Did you mean epochs?'],
  ['train --config type.json', 'epochs must be a whole number', '"3"'],
  ['train --config broken.json', 'is not JSON'],
  ['train --threshold 1e300', 'threshold · initScale²', 'Choose --threshold'],
  ['train --steepness 1e30', 'steepness · threshold', 'nearer to 1, 20 and 1'],
  ['simulate --costs equal --epochs 1000000', '1,000,000 chapters', 'Lower --splits to 25,000'],
  ['train --momentum 0.5', '--momentum is of sgd', 'Add --optimizer sgd'],
  ['simulate --costs equal --momentum 0.5', '--momentum is of sgd', 'Add --optimizer sgd'],
  ['eval', 'takes one run'],
  ['predict run', 'at least one image'],
  ['train --port 8377', '--port is of the page', 'Add --open'],
  ['watch', 'takes one run'],
  ['watch run --port 99999', '--port must be at most 65535'],
  ['report', 'takes one to eight runs'],
  ['data gett', 'Did you mean get?'],
  ['data get mnst', 'Did you mean mnist?'],
  ['simulate --costs nowhere', '--costs nowhere cannot be read'],
  ['simulate --speeds 1,0', '--speeds must be numbers above 0'],
];

describe.concurrent('wrong usage', () => {
  it.each(wrong)('pff %s', async (line, ...parts) => {
    const { code, stdout, stderr } = await pff(line.split(' '), folder);
    for (const part of parts) expect(stderr).toContain(part);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stderr).not.toMatch(CONTROL);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

it.each(['train', 'simulate --costs equal'])('pff %s --gantt into a folder that is not there', async (line) => {
  const { code, stdout, stderr } = await pff([...line.split(' '), '--gantt', 'nowhere/time.svg'], folder);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^pff: --gantt cannot write nowhere\/time\.svg: .*\n {5}Make the folder nowhere first/);
  expect(readdirSync(folder)).not.toContain('pff-runs');
});

describe.concurrent('help', () => {
  it.each(['', '--help', '-h', 'help'])('pff %s lists the commands', async (line) => {
    const { code, stdout, stderr } = await pff(line === '' ? [] : [line], folder);
    for (const name of ['train', 'eval', 'predict', 'data', 'simulate']) expect(stdout).toContain(`\n  ${name}`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toMatch(CONTROL);
  });

  it.each(['help train', 'train --help', 'train --layers 1 -h'])('pff %s explains every option', async (line) => {
    const { code, stdout } = await pff(line.split(' '), folder);
    expect(code).toBe(0);
    for (const option of [
      '--label-mode NAME',
      '--layers N,N,…',
      '--learning-rate X',
      '--out DIR',
      '--gantt [FILE.svg]',
    ])
      expect(stdout).toContain(option);
    expect(stdout).toMatch(/--splits N.*\n?.*\(default\s+as\s+--epochs\)/);
  });

  it('pff --version says the version', async () => {
    expect((await pff(['--version'], folder)).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
