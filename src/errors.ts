/** The one error type that users see: what was asked, what was found, and what to do next. */

export const PFF_ERROR_CODES = [
  /** The request itself is wrong: an unknown option, a bad value, fields that contradict each other. */
  'usage',
  /** A dataset is missing, truncated, corrupt, or does not fit the network. */
  'data',
  /** A run folder, checkpoint or model file is missing, damaged, or already there. */
  'files',
  /** Training itself went wrong: a loss that is no longer finite. */
  'training',
  /** Not enough memory for what was asked. */
  'memory',
  /** Kernels could not be built or loaded, though they were asked for by name. */
  'kernels',
  /** A node or the store broke the protocol, or went away for good. */
  'cluster',
  /** Stopped by the user. */
  'interrupted',
] as const;
/** What kind of error it is. */
export type PffErrorCode = (typeof PFF_ERROR_CODES)[number];

/**
 * An error with a stable code and a hint. `message` says what was asked and what was found; `hint` says what to do next.
 * Anything else that is thrown is a defect of the program.
 */
export class PffError extends Error {
  readonly code: PffErrorCode;
  readonly hint: string | undefined;

  constructor(code: PffErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'PffError';
    this.code = code;
    this.hint = options.hint;
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of an error of the system or of the addon, such as ENOENT; undefined where it has none. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
