/**
 * The file of one published output: a line of JSON that says what it is and of which run, then its bytes. The digest in that
 * line covers the rest of it too, so that a file that was cut short, changed, misnamed or of another run is noticed. Bytes
 * in, bytes out.
 */
import { sha256 as startSha256 } from '#platform/hash';
import { PffError } from '../../errors.js';
import { sharedBuffer } from '../../platform/shared-memory.js';
import { taskKey, type Task } from '../../schedule/tasks.js';
import type { Output } from '../store.js';

const FORMAT = 'pff-state/2';

/** What fixes the bits of an output besides its task. */
export interface Origin {
  /** Digest of the spec, as far as outputs depend on it. */
  readonly spec: string;
  /** Of pff. */
  readonly version: string;
  readonly numerics: string;
}

/** No header is longer; a file without a line end within this many bytes is damaged. */
const MOST_HEADER_BYTES = 512;

/** The line that stands before an output's bytes in its file. */
export function stateHeader(origin: Origin, task: Task, output: Output): Uint8Array {
  const { steps, buffer } = output;
  const { spec, version, numerics } = origin;
  const sha256 = digestOf(origin, taskKey(task), steps, new Uint8Array(buffer));
  const header = {
    format: FORMAT,
    spec,
    version,
    numerics,
    task: taskKey(task),
    steps,
    bytes: buffer.byteLength,
    sha256,
  };
  return Buffer.from(`${JSON.stringify(header)}\n`);
}

/**
 * Reads the file of `task`'s output, into memory that threads can share.
 * @throws PffError `files` saying what is wrong with it, or that it is not of `origin`.
 */
export function parseState(origin: Origin, task: Task, file: Uint8Array): Output {
  const broken = (what: string): never => {
    throw new PffError('files', what);
  };
  const end = file.subarray(0, MOST_HEADER_BYTES).indexOf(10);
  if (end < 0) return broken(file.length === 0 ? 'it is empty' : 'its first line is cut short or damaged');
  const header = parseHeader(file.subarray(0, end), broken);
  const { format, task: key, steps, bytes, sha256 } = header;
  if (format !== FORMAT) return broken(`its format is ${String(format)}, and ${FORMAT} is read`);
  if (key !== taskKey(task)) return broken(`it holds the output of ${String(key)}, not of ${taskKey(task)}`);
  for (const [field, value] of Object.entries(origin))
    if (header[field] !== value)
      return broken(`it is of another run: its ${field} is ${String(header[field])}, not ${value}`);
  if (!isCount(steps) || !isCount(bytes)) return broken('its first line is damaged');
  const payload = file.subarray(end + 1);
  if (payload.length !== bytes) return broken(`it should hold ${bytes} bytes, but holds ${payload.length}`);
  if (digestOf(origin, key, steps, payload) !== sha256) return broken('its bytes do not match its digest');
  const buffer = sharedBuffer(bytes);
  new Uint8Array(buffer).set(payload);
  return { steps, buffer };
}

function parseHeader(line: Uint8Array, broken: (what: string) => never): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(Buffer.from(line).toString('utf8'));
    return typeof header === 'object' && header !== null ? { ...header } : broken('its first line is damaged');
  } catch (error) {
    if (error instanceof PffError) throw error;
    return broken('its first line is damaged');
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Hex SHA-256 over the run, the output's name, steps and bytes. */
function digestOf({ spec, version, numerics }: Origin, key: string, steps: number, bytes: Uint8Array): string {
  return startSha256().update(`${spec} ${version} ${numerics} ${key} ${steps}\n`).update(bytes).hex();
}
