/**
 * The pipeline against its bound: the same spec on one node and on N nodes in turn, one kernel thread each, on real MNIST.
 * Prints for each variant: speed-up over N = 1 in the same run, the speed-up that the schedule allows at the costs
 * measured on one node, the share of it that was reached, and how near `pff simulate --here`, calibrated again in each
 * round, came to the measured time.
 *
 *   npm run bench:pipeline -- [--nodes 2] [--repeat 3] [--layers 784,2000,2000,2000,2000] [--samples 6000] [--splits 8]
 */
import { parseArgs } from 'node:util';
import { calibrate } from '../src/run/calibrate.js';
import { measuredCosts } from '../src/run/measured-costs.js';
import { train } from '../src/run/train.js';
import type { PffVariant } from '../src/schedule/assign.js';
import { graphShape } from '../src/schedule/shape.js';
import type { Span } from '../src/schedule/timeline.js';
import { bound } from '../src/simulate/bound.js';
import { simulate } from '../src/simulate/simulate.js';
import { resolveSpec } from '../src/spec/spec.js';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '2' },
    repeat: { type: 'string', default: '3' },
    layers: { type: 'string', default: '784,2000,2000,2000,2000' },
    samples: { type: 'string', default: '6000' },
    splits: { type: 'string', default: '8' },
    negatives: { type: 'string', default: 'random' },
    variants: { type: 'string', default: 'all-layers,single-layer' },
  },
});
const nodes = Number(values.nodes);
const splits = Number(values.splits);
const spec = resolveSpec({
  layers: values.layers.split(',').map(Number),
  negatives: values.negatives,
  epochs: splits,
  splits,
  trainSamples: Number(values.samples),
  testSamples: 100,
});
const graph = graphShape(spec);

interface Measured {
  readonly seconds: number;
  readonly digest: string;
  readonly spans: Span[];
}

/** One run on one node and one on N nodes: seconds, factors and shares. */
interface Round {
  readonly one: number;
  readonly many: number;
  readonly speedUp: number;
  readonly allowed: number;
  readonly reached: number;
  readonly simulated: number;
  readonly same: boolean;
}

async function measure(variant: PffVariant, count: number): Promise<Measured> {
  const spans: Span[] = [];
  for await (const event of train({ spec, variant, nodes: count, threadsPerNode: 1 })) {
    if (event.type === 'task-finished') spans.push(...event.spans);
    // The makespan of the tasks: workers start once in a run, however long it is.
    if (event.type === 'finished') {
      const start = Math.min(...spans.map((span) => span.start));
      return { seconds: Math.max(...spans.map((span) => span.end)) - start, digest: event.result.modelDigest, spans };
    }
  }
  throw new Error('the run ended without a result');
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

console.log(
  `layers ${values.layers}, ${values.samples} images, ${splits} chapters of one epoch, ${values.negatives} negatives, ${nodes} nodes, ${values.repeat} rounds\n`,
);
console.log(
  '| variant | N = 1, s | N nodes, s | speed-up | allowed by the schedule | reached | simulated / measured | same bits |',
);
console.log('|---|---|---|---|---|---|---|---|');
for (const variant of values.variants.split(',') as PffVariant[]) {
  const rounds: Round[] = [];
  for (let round = 0; round < Number(values.repeat); round++) {
    const one = await measure('sequential', 1);
    // Just before what it is to predict: the machine's own speed drifts.
    const { costs: calibrated } = await calibrate(spec, { threads: 1, nodes });
    const many = await measure(variant, nodes);
    const costs = measuredCosts(graph, one.spans);
    const alone = bound(graph, 'sequential', 1, costs);
    const allowed = alone / bound(graph, variant, nodes, costs);
    const simulated = simulate({ shape: graph, variant, nodes, costs: calibrated }).summary.makespan;
    const speedUp = one.seconds / many.seconds;
    rounds.push({
      one: one.seconds,
      many: many.seconds,
      speedUp,
      allowed,
      reached: speedUp / allowed,
      simulated: simulated / many.seconds,
      same: one.digest === many.digest,
    });
  }
  const of = (pick: (round: Round) => number): number => median(rounds.map(pick));
  const cells = [
    variant,
    of((r) => r.one).toFixed(1),
    of((r) => r.many).toFixed(1),
    `${of((r) => r.speedUp).toFixed(2)}x`,
    `${of((r) => r.allowed).toFixed(2)}x`,
    percent(of((r) => r.reached)),
    percent(of((r) => r.simulated)),
    rounds.every(({ same }) => same) ? 'yes' : 'NO',
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
