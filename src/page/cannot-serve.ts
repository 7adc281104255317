import { codeOf, messageOf, PffError } from '../errors.js';

/** Why a port could not be had, and what to do. @param what was to be served, in a word */
export function cannotServe(
  what: string,
  { host, port }: { readonly host: string; readonly port: number | undefined },
  cause: unknown,
): PffError {
  const hint = codeOf(cause) === 'EADDRINUSE' ? 'Choose another --port.' : 'Choose another --host or --port.';
  const at = `${host}${port ? `:${port}` : ''}`;
  return new PffError('usage', `the ${what} cannot be served at ${at}: ${messageOf(cause)}`, { hint, cause });
}
