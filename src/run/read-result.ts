/** RUN/result.json as it is read again. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readRegularFile, TEXT_BYTES } from '../data/sources/regular-file.js';
import { messageOf, PffError } from '../errors.js';
import type { RunResult } from './events.js';
import { RESULT_FILE } from './folder.js';

/** What readers of results rely on; results of other versions may have more and less besides. */
const resultSchema = z.looseObject({
  testAccuracy: z.number().min(0).max(1),
  evaluatedOn: z.enum(['test', 'validation']),
  validationAccuracy: z.number().min(0).max(1).optional(),
  // Of more than 256 classes, the pairs that occurred.
  confusion: z.union([
    z.array(z.array(z.number())),
    z.looseObject({ classes: z.int(), pairs: z.array(z.tuple([z.int(), z.int(), z.int()])) }),
  ]),
  trainSeconds: z.number(),
  earlierSeconds: z.number().optional(),
  modelDigest: z.string(),
  dataDigest: z.string(),
  dataset: z.string(),
  epochs: z.int(),
  variant: z.string(),
  nodes: z.int(),
});

/** The result in a run folder; undefined where there is none. @throws PffError `files` where it is damaged */
export function readResult(folder: string): RunResult | undefined {
  const file = path.join(folder, RESULT_FILE);
  if (!existsSync(file)) return undefined;
  const damaged = (why: string, cause?: unknown): PffError =>
    new PffError('files', `${file} is damaged: ${why}`, {
      hint: 'Remove it; pff train --resume then evaluates the run again.',
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(readRegularFile(file, { maxBytes: TEXT_BYTES }).toString());
  } catch (error) {
    throw damaged(messageOf(error), error);
  }
  const parsed = resultSchema.safeParse(value);
  if (parsed.success) return value as RunResult;
  const [issue] = parsed.error.issues;
  throw damaged(issue?.path.length ? `${issue.path.join('.')} is missing or wrong` : 'it is no result');
}
