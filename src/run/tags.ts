/**
 * RUN/tags.json: words and a note by which people find a run again. No part of the spec: they change no bits and no digest, and may be
 * changed at any time, also while the run goes on.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readRegularFile, TEXT_BYTES } from '../data/sources/regular-file.js';
import { messageOf, PffError } from '../errors.js';
import { writeWhole } from './folder.js';

export const TAGS_FILE = 'tags.json';

/** How people call a run, beside its name. */
export interface RunTags {
  /** Sorted, each once. */
  readonly tags: readonly string[];
  readonly note: string;
}

/** What is to change; a note of no text takes the note away. */
export interface TagChanges {
  readonly add?: readonly string[] | undefined;
  readonly remove?: readonly string[] | undefined;
  readonly note?: string | undefined;
}

const MOST_TAGS = 100;
const MOST_NOTE = 10_000;
// No commas, which part tags on the command line, and nothing that a terminal would act on.
const TAG = /^[^\p{C},]{1,64}$/u;
const tagsSchema = z.object({
  tags: z.array(z.string().regex(TAG)).max(MOST_TAGS),
  note: z.string().max(MOST_NOTE),
});
const NONE: RunTags = { tags: [], note: '' };

/** Of a run folder; none where the file is not there, or cannot be read. */
export function readTags(folder: string): RunTags {
  try {
    return tagsIn(folder);
  } catch {
    return NONE;
  }
}

/** @throws Error where the file is there and cannot be read */
function tagsIn(folder: string): RunTags {
  const file = path.join(folder, TAGS_FILE);
  if (!existsSync(file)) return NONE;
  return tagsSchema.parse(JSON.parse(readRegularFile(file, { maxBytes: TEXT_BYTES }).toString()));
}

/** @throws PffError `files`: what is changed must not be lost */
function tagsToChange(folder: string): RunTags {
  try {
    return tagsIn(folder);
  } catch (error) {
    const why = error instanceof z.ZodError ? 'it has no list of tags and a note' : messageOf(error);
    throw new PffError('files', `${path.join(folder, TAGS_FILE)} cannot be read: ${why}`, {
      hint: 'Mend the file, or remove it to begin anew.',
      cause: error,
    });
  }
}

/** @throws PffError `usage` for a tag or note that cannot be one */
export function checkTags({ add = [], remove = [], note = '' }: TagChanges): void {
  const wrong = [...add, ...remove].find((tag) => !TAG.test(tag.trim()));
  if (wrong !== undefined)
    throw new PffError('usage', `${JSON.stringify(wrong)} is no tag`, {
      hint: 'A tag has 1 to 64 characters, without commas and control characters.',
    });
  if (note.length > MOST_NOTE)
    throw new PffError('usage', `a note has at most ${MOST_NOTE} characters, but this one ${note.length}`, {
      hint: 'Keep longer texts in a file of your own.',
    });
}

/** Changes the tags of a run folder, and returns them as they are now. @throws PffError `usage`, `files` */
export function changeTags(folder: string, changes: TagChanges): RunTags {
  checkTags(changes);
  const old = tagsToChange(folder);
  const gone = new Set(changes.remove?.map((tag) => tag.trim()));
  const all = [...old.tags, ...(changes.add ?? []).map((tag) => tag.trim())];
  const tags = [...new Set(all)].filter((tag) => !gone.has(tag)).sort();
  if (tags.length > MOST_TAGS)
    throw new PffError('usage', `${folder} would have ${tags.length} tags, and there can be at most ${MOST_TAGS}`, {
      hint: 'Remove some first, by --remove.',
    });
  const next = { tags, note: changes.note?.trim() ?? old.note };
  writeWhole(path.join(folder, TAGS_FILE), `${JSON.stringify(next, undefined, 2)}\n`);
  return next;
}
