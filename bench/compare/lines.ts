/** The conversation with a peer: one JSON object a line, each answer with the number of its question. */

export interface Question {
  readonly do: string;
  readonly [argument: string]: unknown;
}

/** What a line of a peer says. */
export type Answer =
  | { readonly id: number; readonly ok: Readonly<Record<string, unknown>> }
  | { readonly id: number; readonly error: string };

/** Why a line is not an answer, or the answer. */
export function parseAnswer(line: string): Answer | { readonly wrong: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { wrong: `not JSON: ${line.slice(0, 200)}` };
  }
  if (typeof value !== 'object' || value === null || !('id' in value) || typeof value.id !== 'number')
    return { wrong: `no answer has this form: ${line.slice(0, 200)}` };
  if ('error' in value) return { id: value.id, error: String(value.error) };
  if ('ok' in value && typeof value.ok === 'object' && value.ok !== null)
    return { id: value.id, ok: value.ok as Readonly<Record<string, unknown>> };
  return { wrong: `neither "ok" nor "error": ${line.slice(0, 200)}` };
}

/** A positive, finite number of an answer. @throws Error that names peer and field otherwise. */
export function secondsOf(peer: string, ok: Readonly<Record<string, unknown>>): number {
  const { seconds } = ok;
  if (typeof seconds === 'number' && seconds > 0 && Number.isFinite(seconds)) return seconds;
  throw new Error(`${peer} says that it took ${String(seconds)} seconds`);
}

/** A list of numbers of an answer. @throws Error that names peer and field otherwise. */
export function numbersOf(peer: string, ok: Readonly<Record<string, unknown>>, field: string): number[] {
  const list = ok[field];
  if (Array.isArray(list) && list.every((one): one is number => typeof one === 'number')) return list;
  throw new Error(`${peer} gives no list of numbers as "${field}"`);
}
