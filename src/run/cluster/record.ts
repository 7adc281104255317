/** What a submitted run says of itself, and whether this program with this data may take part in it. */
import { createHash } from 'node:crypto';
import type { Inputs } from '../../data/columns.js';
import type { Dataset } from '../../data/dataset.js';
import { imageSize } from '../../data/dataset.js';
import { describeNumerics, sameNumerics, type Numerics } from '../../kernels/numerics.js';
import { imageValues } from '../../layers/sizes.js';
import { ownSources } from '../../spec/own-parts.js';
import type { OwnKind } from '../../spec/own-parts.js';
import { runSpecSchema, type RunSpec } from '../../spec/spec.js';
import type { PffVariant } from '../../schedule/assign.js';
import type { StorageOptions } from '../../store/nats/server-options.js';
import { specDigest, type RunRecord } from '../../store/cluster/run-record.js';
import { VERSION } from '../version.js';

export interface RunSetting extends StorageOptions {
  readonly run: string;
  readonly spec: RunSpec;
  readonly variant: PffVariant;
  readonly nodes: number;
  readonly numerics: Numerics;
  readonly leaseMs: number;
  readonly audit?: RunRecord['audit'];
}

export function newRunRecord(
  setting: RunSetting,
  dataset: Pick<Dataset, 'name' | 'digest' | 'classes'>,
  inputs?: Inputs,
): RunRecord {
  return {
    v: 2,
    ...setting,
    spec: runSpecSchema.parse(setting.spec),
    version: VERSION,
    specDigest: specDigest(setting.spec),
    ownParts: Object.fromEntries(ownParts(setting.spec).map(({ kind, digest }) => [kind, digest])),
    dataset: {
      name: dataset.name,
      digest: dataset.digest,
      imageSize: imageValues(setting.spec.layers),
      classes: [...dataset.classes],
      ...(inputs && setting.variant === 'federated' && setting.spec.dataset === 'own' ? { inputs } : {}),
    },
    createdMs: Date.now(),
    state: 'open',
  };
}

/** Why this program does not fit the run; undefined if it does. Each difference would be a difference of bits. */
export function misfitOfProgram(record: RunRecord, numerics: Numerics): string | undefined {
  const { run } = record;
  if (record.version !== VERSION) return `run ${run} is of pff ${record.version}, but this node is pff ${VERSION}`;
  if (!sameNumerics(record.numerics, numerics))
    return `run ${run} computes in ${describeNumerics(record.numerics)}, but this node's kernels in ${describeNumerics(numerics)}`;
  if (record.specDigest !== specDigest(record.spec))
    return `the spec of run ${run} is not the one that was submitted (digest ${record.specDigest.slice(0, 16)})`;
  return misfitOfParts(record);
}

/** Why this data is not the run's; undefined if it is. */
export function misfitOfData(record: RunRecord, dataset: Dataset): string | undefined {
  const { run } = record;
  if (record.variant === 'federated') {
    const size = imageSize(dataset.shape);
    if (size !== record.dataset.imageSize)
      return `run ${run} has images of ${record.dataset.imageSize} values, but those of this node have ${size}`;
    if (dataset.classes.length !== record.dataset.classes.length)
      return `run ${run} has ${record.dataset.classes.length} classes, but the data of this node has ${dataset.classes.length}`;
    return undefined;
  }
  if (dataset.digest !== record.dataset.digest)
    return (
      `run ${run} trains on ${record.dataset.name} with digest ${record.dataset.digest.slice(0, 16)}, ` +
      `but the data of this node has ${dataset.digest.slice(0, 16)}. ` +
      (record.spec.dataset === 'own'
        ? 'Copy the file that the run was submitted with to this machine, unchanged, and name it by --data'
        : 'Name the folder with the same files by --data-dir')
    );
  return undefined;
}

/** As `misfitOfProgram`, for what of a plugin the run's spec names. */
export function misfitOfParts({ run, spec, ownParts: expected }: RunRecord): string | undefined {
  for (const { kind, name, digest } of ownParts(spec)) {
    if (digest === undefined)
      return `run ${run} has the ${kind} ${name}, which is of a plugin that is not loaded here (--plugin FILE)`;
    if (digest !== expected[kind])
      return `the ${kind} ${name} of the plugin that is loaded here is not the one that run ${run} was submitted with`;
  }
  return undefined;
}

function ownParts(spec: RunSpec): { kind: OwnKind; name: string; digest: string | undefined }[] {
  return ownSources(spec).map(({ kind, name, source }) => ({
    kind,
    name,
    digest: source === undefined ? undefined : createHash('sha256').update(source).digest('hex'),
  }));
}
