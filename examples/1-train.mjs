// Trains a small network on a part of MNIST and follows it: node examples/1-train.mjs
import { train } from 'pipeline-forward-forward';

const spec = { trainSamples: 10000, testSamples: 1000, layers: [784, 128, 128], epochs: 5 };
for await (const event of train({ spec })) {
  if (event.type === 'task-finished' && event.stats.samples > 0)
    console.log(
      `chapter ${event.task.chapter + 1}, layer ${event.task.layer + 1}: loss ${event.stats.loss / event.stats.samples}`,
    );
  if (event.type === 'finished')
    console.log(`accuracy ${event.result.testAccuracy}, digest ${event.result.modelDigest}`);
}
