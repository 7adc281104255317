// Stops a run in its middle, goes on with it, and exports the model: node examples/3-resume-and-export.mjs
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { exportModel, train, trainToEnd } from 'pipeline-forward-forward';

const out = path.join(mkdtempSync(path.join(tmpdir(), 'pff-example-')), 'run');
const spec = { trainSamples: 2000, testSamples: 500, layers: [784, 64, 64], epochs: 6 };
const stop = new AbortController();
try {
  for await (const event of train({ spec, out, signal: stop.signal }))
    if (event.type === 'task-finished' && event.task.chapter === 2) stop.abort();
} catch (error) {
  console.log(`${error.message}. ${error.hint}`);
}
const resumed = await trainToEnd({ resume: out });
const whole = await trainToEnd({ spec });
console.log(`the same bits: ${resumed.modelDigest === whole.modelDigest}`);
console.log(`written: ${(await exportModel(out, { to: 'onnx' })).file}`);
