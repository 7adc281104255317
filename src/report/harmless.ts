/** Texts from data and logs that others wrote, before a terminal or a file gets them. */

/** Without control and format characters, which could move a terminal's cursor or break a file. */
export function harmless(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu, '?');
}
