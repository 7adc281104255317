/**
 * What a guest, a node that came by a link, may do in the run that the link is for: what nodes do, and nothing else. There is
 * no way to name another run, and the words of the run's submitter (`stop`) are not a guest's.
 */
import { MAX_RECORD_BYTES } from '../cluster/records.js';
import type { RelayRequest } from './frames.js';

const TASK = 'c\\d{1,9}\\.(?:labels|l\\d{1,5})';
const ID = '[\\w-]{1,64}';
const RECORD = new RegExp(
  `^(?:(?:task|report|audit)\\.${TASK}|node\\.\\d{1,6}|refused\\.${ID}|(?:conflict|difference)\\.${TASK}\\.${ID}|failed|finished)$`,
);
const CHUNK = new RegExp(`^${TASK}\\.[0-9a-f]{16}\\.\\d{1,6}$`);
const CHUNKS = new RegExp(`^${TASK}(?:\\.[0-9a-f]{16})?$`);

/** Why a guest may not do that; undefined if it may. @param size bytes behind the request */
export function refusal(request: RelayRequest, size: number, chunkBytes: number): string | undefined {
  switch (request.call) {
    case 'write':
      if (!RECORD.test(request.key)) return `a guest may not write the record ${request.key}`;
      return size > MAX_RECORD_BYTES ? `a record has at most ${MAX_RECORD_BYTES} bytes` : undefined;
    case 'putChunk':
      if (!CHUNK.test(request.key)) return `a guest may not write the chunk ${request.key}`;
      return size > chunkBytes ? `a chunk has at most ${chunkBytes} bytes` : undefined;
    case 'dropChunks':
      return CHUNKS.test(request.key) ? undefined : `a guest may not drop the chunks ${request.key}`;
    case 'read':
      return /^[\w.-]+$/.test(request.key) ? undefined : `${request.key} is no record`;
    case 'getChunk':
      return CHUNK.test(request.key) ? undefined : `${request.key} is no chunk`;
    default:
      return size > 0 ? `${request.call} takes no bytes` : undefined;
  }
}
