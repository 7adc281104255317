/** What a check of a plugin's part found. */

export interface Finding {
  readonly right: boolean;
  /** What was checked, such as `gradient`. */
  readonly what: string;
  /** What was found, for people. */
  readonly found: string;
}

export function right(what: string, found: string): Finding {
  return { right: true, what, found };
}

export function wrong(what: string, found: string): Finding {
  return { right: false, what, found };
}

/** A finding where `found` says what is wrong; `fine` where it is undefined. */
export function judged(what: string, found: string | undefined, fine: string): Finding {
  return found === undefined ? right(what, fine) : wrong(what, found);
}

/** A figure as people read it. */
export function figure(value: number): string {
  return String(Number(value.toPrecision(4)));
}
