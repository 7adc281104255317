/** What a submitted run says of itself. */
import { randomBytes } from 'node:crypto';
import { parseInputs, type Inputs } from '../../data/columns.js';
import type { Dataset } from '../../data/dataset.js';
import type { Numerics } from '../../kernels/numerics.js';
import { imageValues } from '../../layers/sizes.js';
import { ownParts } from '../../spec/own-parts.js';
import { runSpecSchema, type RunSpec } from '../../spec/spec.js';
import type { PffVariant } from '../../schedule/assign.js';
import type { StorageOptions } from '../../store/nats/server-options.js';
import { printsAsItIs, specDigest, type RunRecord } from '../../store/cluster/run-record.js';
import { PROGRAM } from '../version.js';

/** Characters, well within what a record may have (submit.ts). */
const MOST_INPUTS = 100_000;

export interface RunSetting extends StorageOptions {
  readonly run: string;
  readonly spec: RunSpec;
  readonly variant: PffVariant;
  readonly nodes: number;
  readonly numerics: Numerics;
  readonly leaseMs: number;
  readonly audit?: RunRecord['audit'];
}

/** Federated nodes cannot read their data without; others only tell it to those who fetch the model, which is worth no refusal. */
function isShort(inputs: Inputs): boolean {
  return parseInputs(inputs) !== undefined && printsAsItIs(inputs) && JSON.stringify(inputs).length <= MOST_INPUTS;
}

export function newRunRecord(
  setting: RunSetting,
  dataset: Pick<Dataset, 'name' | 'digest' | 'classes'>,
  inputs?: Inputs,
): RunRecord {
  return {
    v: 2,
    id: randomBytes(8).toString('hex'),
    ...setting,
    spec: runSpecSchema.parse(setting.spec),
    version: PROGRAM,
    specDigest: specDigest(setting.spec),
    ownParts: Object.fromEntries(ownParts(setting.spec).map(({ kind, digest }) => [kind, digest])),
    dataset: {
      name: dataset.name,
      digest: dataset.digest,
      imageSize: imageValues(setting.spec.layers),
      classes: [...dataset.classes],
      ...(inputs && setting.spec.dataset === 'own' && (setting.variant === 'federated' || isShort(inputs))
        ? { inputs }
        : {}),
    },
    createdMs: Date.now(),
    state: 'open',
  };
}
