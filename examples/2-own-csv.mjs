// Trains on a CSV of your own, with a goodness function of your own, on two nodes: node examples/2-own-csv.mjs [FILE.csv]
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { loadCsv, math, registerObjective, trainToEnd } from 'pipeline-forward-forward';

// A positive sample's goodness has to be above that of its negative by a margin of θ. Worker threads load this file too.
registerObjective('margin', ({ threshold, steepness }) => ({
  evaluate(positive, negative, positiveGradient, negativeGradient) {
    let loss = 0;
    for (let i = 0; i < positive.length; i++) {
      const x = steepness * (threshold - (positive[i] - negative[i]));
      loss += math.softplus(x);
      positiveGradient[i] = -steepness * math.sigmoid(x);
      negativeGradient[i] = steepness * math.sigmoid(x);
    }
    return loss;
  },
}));

if (isMainThread) {
  const file = process.argv[2] ?? fileURLToPath(new URL('points.csv', import.meta.url));
  const data = await loadCsv(file, { label: 'class' });
  const layers = [data.shape.width, 64, 64];
  const spec = { layers, labelMode: 'append', objective: 'margin', steepness: 5, epochs: 60, batch: 16 };
  const { testAccuracy, modelDigest } = await trainToEnd({ spec, nodes: 2, plugins: [import.meta.url] }, data);
  console.log(`accuracy ${testAccuracy.toFixed(3)} on ${data.test.count} rows, digest ${modelDigest}`);
}
