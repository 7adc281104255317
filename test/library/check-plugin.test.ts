/**
 * What `pff check-plugin` finds right and wrong, and its exit codes.
 * Own process: it registers parts.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { checkPlugin, type PluginReport } from '../../src/plugin-check/check-plugin.js';
import { ownFolder, pff } from '../cli/helpers.js';

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Of each part, what is wrong with it; nothing for one that is right. */
function wrongs({ parts }: PluginReport): Record<string, string[]> {
  return Object.fromEntries(
    parts.map(({ kind, name, findings }) => [
      `${kind} ${name}`,
      findings.flatMap(({ right, what, found }) => (right ? [] : [`${what}: ${found}`])),
    ]),
  );
}

it('says of each part what is wrong with it', async () => {
  const report = await checkPlugin(file('faulty.mjs'));
  expect(report.right).toBe(false);
  expect(wrongs(report)).toEqual({
    'objective half-gradient': [
      expect.stringMatching(/^gradient: negativeGradient\[\d\] is [\d.]+, but the loss changes by/),
    ],
    'objective moody': expect.arrayContaining([expect.stringMatching(/^same bits: /)]),
    'objective wrong-head': [expect.stringMatching(/^gradient: headGradients\[0\]\[\d+\] is /)],
    'objective headless': ['shape: objective headless must be a local loss with heads, but it has no heads'],
    'objective fine': [],
    'goodness squares': [expect.stringMatching(/^gradient: the gradient of activation \[\d\] is /)],
    'schedule sinking': [
      expect.stringMatching(/^factors: schedule sinking, of a plugin: .* must give a finite number/),
    ],
    'schedule nothing': ['factors: all of them are 0: nothing would be learned'],
  });
});

it('finds the parts of another plugin right, but for those that are not', async () => {
  const report = await checkPlugin(file('my-plugin.mjs'));
  expect(wrongs(report)).toEqual({
    'objective my-loss': [],
    'goodness activity': [],
    'negatives shifted': [],
    'negatives right-class': [
      expect.stringMatching(/^labels: negatives right-class gave sample 0 of label 0 the label 0/),
    ],
    'store folder': [],
    'store broken': ['bytes: store broken: opening it failed: the door is locked'],
    'schedule staircase': [],
  });
});

it('finds a gradient that is none where activations are zeros', async () => {
  const plugin = path.join(ownFolder(), 'norms.mjs');
  writeFileSync(
    plugin,
    `const norm = (row) => Math.sqrt(row.reduce((sum, y) => sum + y * y, 0));
    export default {
      goodnesses: { norm: { of: norm, gradient: (row, out) => row.forEach((y, i) => (out[i] = y / norm(row))) } },
      objectives: { logs: { heads: [{ outputs: 'classes' }], loss: () => ({ evaluate({ activations, activationGradient }) {
        activations.forEach((y, i) => (activationGradient[i] = 1 / y));
        return activations.reduce((sum, y) => sum + Math.log(y), 0);
      } }) } },
    };`,
  );
  expect(wrongs(await checkPlugin(plugin))).toEqual({
    'objective logs': ['finite: loss or gradient is not finite where activations are 0'],
    'goodness norm': [
      expect.stringMatching(/^finite: for a row of zeros: goodness norm, of a plugin: gradient wrote NaN to out\[0\]$/),
    ],
  });
});

it('a whole objective takes a step whose gradient is compared', async () => {
  const folder = ownFolder();
  const plugin = path.join(folder, 'whole.mjs');
  // The mean of the squared activations; `slope` is what its gradient is multiplied by.
  const whole = (slope: number): string => `{
    variants: 1, trains: 'layer', unitLength: false, headScores: 'outputs', classifiers: ['last-head'],
    rates: { adam: { learningRate: 0.01, headLearningRate: 0.01, weightDecay: 0 }, sgd: { learningRate: 0.1, headLearningRate: 0.1, weightDecay: 0 } },
    parts: (_, { geometry, labelInputs, classes }) => [
      { role: 'layer', geometry, labelInputs, initialDeviation: 0.3 },
      { role: 'head', geometry: { kind: 'dense', inputs: geometry.outputs, outputs: classes }, labelInputs: 0, initialDeviation: 0 },
    ],
    describe: () => undefined,
    begin: () => ({
      async step({ kernels: [layer], input, labels, layerRule }) {
        await layer.forward(input);
        const activations = (await layer.activations()).slice();
        const samples = labels.length;
        await layer.update({ values: activations.map((y) => (${slope} * y) / samples) }, layerRule);
        const loss = activations.reduce((sum, y) => sum + y * y, 0);
        return { samples, loss, positiveGoodness: 0, negativeGoodness: 0, correct: 0 };
      },
    }),
  }`;
  // Of a class its functions are not the object's own.
  const text = `const right = ${whole(2)};
    class Entry { variants = 1; trains = 'layer'; classifiers = right.classifiers; rates = right.rates;
      parts(...given) { return right.parts(...given); } begin() { return right.begin(); } describe() { return undefined; } }
    export default { objectives: { 'whole-right': right, 'whole-class': new Entry(), 'whole-wrong': ${whole(1)} } };`;
  writeFileSync(plugin, text);
  const report = await checkPlugin(plugin);
  expect(wrongs(report)).toEqual({
    'objective whole-right': [],
    'objective whole-class': [],
    'objective whole-wrong': [expect.stringMatching(/^gradient: the gradient of layer1\.(weight|bias)\[\d+\] is /)],
  });
});

it('the command: exit codes, --json, what cannot be loaded', async () => {
  const folder = ownFolder();
  const example = await pff(['check-plugin', file('../../examples/6-own-objective.mjs')], folder);
  expect(example.code, example.stdout + example.stderr).toBe(0);
  expect(example.stdout).toMatch(/^objective margins\n {2}right {2}shape +a local loss on head, odd\n/);
  expect(example.stdout).toMatch(/its part is right\n$/);
  const faulty = await pff(['check-plugin', file('faulty.mjs'), '--json'], folder);
  expect(faulty.code).toBe(1);
  expect((JSON.parse(faulty.stdout) as PluginReport).parts).toHaveLength(8);
  writeFileSync(path.join(folder, 'broken.mjs'), 'export default {');
  const broken = await pff(['check-plugin', 'broken.mjs'], folder);
  expect([broken.code, broken.stdout]).toEqual([
    1,
    expect.stringMatching(/WRONG {2}shape {2}plugin broken\.mjs cannot be loaded/),
  ]);
  const missing = await pff(['check-plugin', 'nowhere.mjs'], folder);
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringMatching(/there is no such file/)]);
});
