/**
 * RUN/cluster.json: of which run on a cluster the folder is, and how that is followed again. Such a folder has no checkpoint, for the
 * cluster keeps the run.
 */
import path from 'node:path';
import { z } from 'zod';
import { readRegularFile, TEXT_BYTES } from '../../data/sources/regular-file.js';
import { plainText } from '../../store/cluster/plain-text.js';
import type { ServerOptions } from '../../store/nats/server-options.js';
import type { RunFolder } from '../folder.js';
import { clusterCommand } from './command.js';

export const CLUSTER_FILE = 'cluster.json';

const noteSchema = z.object({ run: z.string(), attach: z.string() });

/** `attach` is the command that follows the run. */
export type ClusterNote = z.infer<typeof noteSchema>;

/** @param following options of `pff attach` besides those of the server. @throws PffError `files` */
export function noteCluster(
  folder: RunFolder,
  { server, run }: { readonly server: ServerOptions; readonly run: string },
  following: readonly string[],
): void {
  const note: ClusterNote = { run, attach: clusterCommand(server, 'attach', run, ...following) };
  folder.write(CLUSTER_FILE, `${JSON.stringify(note, undefined, 2)}\n`);
}

/** Undefined where the folder is of no run on a cluster. */
export function clusterNote(folder: string): ClusterNote | undefined {
  try {
    const text = readRegularFile(path.join(folder, CLUSTER_FILE), { maxBytes: TEXT_BYTES }).toString();
    const { run, attach } = noteSchema.parse(JSON.parse(text));
    return { run: plainText(run), attach: plainText(attach) };
  } catch {
    return undefined;
  }
}
