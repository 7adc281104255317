/**
 * Errors as plain data, for everything that an error crosses: message ports of worker threads, and records on a cluster. One
 * codec for all, so that class, code and hint arrive as they were thrown.
 */
import { codeOf, messageOf, PffError, type PffErrorCode } from './errors.js';

/** JSON and structured clone both carry it. */
export interface EncodedError {
  /** The error's `name`: `PffError`, that of a registered subclass, or anything else for a defect. */
  readonly name: string;
  readonly message: string;
  readonly code?: PffErrorCode | undefined;
  readonly hint?: string | undefined;
  /** What a subclass adds. */
  readonly kind?: string;
  /** Only of errors that are no PffError, which are defects of the program: where it was thrown. */
  readonly stack?: string;
}

type Decode = (message: string, options: { readonly hint?: string }, kind: string) => PffError;

const decoders = new Map<string, Decode>();

/**
 * Has `decodeError` make instances of a subclass of PffError, whose `name` (set in its constructor) is `name`. Called by the
 * module of the subclass, so that whoever can test for the class gets it.
 */
export function registerErrorClass(name: string, decode: Decode): void {
  decoders.set(name, decode);
}

export function encodeError(error: unknown): EncodedError {
  const message = messageOf(error);
  if (error instanceof PffError) {
    const { name, code, hint } = error;
    const kind = 'kind' in error && typeof error.kind === 'string' ? error.kind : undefined;
    return { name, code, message, ...(hint === undefined ? {} : { hint }), ...(kind === undefined ? {} : { kind }) };
  }
  if (!(error instanceof Error)) return { name: 'Error', message };
  const code = codeOf(error);
  const { name, stack } = error;
  return { name, message, ...(typeof code === 'string' && { kind: code }), ...(stack === undefined ? {} : { stack }) };
}

/** The error that `encodeError` was given: of the same class, if this side knows it, else a PffError or an Error. */
export function decodeError({ name, message, code, hint, kind = '', stack }: EncodedError): Error {
  if (code !== undefined) {
    const options = hint === undefined ? {} : { hint };
    const known = decoders.get(name)?.(message, options, kind);
    if (known) return known;
    // A thread that does not know the class hands on what it was, so that the other side gets it back.
    const error = Object.assign(new PffError(code, message, options), { name });
    return kind === '' ? error : Object.assign(error, { kind });
  }
  const error = new Error(message);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return kind === '' ? error : Object.assign(error, { code: kind });
}
