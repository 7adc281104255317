/** A few lines at the end of a terminal that are drawn over each other. */
import { stripVTControlCharacters } from 'node:util';
import type { TextStream } from './output.js';

const LEAST_MS = 100;

export class LiveRegion {
  readonly #stream: TextStream;
  #drawn = 0;
  #last = -Infinity;

  constructor(stream: TextStream) {
    this.#stream = stream;
  }

  /** Draws the lines in place of the last ones, unless those are too fresh: at most ten times a second. */
  draw(lines: () => readonly string[]): void {
    const now = performance.now();
    if (now - this.#last < LEAST_MS) return;
    this.#last = now;
    // One write for all, so that no half-drawn frame shows.
    let text = this.#toStart();
    const frame = lines();
    for (const line of frame) text += `\u001B[2K${fit(line, this.#stream.columns - 1)}\n`;
    this.#drawn = frame.length;
    this.#stream.write(`${text}\u001B[J`);
  }

  /** Removes what is drawn; other text may follow. */
  clear(): void {
    if (this.#drawn > 0) this.#stream.write(`${this.#toStart()}\u001B[J`);
    this.#drawn = 0;
    this.#last = -Infinity;
  }

  #toStart(): string {
    return this.#drawn > 0 ? `\r\u001B[${this.#drawn}A` : '';
  }
}

/** A line longer than the terminal would wrap, and the next frame be drawn in the wrong place. */
function fit(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length <= columns ? line : `${plain.slice(0, Math.max(0, columns - 1))}…`;
}
