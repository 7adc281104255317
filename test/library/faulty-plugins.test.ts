/**
 * Plugins that are not what they should be: refused when loaded, or named when they fail; never a defect of pff.
 * Own process: it registers parts.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { commandLine } from '../../src/command-line.js';
import { messageOf, PffError } from '../../src/errors.js';
import { loadPlugins } from '../../src/node/threads/plugins.js';
import { trainToEnd, type TrainOptions } from '../../src/index.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-plugins-'));
afterAll(() => rmSync(folder, { recursive: true }));
let written = 0;
const plugin = (source: string): string => {
  const file = path.join(folder, `${written++}.mjs`);
  writeFileSync(file, source);
  return file;
};
const said = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'accepted',
    (error: unknown) => (error instanceof PffError ? `${error.code}: ${error.message}` : `defect: ${messageOf(error)}`),
  );

it.each([
  ['nothing', '', /^usage: plugin .* registers nothing/],
  ['a number', 'export default 3', /^usage: plugin .* registers nothing/],
  ['no parts', 'export default {}', /^usage: plugin .* registers nothing/],
  ['no parts of a kind', 'export default { objectives: {} }', /^usage: plugin .* registers nothing/],
  [
    'a kind that is no object',
    'export default { objectives: 1 }',
    /^usage: objectives of a plugin must be an object of parts by name, but is 1/,
  ],
  [
    'an objective that is a number',
    'export default { objectives: { x: 1 } }',
    /^usage: objective x must be a function that makes a loss, a local loss with heads, or a whole objective, but is 1/,
  ],
  [
    'an objective of half a kind',
    'export default { objectives: { x: { begin() {} } } }',
    /^usage: objective x must be .* has no parts, describe, variants/,
  ],
  [
    'an objective on two kinds of samples whose activations keep their length',
    'export default { objectives: { x: { variants: 2, trains: "layer", rates: {}, classifiers: ["goodness"], unitLength: false, parts() {}, begin() {}, describe() {} } } }',
    /^usage: objective x must be one that passes activations on at unit length/,
  ],
  [
    'an objective without labels in its rows that predicts by goodness',
    'export default { objectives: { x: { variants: 1, trains: "layer", rates: {}, classifiers: ["goodness"], parts() {}, begin() {}, describe() {} } } }',
    /^usage: objective x must be one that predicts by heads, .* has classifier goodness/,
  ],
  [
    'a goodness without a gradient',
    'export default { goodnesses: { x: { of: (r) => r[0] } } }',
    /^usage: goodness x must be .* has no function gradient/,
  ],
  ['a sampler that is a text', 'export default { negatives: { x: "y" } }', /^usage: negatives x must be a function/],
  [
    'a schedule that is null',
    'export default { schedules: { x: null } }',
    /^usage: schedule x must be a function .* is null/,
  ],
  ['a dataset that is an object', 'export default { datasets: { x: {} } }', /^usage: dataset x must be a function/],
  ['an error', 'throw new Error("boo")', /^usage: plugin .* cannot be loaded: boo/],
  [
    'an import of a package that is missing',
    'import "no-such-package"',
    /^usage: plugin .* cannot be loaded: Cannot find package 'no-such-package'/,
  ],
])('one that has %s is refused', async (_, source, message) => {
  expect(await said(loadPlugins([plugin(source)]))).toMatch(message);
});

it('one that imports a missing package: the hint says how to get it', async () => {
  await expect(loadPlugins([plugin('import "no-such-package"')])).rejects.toMatchObject({
    hint: expect.stringMatching(/^Run npm install no-such-package in the plugin's folder /) as string,
  });
});

it('one that imports this package where it is not installed: the hint installs it from where it lies', async () => {
  const root = path.dirname(fileURLToPath(new URL('../../package.json', import.meta.url)));
  await expect(loadPlugins([plugin('import "pipeline-forward-forward"')])).rejects.toMatchObject({
    hint: expect.stringContaining(`Run ${commandLine(['npm', 'install', root])} in the plugin's folder `) as string,
  });
});

it('one that is loaded twice is as good the second time', async () => {
  const file = plugin('export default { schedules: { "half-way": () => 0.5 } }');
  expect([await said(loadPlugins([file])), await said(loadPlugins([file]))]).toEqual(['accepted', 'accepted']);
});

it('one whose file has changed is refused: threads would read another one', async () => {
  const file = plugin('export default { schedules: { "early-half": () => 0.5 } }');
  await loadPlugins([file]);
  writeFileSync(file, 'export default { schedules: { "early-half": () => 0.25 } }');
  const changed = /^usage: plugin .* has changed since this process loaded it/;
  expect(await said(loadPlugins([file]))).toMatch(changed);
  const spec = toySpec({ schedule: 'early-half' });
  const asked = { spec, plugins: [file], threadsPerNode: 1 };
  expect(await said(trainToEnd({ ...asked, nodes: 1 }, toyDataset()))).toMatch(changed);
  expect(await said(trainToEnd({ ...asked, nodes: 2 }, toyDataset()))).toMatch(changed);
  writeFileSync(file, 'export default { schedules: { "early-half": () => 0.5 } }');
  expect(await said(loadPlugins([file]))).toBe('accepted');
});

it.each<[string, string, TrainOptions['spec'], RegExp]>([
  [
    'makes no loss',
    'objectives: { a1: () => ({}) }',
    { objective: 'a1' },
    /^usage: objective a1 must be .* gave no function evaluate/,
  ],
  [
    'throws when it makes one',
    'objectives: { a2: () => { throw new Error("boo") } }',
    { objective: 'a2' },
    /^training: objective a2, of a plugin, failed: boo/,
  ],
  [
    'gives a loss that is no number',
    'objectives: { a3: () => ({ evaluate: () => "x" }) }',
    { objective: 'a3' },
    /^training: objective a3, of a plugin: evaluate must give the loss, a number, but gave a string/,
  ],
  [
    'gives goodness that is a list',
    'goodnesses: { a4: { of: (r) => [...r], gradient: () => {} } }',
    { goodness: 'a4' },
    /^training: goodness a4, of a plugin: of must give a number, but gave a list/,
  ],
  [
    'throws in a gradient',
    'goodnesses: { a5: { of: (r) => r[0], gradient: () => { throw new Error("boo") } } }',
    { goodness: 'a5' },
    /^training: goodness a5, of a plugin, failed: boo/,
  ],
  [
    'gives no rate',
    'schedules: { a6: () => NaN }',
    { schedule: 'a6' },
    /^training: schedule a6, of a plugin: at progress 0 it must give a finite number of at least 0, but gave NaN/,
  ],
  [
    'throws in a sampler',
    'negatives: { a7: () => { throw new TypeError("boo") } }',
    { negatives: 'a7' },
    /^training: negatives a7, of a plugin, failed: boo/,
  ],
  [
    'gives a gradient that is not finite with a loss that is',
    'objectives: { b1: () => ({ evaluate: (p, n, pg, ng) => { pg[1] = 0 / 0; return 1; } }) }',
    { objective: 'b1' },
    /^training: objective b1, of a plugin: evaluate wrote NaN to positiveGradient\[1\]/,
  ],
  [
    'gives a gradient that is too large for 32 bits',
    'objectives: { b2: () => ({ evaluate: (p, n, pg, ng) => { ng[2] = 1e300; return 1; } }) }',
    { objective: 'b2' },
    /^training: objective b2, of a plugin: evaluate wrote 1e\+300 to negativeGradient\[2\]/,
  ],
  [
    'gives a gradient of a head that is not finite',
    `objectives: { b3: { heads: [{ outputs: 'classes' }], loss: () => ({ evaluate: (b) => { b.headGradients[0][3] = 1 / 0; return 1; } }) } }`,
    { objective: 'b3' },
    /^training: objective b3, of a plugin: evaluate wrote Infinity to headGradients\[0\]\[3\]/,
  ],
  [
    'gives a gradient of goodness that is not finite',
    'goodnesses: { b4: { of: (r) => r[0], gradient: (r, out) => { out[0] = NaN; } } }',
    { goodness: 'b4' },
    /^training: goodness b4, of a plugin: gradient wrote NaN to out\[0\]/,
  ],
  [
    'evaluates later',
    'objectives: { c1: () => ({ evaluate: async () => { throw new Error("boo") } }) }',
    { objective: 'c1' },
    /^training: objective c1, of a plugin: evaluate must not be async: it gave a promise/,
  ],
  [
    'makes a loss later',
    'objectives: { c2: async () => ({ evaluate: () => 1 }) }',
    { objective: 'c2' },
    /^training: objective c2, of a plugin: it must not be async/,
  ],
  [
    'draws later',
    'negatives: { c3: async () => { throw new Error("boo") } }',
    { negatives: 'c3' },
    /^training: negatives c3, of a plugin: it must not be async/,
  ],
  [
    'says rates later',
    'schedules: { c4: async () => { throw new Error("boo") } }',
    { schedule: 'c4' },
    /^training: schedule c4, of a plugin: it must not be async/,
  ],
  [
    'is good later',
    'goodnesses: { c5: { of: async () => { throw new Error("boo") }, gradient: () => {} } }',
    { goodness: 'c5' },
    /^training: goodness c5, of a plugin: of must not be async/,
  ],
  [
    'has a slope later',
    'goodnesses: { c6: { of: (r) => r[0], gradient: async () => { throw new Error("boo") } } }',
    { goodness: 'c6' },
    /^training: goodness c6, of a plugin: gradient must not be async/,
  ],
  ['draws nothing', 'negatives: { a8: () => {} }', { negatives: 'a8' }, /^training: negatives a8 gave sample/],
])('one that %s is named', async (_, source, spec, message) => {
  await loadPlugins([plugin(`export default { ${source} }`)]);
  expect(await said(trainToEnd({ spec: toySpec(spec ?? {}) }, toyDataset()))).toMatch(message);
});

it('a dataset that cannot be loaded, or is none, is named', async () => {
  await loadPlugins([
    plugin('export default { datasets: { bad: () => { throw new Error("boo") }, none: async () => ({ a: 1 }) } }'),
  ]);
  const spec = toySpec({ layers: [36, 8, 8] });
  expect(await said(trainToEnd({ spec: { ...spec, dataset: 'bad' } }))).toMatch(
    /^data: dataset bad, of a plugin, could not be loaded: boo/,
  );
  expect(await said(trainToEnd({ spec: { ...spec, dataset: 'none' } }))).toMatch(
    /^data: dataset none, of a plugin, is no dataset/,
  );
});
