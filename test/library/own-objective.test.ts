/**
 * Local losses of one's own with heads: gradients through the kernels, the same bits everywhere, heads in files, and what is refused.
 * Own process: it registers parts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { readRunFile } from '../../src/run/folder.js';
import { decodeModel } from '../../src/model/model-file.js';
import { onLocalLoss, type OwnLocalLoss } from '../../src/objectives/own-local-loss.js';
import { evaluateRun } from '../../src/run/evaluate-run.js';
import { train, trainToEnd } from '../../src/run/train.js';
import { registerObjective } from '../../src/spec/own-parts.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { RandomStream } from '../../src/random.js';
import { checkGradients, PROBE, randomState } from '../helpers/gradient-check.js';
import { pff } from '../cli/helpers.js';

const plugin = fileURLToPath(new URL('../../examples/6-own-objective.mjs', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-objective-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A bit of everything: two heads and the activations themselves. */
const own: OwnLocalLoss = {
  heads: [{ outputs: 'classes' }, { name: 'more', outputs: 2, bias: false, initialDeviation: 0.3 }],
  loss: () => ({
    evaluate({ activations, heads, labels, classes, activationGradient, headGradients }) {
      const of = (values: Float32Array | undefined, i: number): number => values?.[i] ?? 0;
      let loss = 0;
      for (let i = 0; i < labels.length * classes; i++) {
        const gap = of(heads[0], i) - (i % classes === labels[Math.floor(i / classes)] ? 1 : 0);
        loss += gap * gap;
        (headGradients[0] as Float32Array)[i] = 2 * gap;
      }
      heads[1]?.forEach((value, i) => {
        loss += 0.5 * (value - 0.3) ** 2;
        (headGradients[1] as Float32Array)[i] = value - 0.3;
      });
      activations.forEach((value, i) => {
        loss += 0.1 * value * value;
        activationGradient[i] = 0.2 * value;
      });
      return loss;
    },
  }),
};

it('its gradient passes through all heads into the layer', async () => {
  const settings = resolveSpec({});
  const objective = onLocalLoss('mine', own);
  const geometry = { kind: 'dense', inputs: 7, outputs: 6 };
  const parts = objective.parts(settings, { geometry, labelInputs: 0, layer: 0, last: false, classes: 3 });
  const prefix = new Float32Array(5 * 7);
  new RandomStream(5, 'test', 9).fillNormal(prefix, 1);
  const labels = Uint8Array.of(0, 1, 2, 0, 1);
  await checkGradients({
    state: randomState(parts),
    maxRows: 5,
    step: async (kernels) => {
      const input = { prefix, batch: 5, variants: 1 };
      const { loss } = await objective
        .begin(settings)
        .step({ kernels, input, labels, layerRule: PROBE, headRule: PROBE });
      return loss / 5;
    },
  });
});

const spec = {
  objective: 'margins',
  layers: [784, 40, 30, 20],
  trainSamples: 1500,
  testSamples: 300,
  epochs: 4,
  dropout: 0.1,
};

it('trains, with the same bits in every schedule and after a stop; a model is read with its plugin only', async () => {
  const out = path.join(folder, 'run');
  const one = await trainToEnd({ spec, plugins: [plugin], out });
  expect(one.testAccuracy).toBeGreaterThan(0.6);
  for (const variant of ['all-layers', 'single-layer'] as const) {
    const how = { nodes: 3, variant, threadsPerNode: 1 };
    expect((await trainToEnd({ spec, plugins: [plugin], ...how })).modelDigest).toBe(one.modelDigest);
  }
  const stopped = path.join(folder, 'stopped');
  const stop = new AbortController();
  const running = (async () => {
    for await (const event of train({ spec, plugins: [plugin], nodes: 2, out: stopped, signal: stop.signal }))
      if (event.type === 'task-finished' && event.task.chapter === 1) stop.abort(new Error('stop'));
  })();
  await expect(running).rejects.toMatchObject({ code: 'interrupted' });
  expect((await trainToEnd({ resume: stopped, plugins: [plugin] })).modelDigest).toBe(one.modelDigest);

  const { tensors } = decodeModel(readRunFile(path.join(out, 'model.safetensors')));
  const names = tensors.map(({ name }) => name).filter((name) => name.startsWith('layer1.'));
  expect(names.toSorted()).toEqual([
    'layer1.bias',
    'layer1.head.bias',
    'layer1.head.weight',
    'layer1.odd.bias',
    'layer1.odd.weight',
    'layer1.weight',
  ]);
  expect((await evaluateRun(out, { testSamples: 300 })).accuracy).toBe(one.testAccuracy);
  const without = await pff(['eval', out], folder);
  expect([without.code, without.stderr]).toEqual([
    2,
    expect.stringMatching(/has the objective margins, which is of a plugin that is not loaded/),
  ]);
  const onnx = await pff(['export', out, '--to', 'onnx', '--plugin', plugin], folder);
  expect(onnx.code, onnx.stderr).toBe(0);
});

