/** What a browser that came by a link is told of the run, before anything is loaded: a form that both sides check. */
import { z } from 'zod';
import { runRecordSchema } from '../../store/cluster/run-record.js';

export const sharedRunSchema = z.object({
  record: runRecordSchema,
  chunkBytes: z.int().min(1),
  /** Bytes of the dataset; absent in a federated run, where each node has data of its own. */
  dataBytes: z.int().nonnegative().optional(),
  /** What one node may need at most, with the data. */
  memoryBytes: z.number().nonnegative().optional(),
  /** The machine that shares it. */
  host: z.string(),
});
export type SharedRun = z.infer<typeof sharedRunSchema>;
