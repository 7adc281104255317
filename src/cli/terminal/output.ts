/**
 * The two streams of the program: colour only where it is wanted. Readers that go away (`| head`) do no harm, nor does a full disk or a
 * closed terminal: what cannot be written is left out, and said as soon as something can be written again.
 */
import pc from 'picocolors';

export type Paint = ReturnType<typeof pc.createColors>;

export class TextStream {
  readonly #stream: NodeJS.WriteStream;
  /** Colours, or functions that leave text as it is. */
  readonly paint: Paint;
  #readerIsGone = false;
  /** Writes since the last one that went through. */
  #lost = 0;
  #failure: string | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.paint = pc.createColors(wantsColour(stream));
    // Each failed write also tells its own callback; an event without a listener would end the program.
    stream.on('error', () => {});
  }

  /** What a write failed with; undefined if all went through, or the reader went away. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Waits until all that was written is on its way, or has failed. */
  async settled(): Promise<void> {
    if (!this.#readerIsGone) await new Promise<void>((resolve) => this.#stream.write('', () => resolve()));
  }

  /** A terminal that understands control characters. */
  get isTerminal(): boolean {
    return this.#stream.isTTY && process.env['TERM'] !== 'dumb';
  }

  get columns(): number {
    return this.#stream.columns || 80;
  }

  get rows(): number {
    return this.#stream.rows || 24;
  }

  write(text: string): void {
    if (this.#readerIsGone) return;
    this.#stream.write(text, (error) => {
      if (error) this.#failed(error);
      else this.#wentThrough();
    });
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (error.code === 'EPIPE') this.#readerIsGone = true;
    else {
      this.#failure = error.message;
      this.#lost += 1;
    }
  }

  #wentThrough(): void {
    if (this.#lost === 0) return;
    const what = `${this.#lost} ${this.#lost === 1 ? 'output' : 'outputs'}`;
    this.#lost = 0;
    // A line may have been cut off in the middle.
    this.#stream.write(`\npff: ${what} could not be written here: ${this.#failure}\n`, (error) => {
      if (error) this.#failed(error);
    });
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
