/** A few lines at the end of a terminal that are drawn over each other. */
import { stripVTControlCharacters } from 'node:util';
import type { TextStream } from './output.js';

const LEAST_MS = 100;

export class LiveRegion {
  readonly #stream: TextStream;
  /** Lengths of the lines that are drawn, in columns. */
  #drawn: readonly number[] = [];
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
    const { columns, rows } = this.#stream;
    const frame = fitHeight(lines(), rows - 1).map((line) => fitWidth(line, columns - 1));
    for (const line of frame) text += `\u001B[2K${line}\n`;
    this.#drawn = frame.map((line) => stripVTControlCharacters(line).length);
    this.#stream.write(`${text}\u001B[J`);
  }

  /** Removes what is drawn; other text may follow. */
  clear(): void {
    if (this.#drawn.length > 0) this.#stream.write(`${this.#toStart()}\u001B[J`);
    this.#drawn = [];
    this.#last = -Infinity;
  }

  #toStart(): string {
    // Lines that were drawn in a wider terminal take several rows now; what has left the screen cannot be reached.
    const { columns, rows } = this.#stream;
    const taken = this.#drawn.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / columns)), 0);
    return taken > 0 ? `\r\u001B[${Math.max(1, Math.min(taken, rows - 1))}A` : '';
  }
}

/** Lines that do not fit would scroll away, and each frame push them into the scroll-back again. */
function fitHeight(lines: readonly string[], rows: number): readonly string[] {
  if (lines.length <= rows) return lines;
  const shown = Math.max(1, rows - 1);
  return [...lines.slice(0, shown), ...(rows > 1 ? [`… and ${lines.length - shown} more lines`] : [])];
}

/** A line longer than the terminal would wrap, and the next frame be drawn in the wrong place. */
function fitWidth(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length <= columns ? line : `${plain.slice(0, Math.max(0, columns - 1))}…`;
}
