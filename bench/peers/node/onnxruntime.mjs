/** onnxruntime-node on the models that `pff export --to onnx` writes: inference only. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import ort from 'onnxruntime-node';
import { Workload } from './files.mjs';
import { serve } from './lines.mjs';

const NAME = 'onnxruntime-node';
const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json');
let work;
let runs;

async function prepared(model, input, dims, values, output, threads) {
  const session = await ort.InferenceSession.create(join(work.folder, model), {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  const feeds = { [input]: new ort.Tensor('float32', values, dims) };
  return async () => (await session.run(feeds, [output]))[output].data;
}

await serve({
  async open({ folder, threads }) {
    work = new Workload(folder);
    const { layers, batch, predicted } = work.facts;
    runs = {
      forward: await prepared('forward.onnx', 'x', [2 * batch, layers[1]], work.hidden, 'y', threads),
      predict: await prepared(
        'predict.onnx',
        'images',
        [predicted, layers[0]],
        work.pixels(predicted),
        'scores',
        threads,
      ),
    };
    const about = `onnxruntime-node ${version}, CPU, all graph optimisations, ${threads} thread(s)`;
    return { about, work: Object.keys(runs), trains: false };
  },
  async run({ work: name }) {
    const start = performance.now();
    await runs[name]();
    return { seconds: (performance.now() - start) / 1000 };
  },
  async compute({ work: name }) {
    return { losses: [], file: work.write(`${NAME}-${name}.f32`, await runs[name]()) };
  },
});
