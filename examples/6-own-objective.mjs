// An objective of your own with heads of its own and a local loss: node examples/6-own-objective.mjs
// pff check-plugin examples/6-own-objective.mjs says whether its gradient is that of the loss.
import { isMainThread } from 'node:worker_threads';
import { math, registerObjective, trainToEnd } from 'pipeline-forward-forward';

const [COARSE, QUIET] = [0.2, 0.01];

/** Each layer tells the classes apart by a margin, also odd ones from even ones, and keeps its activations small. */
const margins = {
  // The first head predicts; the second one has a single output.
  heads: [{ outputs: 'classes' }, { name: 'odd', outputs: 1 }],
  scores: 'outputs',
  loss: () => ({
    evaluate({ activations, heads: [scores, odd], labels, classes, activationGradient, headGradients }) {
      let loss = 0;
      labels.forEach((label, b) => {
        const of = (c) => b * classes + c;
        for (let c = 0; c < classes; c++) {
          const lack = c === label ? 0 : Math.max(0, 1 - (scores[of(label)] - scores[of(c)]));
          loss += lack * lack;
          headGradients[0][of(c)] += 2 * lack;
          headGradients[0][of(label)] -= 2 * lack;
        }
        const sign = label % 2 === 1 ? 1 : -1;
        loss += COARSE * math.softplus(-sign * odd[b]);
        headGradients[1][b] = -COARSE * sign * math.sigmoid(-sign * odd[b]);
      });
      activations.forEach((activation, i) => {
        loss += QUIET * activation * activation;
        activationGradient[i] = 2 * QUIET * activation;
      });
      return loss;
    },
  }),
};

// For worker threads and the command line, which load this file as a plugin.
export default { objectives: { margins } };

if (isMainThread && process.argv[1] === import.meta.filename) {
  registerObjective('margins', margins);
  const spec = { objective: 'margins', layers: [784, 100, 100], trainSamples: 2000, testSamples: 500, epochs: 4 };
  const { testAccuracy, modelDigest } = await trainToEnd({ spec, nodes: 2, plugins: [import.meta.filename] });
  console.log(`accuracy ${testAccuracy.toFixed(3)}, digest ${modelDigest}`);
}
