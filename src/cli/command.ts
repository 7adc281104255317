/** What a command of the program is. */
import { parseLine, type Flags, type ParsedLine } from './flags/flags.js';
import type { Output } from './terminal/output.js';

export interface Command {
  readonly name: string;
  /** Lines such as `pff eval RUN [options]`. */
  readonly usage: readonly string[];
  /** Paragraphs between usage and options. */
  readonly about?: readonly string[];
  readonly flags: Flags;
  /** What the words after the command are, for completion: names, or files or folders; the last one is for all that follow. */
  readonly words?: readonly ('file' | 'folder' | readonly string[])[];
  /** Command lines, each with what it does. */
  readonly examples: readonly (readonly [line: string, text: string])[];
  /** Carries it out and returns the exit code. @throws PffError */
  readonly run: (args: readonly string[], output: Output) => Promise<number>;
}

/** A command as the list of all has it: loaded only when it is asked for. */
export interface ListedCommand {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** A command whose `run` gets its flags parsed, with their types. */
export function defineCommand<F extends Flags>(
  definition: Omit<Command, 'run' | 'flags'> & {
    readonly flags: F;
    readonly run: (line: ParsedLine<F>, output: Output) => Promise<number>;
  },
): Command {
  const { name, flags, run } = definition;
  return { ...definition, run: (args, output) => run(parseLine(name, args, flags), output) };
}
