/**
 * Text that others wrote, before it is shown to people: one line, without anything that a terminal would act on (C0, C1,
 * delete), that hides text or turns its direction (Unicode's format characters, line separators).
 */

// Cc: control; Cf: format (direction, tags; the zero-width joiners U+200C and U+200D are part of words and stay);
// Zl, Zp: line and paragraph separators; Cs, Co: no characters.
const UNPRINTABLE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu;

/** `text` as one plain line of at most `most` characters; what does not print becomes a space. */
export function plainText(text: string, most = 2000): string {
  const line = text.replace(UNPRINTABLE, ' ').replace(/ {2,}/g, ' ').trim();
  // Not half of a character of two units.
  return line
    .slice(0, most)
    .replace(/[\ud800-\udbff]$/, '')
    .trimEnd();
}

/** Whether `text` prints as it is. */
export function isPlain(text: string): boolean {
  return text.search(UNPRINTABLE) < 0;
}
