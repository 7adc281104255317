/** Texts of a cell that stand for nothing. */

const NOTHING = new Set(['', 'na', 'n/a', 'nan', 'null', 'none', '?', '-']);

/** Of these there are classes: of nothing found, or of minus beside plus. */
const CLASSES = new Set(['none', '-']);

/** Whether a text in a column of classes says that there is none. */
export function isNoClass(text: string): boolean {
  return isNothing(text) && !CLASSES.has(text.trim().toLowerCase());
}

/** Whether a text says that there is no value. */
export function isNothing(text: string): boolean {
  return NOTHING.has(text.trim().toLowerCase());
}