const rates = { learningRate: 0.01, headLearningRate: 0.01, weightDecay: 0 };

/** A whole objective that is right but for `change`. */
function whole(change: object): object {
  const nothing = (): undefined => undefined;
  const parts = { parts: nothing, begin: nothing, describe: nothing };
  return {
    ...parts,
    variants: 1,
    trains: 'layer',
    classifiers: ['last-head'],
    rates: { adam: rates, sgd: rates },
    ...change,
  };
}

it.each<[unknown, string]>([
  [{ heads: [{ outputs: 'classes' }] }, 'a local loss with heads, but its loss is undefined'],
  [{ heads: 'many', loss: () => undefined }, 'a local loss with heads, but its heads are given as a string'],
  [
    { heads: [{ outputs: 3 }], loss: () => undefined },
    'its first head, which predicts, has other outputs than the classes',
  ],
  [{ heads: [{ outputs: 'classes' }, { outputs: 0 }], loss: () => undefined }, 'head 2 has 0 as its outputs'],
  [
    { heads: [{ outputs: 'classes', name: 'Head' }], loss: () => undefined },
    'head 1 is called "Head": names are lower-case letters, digits and dashes, each once',
  ],
  [
    { heads: [{ outputs: 'classes' }], loss: () => undefined, rates: { adam: { learningRate: 0.01 } } },
    'objective mine must be one whose rates has learningRate, headLearningRate, weightDecay, but has adam',
  ],
  [
    { heads: [{ outputs: 'classes' }], loss: () => undefined, rates: { learningRate: -1 } },
    'has rates.learningRate -1',
  ],
  [
    { heads: [{ outputs: 'classes' }], loss: () => undefined, unitlength: true },
    'a local loss with heads, but has unitlength',
  ],
  [{ heads: [{ outputs: 'classes', initialDeviaton: 1 }], loss: () => undefined }, 'but has initialDeviaton'],
  [{ heads: [{ outputs: 'classes' }], loss: () => undefined, score: 'outputs' }, 'but has score'],
  [{ heads: [{ outputs: 'classes' }], loss: () => undefined, scores: 'softmax' }, 'its scores are "softmax"'],
  [whole({ variants: 3 }), 'one with 1 or 2 variants of a sample, but has variants 3'],
  [whole({ trains: 'network' }), "one that trains layers, but has trains 'network'"],
  [whole({ trains: 'layr' }), 'but has trains "layr"'],
  [whole({ classifiers: ['last-heads'] }), 'but has classifiers ["last-heads"]'],
  [whole({ classifiers: [] }), 'but has classifiers []'],
  [whole({ rates: { adam: rates } }), 'has no rates.sgd'],
  [whole({ rates: { adam: { learningRate: 0.01 }, sgd: rates } }), 'has rates.adam.headLearningRate undefined'],
  [whole({ rates: { adam: { ...rates, weightDecay: '0.1' }, sgd: rates } }), 'has rates.adam.weightDecay a string'],
])('%j is refused', (part, message) => {
  expect(() => registerObjective('mine', part as OwnLocalLoss)).toThrow(message);
});
