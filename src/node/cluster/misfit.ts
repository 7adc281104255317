/** Whether a program with this data may take part in a run: each difference would be a difference of bits. */
import { imageSize, type Dataset } from '../../data/dataset.js';
import { describeNumerics, sameNumerics, type Numerics } from '../../kernels/numerics.js';
import { ownParts } from '../../spec/own-parts.js';
import { specDigest, type RunRecord } from '../../store/cluster/run-record.js';

/** Why the program of that version and build, with kernels of these numerics, does not fit the run; undefined if it does. */
export function misfitOfProgram(record: RunRecord, numerics: Numerics, version: string): string | undefined {
  const { run } = record;
  if (record.version !== version)
    return `run ${run} is of pff ${record.version}, but this node is pff ${version}. All nodes of a run need the build of pff that submitted it`;
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
