/** What a finished run was and gave, put together from its parts. */
import type { Kernels } from '../kernels/kernels.js';
import type { Evaluation } from '../model/predictor.js';
import { bound } from '../simulate/bound.js';
import { graphShape } from '../schedule/shape.js';
import { taskCount } from '../schedule/tasks.js';
import type { Span, TimelineSummary } from '../schedule/timeline.js';
import type { RunSpec } from '../spec/spec.js';
import type { DatasetFacts } from '../node/prepare.js';
import type { PipelineFigures, RunResult } from './events.js';
import { measuredCosts } from './measured-costs.js';
import type { Execution } from './options.js';

export interface ResultParts {
  readonly spec: RunSpec;
  readonly execution: Execution;
  readonly dataset: DatasetFacts;
  readonly kernels: Pick<Kernels, 'name' | 'numerics'>;
  readonly evaluation: Evaluation;
  readonly trainSeconds: number;
  readonly earlierSeconds: number;
  readonly evaluateSeconds: number;
  readonly modelDigest: string;
  readonly peakStoreBytes: number;
  readonly memoryBoundBytes: number;
  readonly spans: readonly Span[];
  readonly summary: TimelineSummary;
  /** Whether nodes handed inputs on (Single-Layer on one machine). */
  readonly relayed: boolean;
  /** Whether nodes of a cluster did it. */
  readonly followed: boolean;
  readonly validation: Evaluation | undefined;
  readonly best: RunResult['best'] | undefined;
  readonly folder: string | undefined;
}

/** Seconds of training, over all parts of a run that was gone on with. */
export function allTrainSeconds({
  trainSeconds,
  earlierSeconds = 0,
}: Pick<RunResult, 'trainSeconds' | 'earlierSeconds'>): number {
  return trainSeconds + earlierSeconds;
}

export function runResult(parts: ResultParts): RunResult {
  const { spec, execution, dataset, kernels, evaluation, summary } = parts;
  const pipeline = pipelineFigures(parts);
  return {
    testAccuracy: evaluation.accuracy,
    evaluatedOn: dataset.evaluatedOn,
    layerAccuracy: evaluation.layerAccuracy,
    confusion: evaluation.confusion,
    trainSeconds: parts.trainSeconds,
    ...(parts.earlierSeconds > 0 ? { earlierSeconds: parts.earlierSeconds } : {}),
    evaluateSeconds: parts.evaluateSeconds,
    modelDigest: parts.modelDigest,
    dataDigest: dataset.digest,
    dataset: dataset.name,
    kernels: kernels.name,
    numerics: kernels.numerics,
    layers: spec.layers,
    epochs: spec.epochs,
    splits: spec.splits,
    negatives: spec.negatives,
    classifier: spec.classifier,
    objective: spec.objective,
    variant: execution.variant,
    nodes: execution.nodes,
    threadsPerNode: execution.threadsPerNode,
    seed: spec.seed,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    peakStoreBytes: parts.peakStoreBytes,
    ...(parts.followed ? { followed: true as const } : {}),
    memoryBoundBytes: parts.memoryBoundBytes,
    timeSplit: timeSplit(parts.spans, summary, execution.nodes),
    utilisation: summary.utilisation,
    ...(pipeline ? { pipeline } : {}),
    // DFF is carried out on one node, so that its layers' outputs are published but not fetched.
    bytesMoved: execution.variant === 'dff' ? summary.bytesOut : summary.bytesIn,
    ...(parts.validation ? { validationAccuracy: parts.validation.accuracy } : {}),
    ...(parts.best ? { best: parts.best } : {}),
    folder: parts.folder,
    spec,
  };
}

function pipelineFigures({ spec, execution, spans, summary, relayed }: ResultParts): PipelineFigures | undefined {
  const { variant, nodes } = execution;
  if (nodes === 1 || variant === 'sequential' || variant === 'dff') return undefined;
  const shape = graphShape(spec);
  // A resumed run has done a part of its tasks earlier: its time says nothing about the whole.
  if (spans.filter(({ phase }) => phase === 'publish').length < taskCount(shape)) return undefined;
  const costs = measuredCosts(shape, spans);
  const aloneSeconds = bound(shape, 'sequential', 1, costs);
  const { makespan, idle } = summary;
  // It is made of means over tasks: a run whose dear tasks happened to lie beside its longest chain can beat that, and shows it too high.
  const boundSeconds = Math.min(bound(shape, variant, nodes, costs, { sharedMemory: relayed }), makespan);
  return { aloneSeconds, boundSeconds, speedUp: aloneSeconds / makespan, reached: boundSeconds / makespan, idle };
}

function timeSplit(spans: readonly Span[], summary: TimelineSummary, nodes: number): RunResult['timeSplit'] {
  const of = (phase: Span['phase']): number =>
    spans.reduce((sum, span) => sum + (span.phase === phase ? span.end - span.start : 0), 0);
  const [train, pass, labels, wait] = [of('train'), of('pass'), of('labels'), of('wait')];
  return { train, pass, labels, wait, other: Math.max(0, nodes * summary.makespan - train - pass - labels - wait) };
}
