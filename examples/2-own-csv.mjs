// Trains on a CSV of your own, with a goodness function of your own, on two nodes: node examples/2-own-csv.mjs [FILE.csv]
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { loadData, registerGoodness, trainToEnd } from 'pipeline-forward-forward';

// The mean activity in place of the mean square. Worker threads load this file too.
registerGoodness('activity', {
  of: (row) => row.reduce((sum, y) => sum + y, 0) / row.length,
  gradient: (row, out) => out.fill(1 / row.length),
});

if (isMainThread) {
  const file = process.argv[2] ?? fileURLToPath(new URL('points.csv', import.meta.url));
  // The labels are in the column class, or else in the last one; { labelColumn: 'species' } names another.
  const data = await loadData(file);
  const layers = [data.shape.width, 64, 64];
  const spec = { layers, labelMode: 'append', goodness: 'activity', steepness: 5, epochs: 60, batch: 16 };
  const { testAccuracy, modelDigest } = await trainToEnd({ spec, nodes: 2, plugins: [import.meta.url] }, data);
  console.log(`accuracy ${testAccuracy.toFixed(3)} on ${data.test.count} rows, digest ${modelDigest}`);
}
