/** The memory of a page: browsers tell no page how much it takes, and collect garbage as they see fit. */

/** Not known in a browser. */
export function residentBytes(): number | undefined {
  return undefined;
}

/** Left to the browser. */
export function collectGarbage(): void {}
