/** Texts of a cell that stand for nothing. */

const NOTHING = new Set(['', 'na', 'n/a', 'nan', 'null', 'none', '?', '-']);

/** Whether a text says that there is no value. */
export function isNothing(text: string): boolean {
  return NOTHING.has(text.trim().toLowerCase());
}
