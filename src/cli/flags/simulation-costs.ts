/** Where the costs of a simulation come from: measured here, read from a file, or all equal. */
import { readTextFile } from '../../data/sources/regular-file.js';
import { messageOf, PffError } from '../../errors.js';
import type { KernelsChoice } from '../../kernels/open.js';
import { kernelsNotice } from '../../report/kernels-notice.js';
import * as units from '../../report/units.js';
import { calibrate } from '../../run/calibrate.js';
import { writeUserFile } from '../../run/user-file.js';
import { graphShape } from '../../schedule/shape.js';
import { checkCosts, type Costs, equalCosts } from '../../simulate/costs.js';
import type { RunSpec } from '../../spec/spec.js';
import { interruptible } from '../terminal/interrupt.js';
import type { TextStream } from '../terminal/output.js';

export interface CostsAsked {
  /** `equal`, a file, or undefined to measure. */
  readonly costs: string | undefined;
  readonly save: string | undefined;
  readonly threads: number;
  /** How many nodes compute at once while measuring. */
  readonly nodes: number;
  readonly kernels: KernelsChoice | undefined;
  readonly dataDir: string | undefined;
  /** Training samples of the dataset, where it has been loaded. */
  readonly samples: number | undefined;
}

/** Training samples of datasets that are known by name; data that nobody has looked at count as many as MNIST has. */
const KNOWN_SAMPLES: Readonly<Record<string, number>> = { cifar10: 50_000 };
const MNIST_SAMPLES = 60_000;

export interface CostsFound {
  readonly costs: Costs;
  /** Where they come from, in words. */
  readonly source: string;
  /** Samples that are trained on: as measured, or as the spec and its dataset have them. */
  readonly samples: number;
}

/** @throws PffError `usage` for a file that holds no costs of this network. */
export async function findCosts(spec: RunSpec, asked: CostsAsked, err: TextStream): Promise<CostsFound> {
  const found = await costsFrom(spec, asked, err);
  if (asked.save !== undefined) {
    writeUserFile(asked.save, `${JSON.stringify(found.costs, undefined, 2)}\n`);
    err.line(`costs written to ${asked.save}`);
  }
  return found;
}

async function costsFrom(
  spec: RunSpec,
  { costs, threads, nodes, kernels, dataDir, samples: known }: CostsAsked,
  err: TextStream,
): Promise<CostsFound> {
  const shape = graphShape(spec);
  const samples = samplesOf(spec, known ?? KNOWN_SAMPLES[spec.dataset] ?? MNIST_SAMPLES);
  if (costs === 'equal') return { costs: equalCosts(shape), source: 'equal layers of 1 s, passes free', samples };
  if (costs !== undefined) {
    const read = readCosts(costs);
    checkCosts(shape, read);
    return { costs: read, source: costs, samples };
  }
  err.line('measuring this machine on a few batches …');
  const measured = await interruptible(
    () => err.line('stopping'),
    (signal) => calibrate(spec, { threads, nodes, kernels, dataDir, signal }),
  );
  const together = nodes > 1 ? `, ${nodes} nodes at once` : '';
  const each = `${threads} ${threads === 1 ? 'thread' : 'threads'} a node${together}`;
  if (measured.kernelsReason !== undefined) err.line(`pff: ${kernelsNotice(measured.kernels, measured.kernelsReason)}`);
  return {
    samples: measured.samples,
    costs: measured.costs,
    source: `measured here in ${units.duration(measured.seconds)}, ${measured.kernels} kernels, ${each}`,
  };
}

function samplesOf({ trainSamples, validationSamples }: RunSpec, all: number): number {
  return Math.max(1, (trainSamples > 0 ? Math.min(trainSamples, all) : all) - validationSamples);
}

function readCosts(file: string): Costs {
  const hint = 'pff simulate --save-costs FILE writes such a file; --costs equal needs none.';
  let given: unknown;
  try {
    given = JSON.parse(readTextFile(file));
  } catch (error) {
    throw new PffError('usage', `--costs ${file} cannot be read: ${messageOf(error)}`, { hint, cause: error });
  }
  if (!isCosts(given))
    throw new PffError(
      'usage',
      `--costs ${file} must have train, pass, stateBytes (lists), head, labels, labelBytes (numbers)`,
      { hint },
    );
  return given;
}

function isCosts(given: unknown): given is Costs {
  if (typeof given !== 'object' || given === null) return false;
  const fields = new Map(Object.entries(given));
  const isList = (value: unknown): boolean => Array.isArray(value) && value.every((each) => typeof each === 'number');
  return (
    ['train', 'pass', 'stateBytes'].every((name) => isList(fields.get(name))) &&
    ['head', 'labels', 'labelBytes'].every((name) => typeof fields.get(name) === 'number')
  );
}
