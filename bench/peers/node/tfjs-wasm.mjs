/** TensorFlow.js on its WASM backend (SIMD, one thread): a Forward-Forward layer with variableGrads and its Adam. */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Workload } from './files.mjs';
import { serve } from './lines.mjs';

const NAME = 'tfjs-wasm';
const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs');
const { setThreadsCount, setWasmPaths } = require('@tensorflow/tfjs-backend-wasm');
const BLOCK = 512;
let work;
let network;
let trained;

class Layer {
  constructor(index, rate = 'learningRate') {
    const { layers, beta1, beta2, epsilon, threshold, steepness } = work.facts;
    const shape = layers.slice(index, index + 2);
    this.weight = tf.variable(tf.tensor(work.floats(`layer${index + 1}.f32`), shape));
    this.bias = tf.variable(tf.zeros([shape[1]]));
    this.optimizer = tf.train.adam(work.facts[rate], beta1, beta2, epsilon);
    this.threshold = threshold;
    this.steepness = steepness;
  }

  forward(rows) {
    return tf.relu(tf.add(tf.matMul(rows, this.weight), this.bias));
  }

  /** The same in one fused operation; the WASM backend has no gradient for it. */
  infer(rows) {
    return tf.fused.matMul({ a: rows, b: this.weight, bias: this.bias, activation: 'relu' });
  }

  /** `rows` [2B, I]: positive samples, then negative ones. */
  trainStep(rows) {
    return tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => {
        const [positive, negative] = tf.split(tf.mean(tf.square(this.forward(rows)), 1), 2);
        const loss = (margin) => tf.mean(tf.softplus(tf.mul(margin, this.steepness)));
        return tf.add(loss(tf.sub(this.threshold, positive)), loss(tf.sub(negative, this.threshold)));
      }, [this.weight, this.bias]);
      this.optimizer.applyGradients(grads);
      return value.dataSync()[0];
    });
  }

  dispose() {
    tf.dispose([this.weight, this.bias]);
    this.optimizer.dispose();
  }
}

function normalised(rows) {
  return tf.div(rows, tf.sqrt(tf.add(tf.sum(tf.square(rows), 1, true), 1e-12)));
}

function predict() {
  const samples = Array.from({ length: work.facts.predicted }, (_, i) => i);
  const scores = [];
  for (let label = 0; label < work.facts.classes; label++) {
    scores.push(
      tf.tidy(() => {
        let rows = tf.tensor(
          work.labelled(
            samples,
            samples.map(() => label),
          ),
          [samples.length, work.facts.layers[0]],
        );
        const sums = [];
        for (const [index, layer] of network.entries()) {
          rows = layer.infer(index === 0 ? rows : normalised(rows));
          if (index > 0) sums.push(tf.mean(tf.square(rows), 1));
        }
        return tf.addN(sums);
      }),
    );
  }
  return tf.tidy(() => tf.stack(scores, 1)).dataSync();
}

function infer(name) {
  if (name === 'predict') return tf.tidy(predict);
  return tf.tidy(() => network[1].infer(trained.step.rows).dataSync());
}

/** Trains on the first `batches` batches, layer after layer, passing their samples on. */
function trainEpoch(batches, prefix) {
  const { layers, batch } = work.facts;
  const order = work.order(prefix).subarray(0, batches * batch);
  const negatives = work.bytes(`${prefix}negatives.u8`);
  const of = (labels) => Array.from(order, (sample) => labels[sample]);
  const start = performance.now();
  let positive = tf.tensor(work.labelled(order, of(work.labels)), [order.length, layers[0]]);
  let negative = tf.tensor(work.labelled(order, of(negatives)), [order.length, layers[0]]);
  const passed = (layer, rows) =>
    tf.tidy(() => {
      const parts = [];
      for (let at = 0; at < order.length; at += BLOCK)
        parts.push(normalised(layer.infer(tf.slice(rows, at, Math.min(BLOCK, order.length - at)))));
      return tf.concat(parts);
    });
  const losses = [];
  let last;
  for (let index = 0; index < layers.length - 1; index++) {
    last?.dispose();
    last = new Layer(index);
    let sum = 0;
    for (let at = 0; at < order.length; at += batch) {
      const size = Math.min(batch, order.length - at);
      const rows = tf.tidy(() => tf.concat([tf.slice(positive, at, size), tf.slice(negative, at, size)]));
      sum += last.trainStep(rows) * size;
      rows.dispose();
    }
    losses.push(sum / order.length);
    if (index < layers.length - 2) {
      const next = [passed(last, positive), passed(last, negative)];
      tf.dispose([positive, negative]);
      [positive, negative] = next;
    }
  }
  tf.dispose([positive, negative]);
  return { last, losses, seconds: (performance.now() - start) / 1000 };
}

await serve({
  async open({ folder, threads }) {
    setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'))}/dist/`);
    setThreadsCount(threads);
    await tf.setBackend('wasm');
    work = new Workload(folder);
    const { layers, batch } = work.facts;
    network = layers.slice(1).map((_, index) => new Layer(index));
    const pairs = Array.from({ length: 2 * batch }, (_, i) => i % batch);
    const negatives = work.bytes('negatives.u8');
    const labels = pairs.map((sample, i) => (i < batch ? work.labels : negatives)[sample]);
    trained = {
      step: { index: 1, rows: tf.tensor(work.hidden, [2 * batch, layers[1]]) },
      'first-step': { index: 0, rows: tf.tensor(work.labelled(pairs, labels), [2 * batch, layers[0]]) },
    };
    for (const one of Object.values(trained)) one.layer = new Layer(one.index, 'stepLearningRate');
    const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT');
    const about = `TensorFlow.js ${tf.version.tfjs}, backend ${tf.getBackend()}, SIMD ${simd ? 'on' : 'off'}, ${threads} thread(s)`;
    return { about, work: ['step', 'first-step', 'forward', 'predict'], trains: true };
  },
  async run({ work: name }) {
    const start = performance.now();
    if (name in trained) trained[name].layer.trainStep(trained[name].rows);
    else infer(name);
    return { seconds: (performance.now() - start) / 1000 };
  },
  async compute({ work: name, steps }) {
    if (!(name in trained)) return { losses: [], file: work.write(`${NAME}-${name}.f32`, infer(name)) };
    const layer = new Layer(trained[name].index, 'stepLearningRate');
    const losses = Array.from({ length: steps }, () => layer.trainStep(trained[name].rows));
    const file = work.write(`${NAME}-${name}.f32`, layer.weight.dataSync());
    layer.dispose();
    return { losses, file };
  },
  async epoch({ batches }) {
    const { last, seconds } = trainEpoch(batches, '');
    last.dispose();
    return { seconds };
  },
  async compute_epoch({ batches }) {
    const { last, losses } = trainEpoch(batches, 'check-');
    const file = work.write(`${NAME}-epoch.f32`, last.weight.dataSync());
    last.dispose();
    return { losses, file };
  },
});
