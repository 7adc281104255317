/** What is asked wrongly gets exit code 2 and a message with what was meant; help and version get 0. */
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.js';
import { CONTROL, pff, tempFolder } from './helpers.js';

const { folder, drop } = tempFolder();
afterAll(drop);
writeFileSync(path.join(folder, 'unknown.json'), '{"epoch": 3}');
writeFileSync(path.join(folder, 'type.json'), '{"epochs": "3"}');
writeFileSync(path.join(folder, 'broken.json'), '{');
writeFileSync(path.join(folder, 'rows.csv'), 'x,class\n1,a\n2,a\n3,a\n4,a\n5,b\n6,b\n7,b\n8,b\n');

const wrong: readonly (readonly [line: string, ...parts: string[]])[] = [
  ['tarin', 'unknown command tarin', 'Did you mean train?'],
  ['train --epoch 3', 'unknown option --epoch', 'Did you mean --epochs?'],
  ['train --threads 3', 'unknown option --threads', 'Did you mean --threads-per-node?'],
  ['train --dataset mnsit', 'unknown dataset "mnsit"', 'Did you mean mnist?'],
  ['train --preset papr', 'unknown preset "papr"', 'Did you mean paper?'],
  ['train --negatives adaptiv', '--negatives must be one of none, fixed, random', 'Did you mean adaptive?'],
  ['train --layers 784', '--layers must be at least 2 sizes', '"784"'],
  ['train --layers 784,x', 'layer 1, "x" is no layer', 'the units of a dense layer'],
  ['train --layers x,500', 'layers begin with "x", which is no image', '784'],
  ['train --seed -1', '--seed must be a whole number of at least 0', '"-1"'],
  ['train --epochs 1e999', '--epochs must be a whole number of at least 1', '"1e999"'],
  ['train --layers --json', '--layers needs a value'],
  ['train --json=1', '--json takes no value'],
  ['train digits', 'takes options only', '"digits"'],
  ['runs --server nats://127.0.0.1:99999', 'the port in --server must be 1 to 65535', '"99999"'],
  ['train --variant sequential --nodes 2', 'sequential runs on one node'],
  ['train --variant federated --nodes 4 --splits 2', 'splits 2 and shards 4', 'at least --splits 4, or fewer --shards'],
  [
    'simulate --variant federated --nodes 4 --splits 2',
    'splits 2 and shards 4',
    'at least --splits 4, or fewer --shards',
  ],
  ['train --data rows.csv --validation-samples 2', 'validationSamples is 2', 'Give --validation SHARE'],
  ['train --layers 100,32,32', 'images of mnist have 784 values', '--layers 784,32,32'],
  ['train --config nowhere.json', '--config nowhere.json cannot be read'],
  ['train --config unknown.json', 'unknown field "epoch"', 'Did you mean epochs?'],
  ['train --config type.json', 'epochs must be a whole number', '"3"'],
  ['train --config broken.json', 'is not JSON'],
  ['train --threshold 1e300', 'threshold · initScale²', 'Choose --threshold'],
  ['train --steepness 1e30', 'steepness · threshold', 'nearer to 1, 20 and 1'],
  ['simulate --costs equal --epochs 1000000', '1,000,000 chapters', 'Lower --splits to 25,000'],
  ['train --momentum 0.5', '--momentum is of sgd', 'Add --optimizer sgd'],
  [
    'train --schedule cosine --cooldown-after 0.8',
    '--cooldown-after is of schedule cooldown',
    'Add --schedule cooldown',
  ],
  ['simulate --costs equal --momentum 0.5', '--momentum is of sgd', 'Add --optimizer sgd'],
  ['eval', 'takes one run'],
  ['predict run', 'at least one image'],
  ['train --port 8377', '--port is of the page', 'Add --open'],
  ['attach run --server nats://127.0.0.1:1 --test t.csv', '--test is of data of your own', 'Add --data FILE'],
  ['attach run --server nats://127.0.0.1:1 --data a.csv --test 0.2', '--test 0.2 is a share', 'Leave it out'],
  ['attach run --server nats://127.0.0.1:1 --data a.csv --data-dir b', '--data-dir was given as well'],
  ['watch run --data a.csv --data-dir b', '--data-dir was given as well'],
  ['watch', 'takes one run'],
  ['watch run --port 99999', '--port must be at most 65535'],
  ['report', 'takes one to eight runs'],
  ['data gett', 'Did you mean get?'],
  ['data get mnst', 'Did you mean mnist?'],
  [
    'train --server nats://127.0.0.1:1 --threads-per-node 2',
    'nodes of a cluster choose their own',
    'pff node --threads',
  ],
  ['simulate --costs nowhere', '--costs nowhere cannot be read'],
  ['simulate --speeds 1,0', '--speeds must be numbers above 0'],
  ['simulate --costs equal --speeds 1,1,1 --nodes 2', '--speeds has 3 speeds, but there are 2 nodes'],
  ['simulate --costs equal --nodes 99999999999', 'at most 10000 are simulated'],
  ['simulate --costs equal --variant dff --nodes 7', 'one server for each layer', 'Leave --nodes out'],
  ['train --audit 0.5', '--audit is of a cluster, but --server was not given', 'Add --server'],
  ['train --user me', '--user is of a cluster', 'leave --user out'],
  ['train --run name', '--run is of a cluster'],
  ['sweep unknown.json --lease 3', '--lease is of a cluster'],
  ['watch run --out here', '--out is of a cluster'],
  ['eval run --data a.csv --data-dir b', 'both name the samples', 'Leave one of them out'],
  ['demo words', 'takes options only', '"words"'],
  ['demo --port 70000', '--port must be at most 65535'],
];

