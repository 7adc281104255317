/** The two streams of the program: colour only where it is wanted, and readers that go away (`| head`) do no harm. */
import pc from 'picocolors';

export type Paint = ReturnType<typeof pc.createColors>;

export class TextStream {
  readonly #stream: NodeJS.WriteStream;
  /** Colours, or functions that leave text as it is. */
  readonly paint: Paint;
  #readerIsGone = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.paint = pc.createColors(wantsColour(stream));
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      this.#readerIsGone = true;
    });
  }

  /** A terminal that understands control characters. */
  get isTerminal(): boolean {
    return this.#stream.isTTY && process.env['TERM'] !== 'dumb';
  }

  get columns(): number {
    return this.#stream.columns || 80;
  }

  write(text: string): void {
    if (!this.#readerIsGone) this.#stream.write(text);
  }

  line(text = ''): void {
    this.write(`${text}\n`);
  }
}

export interface Output {
  /** What was asked for. */
  readonly out: TextStream;
  /** Progress, warnings and errors. */
  readonly err: TextStream;
}

export function openOutput(): Output {
  return { out: new TextStream(process.stdout), err: new TextStream(process.stderr) };
}

/** https://no-color.org; FORCE_COLOR as other programs have it. */
function wantsColour(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR) return FORCE_COLOR !== '0';
  // A stream that is no terminal has no such property, whatever its type says; picocolors takes undefined for leave to guess.
  return 'isTTY' in stream && stream.isTTY && TERM !== 'dumb';
}
