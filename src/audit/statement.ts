/**
 * The two things that keys say in an audited run, as they travel. A statement: "this task, on inputs with these digests, has
 * this output". A draw: "this statement is to be checked, or not", by chance that the statement's maker cannot foresee. Both
 * are signed, together with the run's context (its spec, data and numerics), and only ever added to, never taken back.
 */
import { sha256 } from '#platform/hash';
import { z } from 'zod';
import { MOST_CUTS, type Chain } from './chain.js';
import type { Signer, Verify } from './identity.js';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const signature = z.string().regex(/^[0-9a-f]{128}$/);
const taskName = z.string().regex(/^c\d{1,9}\.(labels|l\d{1,5})$/);
/** Statements or draws about one task: as many keys can have a word in it. */
export const MOST = 64;

export const statementSchema = z.strictObject({
  /** Who says so. */
  key: digest,
  /** Digests of all that the task needs, by the name of the task that made it. */
  inputs: z.record(taskName, digest),
  /** Digest of the output, or `FAILED`. */
  output: digest,
  /** Digests of parameters on the way to it, where the run asks for them (chain.ts). They decide nothing. */
  chain: z
    .strictObject({ batches: z.int().min(1), digests: z.array(digest).min(1).max(MOST_CUTS) })
    .refine(({ batches, digests }) => digests.length <= batches)
    .optional(),
  sig: signature,
});
export type Statement = z.infer<typeof statementSchema>;

export const drawSchema = z.strictObject({
  key: digest,
  /** The statement that was drawn for, or not (`statementId`). */
  of: digest,
  /** How many audits of its maker's had agreed by then: what the rate follows from. */
  agreed: z.int().nonnegative(),
  sig: signature,
});
export type Draw = z.infer<typeof drawSchema>;

/** All that was said about one task. */
export const evidenceSchema = z.strictObject({
  v: z.literal(1),
  statements: z.array(statementSchema).max(MOST),
  draws: z.array(drawSchema).max(MOST),
});
export type Evidence = z.infer<typeof evidenceSchema>;

/** The output of a task that cannot be done, since its loss is no longer finite: the same for everybody. */
export const FAILED = sha256().update('pff output: the training fails').hex();

export type Inputs = Readonly<Record<string, string>>;

/** One text for the same inputs in any order. */
export function inputsText(inputs: Inputs): string {
  return Object.keys(inputs)
    .toSorted()
    .map((need) => `${need} ${inputs[need]}`)
    .join('\n');
}

function statementText(context: string, task: string, inputs: Inputs, output: string, chain?: Chain): string {
  const way = chain ? `${chain.batches} batches: ${chain.digests.join(' ')}\n` : '';
  return `pff statement 1\n${context}\n${task}\n${inputsText(inputs)}\n${output}\n${way}`;
}

function drawText(context: string, task: string, of: string, agreed: number): string {
  return `pff draw 1\n${context}\n${task}\n${of}\n${agreed}\n`;
}

export function makeStatement(
  signer: Signer,
  context: string,
  task: string,
  inputs: Inputs,
  output: string,
  chain?: Chain,
): Statement {
  const sig = signer.sign(statementText(context, task, inputs, output, chain));
  const way = chain && { chain: { batches: chain.batches, digests: [...chain.digests] } };
  return { key: signer.key, inputs, output, ...way, sig };
}

export function makeDraw(signer: Signer, context: string, task: string, of: string, agreed: number): Draw {
  return { key: signer.key, of, agreed, sig: signer.sign(drawText(context, task, of, agreed)) };
}

export function isStatement(verify: Verify, context: string, task: string, statement: Statement): boolean {
  const { key, inputs, output, chain, sig } = statement;
  return verify(key, statementText(context, task, inputs, output, chain), sig);
}

export function isDraw(verify: Verify, context: string, task: string, { key, of, agreed, sig }: Draw): boolean {
  return verify(key, drawText(context, task, of, agreed), sig);
}

/** Statements are of one task each, and are asked for their names often. */
const ids = new WeakMap<Statement, string>();

/** Names what a key says about a task; hex SHA-256. */
export function statementId(task: string, statement: Statement): string {
  const known = ids.get(statement);
  if (known !== undefined) return known;
  const { key, inputs, output } = statement;
  const id = sha256()
    .update(`${key}\n${task}\n${inputsText(inputs)}\n${output}\n`)
    .hex();
  ids.set(statement, id);
  return id;
}
