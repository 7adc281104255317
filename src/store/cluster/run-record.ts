/** What the register of runs says of one run: all that a node needs to know to join it, and whether it still goes on. */
import { MOST_CUTS } from '../../audit/chain.js';
import { MOST_CLASSES } from '../../data/label-array.js';
import { sha256 } from '#platform/hash';
import { z } from 'zod';
import { inputsSchema } from '../../data/columns.js';
import { numericsSchema } from '../../kernels/numerics.js';
import { PFF_VARIANTS } from '../../schedule/assign.js';
import { OWN_KINDS } from '../../spec/own-parts.js';
import { isPlain } from './plain-text.js';
import { plain } from './records.js';
import { runSpecSchema, type RunSpec } from '../../spec/spec.js';

/** A run's name is a word of a subject and part of its streams' names, where `_` parts it from ours (nats/engine.ts). */
export const RUN_NAME = /^[A-Za-z0-9][A-Za-z0-9-]{0,47}$/;

/** An Ed25519 public key, in hex. */
const key = z.string().regex(/^[0-9a-f]{64}$/);

/** Whether all texts in it do. */
export function printsAsItIs(value: unknown): boolean {
  if (typeof value === 'string') return isPlain(value);
  return typeof value !== 'object' || value === null || Object.values(value).every(printsAsItIs);
}

export const runRecordSchema = z.strictObject({
  v: z.literal(2),
  run: z.string().regex(RUN_NAME),
  /**
   * Random, drawn at submission: a name may come again, when a run was removed or a server has lost everything, and what is left of
   * the earlier run must not count in the later one. Older versions wrote none.
   */
  id: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional(),
  /** Version and build of the program (run/version.ts), and the kernels' arithmetic: only equal ones give equal bits. */
  version: plain(100),
  numerics: numericsSchema.refine(printsAsItIs),
  spec: runSpecSchema.refine(printsAsItIs),
  specDigest: z.string().regex(/^[0-9a-f]{64}$/),
  dataset: z.strictObject({
    name: plain(200),
    digest: plain(100),
    /** Values per image, for federated nodes whose data is their own. */
    imageSize: z.int().positive(),
    classes: z.array(plain(200)).min(1).max(MOST_CLASSES),
    /** What the network takes of data of one's own: federated nodes must read theirs so, and a model that is fetched says it. */
    inputs: inputsSchema.refine(printsAsItIs).optional(),
  }),
  /** Hex SHA-256 of what of plugins the spec names (model/own-parts.ts), by field. */
  ownParts: z.partialRecord(z.enum(OWN_KINDS), z.string().regex(/^[0-9a-f]{64}$/)),
  variant: z.enum(PFF_VARIANTS),
  nodes: z.int().min(1).max(10_000),
  leaseMs: z.number().min(100).max(3_600_000),
  storage: z.enum(['file', 'memory']),
  replicas: z.int().min(1).max(5),
  maxBytes: z.int().nonnegative(),
  /** Milliseconds of Unix time by the submitter's clock; for display, and what times of spans count from. */
  createdMs: z.number().min(0).max(8.64e15),
  /** How results are checked (docs/AUDITS.md); not at all unless given. */
  audit: z
    .strictObject({
      /** Of a node that has earned trust: the probability with which a result of it is done again by another. */
      rate: z.number().gt(0).max(1),
      /** Keys whose word decides; those of all nodes unless given. */
      auditors: z.array(key).min(1).max(1000).optional(),
      /** Keys of nodes that may not take part. */
      refuse: z.array(key).min(1).max(1000).optional(),
      /** The submitter's key: only he stops the run. */
      owner: key,
      /** How many digests of parameters on the way each statement carries; none unless given. */
      cuts: z.int().min(1).max(MOST_CUTS).optional(),
    })
    .optional(),
  state: z.enum(['open', 'finished', 'stopped', 'failed', 'removed']),
});
export type RunRecord = z.infer<typeof runRecordSchema>;

/** What tells a run from every other one, also from those of its name. */
export type RunIdentity = Pick<RunRecord, 'run' | 'id'>;

/**
 * Hex SHA-256 of all that a result of the run depends on besides its task, and of how results are audited: what statements about
 * results are about. So nodes that were told other rules have no say.
 */
export function runContext(record: RunRecord): string {
  const { run, id, createdMs, version, numerics, specDigest: spec, dataset, ownParts, audit } = record;
  return sha256()
    .update(
      JSON.stringify([
        run,
        ...(id === undefined ? [] : [id]),
        createdMs,
        version,
        numerics.id,
        spec,
        dataset.digest,
        Object.entries(ownParts).toSorted(([a], [b]) => (a < b ? -1 : 1)),
        [audit?.rate, audit?.auditors, audit?.owner, ...(audit?.refuse ? [audit.refuse] : [])],
      ]),
    )
    .hex();
}

/** Hex SHA-256 of a spec, whatever the order of its fields. */
export function specDigest(spec: RunSpec): string {
  const fields = Object.entries(spec).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sha256().update(JSON.stringify(fields)).hex();
}
