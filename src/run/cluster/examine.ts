/**
 * Whether this process can take part in a run: whatever can be known before it begins, and whose fault it is if not. A run
 * comes from somebody else, so that nothing of it is taken on trust, and nothing is allocated before its bounds are checked.
 */
import type { Dataset } from '../../data/dataset.js';
import { loadDataset } from '../../data/sources/load.js';
import { loadShardData } from '../../data/sources/own/known-data.js';
import { readingOf } from '../../data/readers/reading.js';
import { PffError, messageOf } from '../../errors.js';
import { openKernels, type KernelsChoice } from '../../kernels/open.js';
import { resolveSpec } from '../../spec/spec.js';
import { plainText } from '../../store/cluster/plain-text.js';
import type { RunRecord } from '../../store/cluster/run-record.js';
import { checkGraph } from '../../schedule/bounds.js';
import { checkInitial, readInitial, type Initial } from '../initial.js';
import { checkMemory, nodeMemoryBound } from '../memory.js';
import { checkFit } from '../options.js';
import { prepareData, type PreparedData } from '../../node/prepare.js';
import { beyondBounds, type NodeBounds } from './node-bounds.js';
import { misfitOfData, misfitOfProgram } from '../../node/cluster/misfit.js';
import { checkServerBytes } from './submit.js';
import { PROGRAM } from '../version.js';

export interface Means extends NodeBounds {
  readonly kernels: KernelsChoice;
  readonly dataDir?: string | undefined;
  /** Where data of one's own lie, for runs on such. */
  readonly data?: string | undefined;
  /** The model that runs begin with which say so. */
  readonly init?: string | undefined;
}

export type Examined =
  | { readonly prepared: PreparedData; readonly initial: Initial | undefined }
  /** This node cannot do the run, perhaps others can. `told`: what others are told, where the reason may quote rows of its data. */
  | { readonly refusal: string; readonly told?: string }
  /** Nobody can. */
  | { readonly failure: PffError };

/** Never throws what is wrong with the run or this node for it; only defects. */
export async function examine(record: RunRecord, means: Means): Promise<Examined> {
  const { spec, variant, nodes } = record;
  const federated = variant === 'federated';
  const refused = (error: unknown): Examined => {
    if (error instanceof PffError) return { refusal: wordsOf(error) };
    throw error;
  };
  /** Spec and program are the same on every node, and data too, but for federated ones. */
  const failed = (error: unknown): Examined => {
    if (error instanceof PffError && (error.code === 'usage' || error.code === 'data')) return { failure: error };
    return refused(error);
  };
  try {
    const { kernels } = await openKernels({ kernels: means.kernels, threads: 1, precision: spec.precision });
    kernels.close();
    const why = misfitOfProgram(record, kernels.numerics, PROGRAM);
    if (why !== undefined) return { refusal: plainText(why) };
  } catch (error) {
    return refused(error);
  }
  try {
    const execution = { variant, nodes, threadsPerNode: 1, kernels: means.kernels };
    checkGraph(resolveSpec(spec));
    checkFit(spec, execution, true);
  } catch (error) {
    return failed(error);
  }
  const beyond = beyondBounds(record, means);
  if (beyond !== undefined) return { refusal: plainText(beyond) };
  let dataset;
  try {
    dataset = await dataOfNode(record, means);
  } catch (error) {
    if (!(error instanceof PffError)) throw error;
    return {
      refusal: plainText(`the data of run ${record.run} is not here: ${wordsOf(error)}`),
      // Of a public dataset there is nothing to keep.
      ...(federated || spec.dataset === 'own' ? { told: unreadable(record) } : {}),
    };
  }
  const why = misfitOfData(record, dataset);
  if (why !== undefined) return { refusal: plainText(why) };
  let prepared;
  try {
    prepared = prepareData(dataset, federated ? { ...spec, shards: 1, skew: 0, testSamples: 0 } : spec);
    // Of a federated run a node knows its own part only.
    if (!federated) checkServerBytes(record, prepared);
  } catch (error) {
    if (!federated) return failed(error);
    const found = refused(error);
    return 'refusal' in found ? { ...found, told: unreadable(record) } : found;
  }
  try {
    checkMemory(nodeMemoryBound(spec, { variant, nodes }, prepared, record.audit !== undefined), 1, means.maxMemory);
  } catch (error) {
    return refused(error);
  }
  try {
    return { prepared, initial: initialOf(record, means, prepared) };
  } catch (error) {
    return refused(error);
  }
}

/** What others are told of data that cannot be used: never what stands in them. */
function unreadable({ run }: RunRecord): string {
  return `its data cannot be used for run ${run}; the node itself says why`;
}

/** @throws PffError where the model that the run begins with was not given to this node, or another one was */
function initialOf({ run, spec, dataset }: RunRecord, { init }: Means, { layout }: PreparedData): Initial | undefined {
  if (spec.init === '') return undefined;
  if (init === undefined)
    throw new PffError(
      'cluster',
      `run ${run} begins with the model of digest ${spec.init.slice(0, 16)}, which is not here`,
      {
        hint: 'Give it to the node by --init.',
      },
    );
  const initial = readInitial(init, { spec, layout, classes: dataset.classes, inputs: dataset.inputs });
  checkInitial(initial.digest, spec, init);
  return initial;
}

/** The data of a run as this node has them. @throws PffError */
export async function dataOfNode(
  { spec, variant, dataset: { inputs, classes } }: RunRecord,
  means: Pick<Means, 'data' | 'dataDir'>,
): Promise<Dataset> {
  const { dataset } = spec;
  const dataDir = dataset === 'own' ? (means.data ?? means.dataDir) : means.dataDir;
  if (variant !== 'federated') return loadDataset({ dataset, dataDir, reading: readingOf(spec) });
  // A federated node's own data is only trained on, and read as those of the others are.
  if (inputs === undefined || dataDir === undefined)
    return loadDataset({ dataset, dataDir, needs: 'train', reading: readingOf(spec) });
  return loadShardData(dataDir, { inputs, classes }, spec);
}

/** What an error says, or a record of one, with what to do, as one line. */
export function wordsOf(error: unknown): string {
  const hint = typeof error === 'object' && error !== null && 'hint' in error ? error.hint : undefined;
  const message =
    typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : messageOf(error);
  return plainText(typeof hint === 'string' ? `${message}. ${hint}` : message);
}