/** Layers that do not fit: which one, as written, what enters it, and what would fit. */
const misfits: readonly (readonly [layers: string, ...parts: string[]])[] = [
  ['1x28x28,conv8,bnn', 'layer 2, "bnn" is no layer', 'conv64+bn+max2'],
  ['1x28x28,conv8+bnn', 'layer 1, "conv8+bnn" is no layer: "bnn" is no operation', 'bn, gn8, ln, rms, ln2d'],
  ['1x28x28,conv8,bn,bn', 'layer 1, "conv8+bn+bn"', 'bn cannot come after bn', 'normalisation, activation, pool'],
  ['1x28x28,relu,conv8', 'layer 1, "relu+conv8"', 'relu cannot come first'],
  ['1x28x28,conv8k4', 'layer 1, "conv8k4"', 'a window of an even side', 'conv8k4p1'],
  ['1x28x28,max2,500', 'layer 1, "max2"', 'no convolution', 'max2,conv64', 'max2+conv512k16p0'],
  ['784,conv8', 'layer 1 (conv8)', 'rows of 784 values', 'it needs planes: channels x height x width', '1x28x28'],
  ['1x28x28,conv8,500,conv9', 'layer 3 (conv9)', 'rows of 500 values', 'put convolutions before dense layers'],
  ['1x28x28,conv8,max2,conv9k17p0', 'layer 2 (conv9k17p0)', 'planes of 8x14x14', 'a window of up to 14 fits'],
  ['1x28x28,conv8s2,conv9,max15', 'layer 2 (conv9+max15)', 'planes of 8x14x14', 'A pool of up to 14 fits'],
  ['1x28x28,conv8+max9+max4', 'layer 1 (conv8+max9+max4)', 'enter it, 8x3x3', 'A pool of up to 3 fits'],
  ['1x28x28,conv8,conv9g4', 'layer 2 (conv9g4)', '8 enter and 9 leave', 'Choose a number that divides both: 1.'],
  [
    '1x28x28,conv8,conv12+gn5',
    'layer 2 (conv12+gn5)',
    '5 groups of 12 channels',
    'divides the channels: 1, 2, 3, 4, 6, 12',
  ],
  ['1x28x28,conv8p3', 'layer 1 (conv8p3)', 'planes of 1x28x28', 'A padding of up to 2 fits'],
  ['3x32x32,conv8', 'layers begin with 3x32x32, but images of mnist are 1x28x28', '--layers 1x28x28,conv8'],
];

describe.concurrent('layers that do not fit', () => {
  it.each(misfits)('%s', async (layers, ...parts) => {
    const { code, stdout, stderr } = await pff(['train', '--objective', 'pred', '--layers', layers], folder);
    for (const part of parts) expect(stderr).toContain(part);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

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
  it.each(['', '--help', '-h', 'help', 'help --help'])('pff %s lists the commands', async (line) => {
    const { code, stdout, stderr } = await pff(line === '' ? [] : line.split(' '), folder);
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
    const text = stdout.replace(/\s+/g, ' ');
    expect(text).toMatch(/ --splits N [^(]*\(default as --epochs; with --data: from the data\) /);
    expect(text).toMatch(/ --label-mode NAME .*\(default overlay; with --data: append\) --shift /);
  });

  it('$PFF_SERVER is named where it replaces --server, and only there', async () => {
    const named: string[] = [];
    for (const { name, load } of COMMANDS)
      if ((await load()).flags['server']?.text.endsWith('$PFF_SERVER')) named.push(name);
    expect(named.toSorted()).toEqual(['attach', 'audit', 'fetch', 'node', 'runs', 'share', 'status', 'stop']);
  });

  it('pff --version says the version', async () => {
    expect((await pff(['--version'], folder)).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
