/** Coming in by the link: its token stands behind the `#` of the address, which no server and no log gets to see. */
import { sharedRunSchema, type SharedRun } from '../../src/page/share/shared-run.js';

const TOKEN = 'pff-token';

/** What whoever shares the run says of it, or why this browser is not let in. Safe to call again, after a loss of connection. */
export async function comeIn(): Promise<
  { readonly shared: SharedRun } | { readonly error: string; readonly away?: true }
> {
  const given = location.hash.slice(1);
  const token = given || sessionStorage.getItem(TOKEN) || '';
  let response: Response;
  try {
    response = await fetch('/join', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token }),
    });
  } catch {
    return {
      error: 'Whoever shares the run does not answer. Is that computer still on, and this one on the same network?',
      away: true,
    };
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (!response.ok) return { error: errorIn(body) ?? `The answer was ${response.status}. Ask for a new link.` };
  const shared = sharedRunSchema.safeParse(body);
  if (!shared.success) return { error: 'The answer is not of this version of pff. Load the page again.' };
  // From here on a cookie says who this is; the token stays for this tab only, in case the server forgets it.
  sessionStorage.setItem(TOKEN, token);
  if (given) history.replaceState(null, '', location.pathname);
  return { shared: shared.data };
}

function errorIn(body: unknown): string | undefined {
  return typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'string'
    ? body.error
    : undefined;
}
