/** The entry of the program: finds the command, runs it, turns errors into messages and exit codes. */
import { PffError } from '../errors.js';
import { VERSION } from '../run/version.js';
import type { ListedCommand } from './command.js';
import { COMMANDS } from './commands.js';
import { DONE, exitCodeOf, FAILED } from './exit-codes.js';
import { hasForeignCode } from './foreign-code.js';
import { didYouMean } from '../suggest.js';
import { explained } from './system-errors.js';
import { commandHelp, overview } from './terminal/help.js';
import { heedHangup } from './terminal/interrupt.js';
import { openOutput, type Output, type TextStream } from './terminal/output.js';

/** Runs the program with the words after its name; returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const output = openOutput();
  heedHangup();
  process.on('uncaughtException', (error) => {
    report(error, output.err);
    process.exit(FAILED);
  });
  try {
    const code = await dispatch(args, output);
    return await ended(await afterOutput(code, output), output);
  } catch (error) {
    report(error, output.err);
    return ended(exitCodeOf(explained(error)), output);
  }
}

/** A timer or a socket that a plugin keeps would hold the process for ever. */
async function ended(code: number, { out, err }: Output): Promise<number> {
  if (!hasForeignCode()) return code;
  await out.settled();
  await err.settled();
  process.exit(code);
}

async function dispatch(args: readonly string[], output: Output): Promise<number> {
  const [name, ...rest] = args;
  const { out } = output;
  if (
    name === undefined ||
    ['--help', '-h'].includes(name) ||
    (name === 'help' && rest.every((each) => ['--help', '-h'].includes(each)))
  ) {
    out.write(overview(COMMANDS, VERSION, out.paint));
    return DONE;
  }
  if (['--version', '-V', '-v', 'version'].includes(name)) {
    out.line(VERSION);
    return DONE;
  }
  const listed = findCommand(name === 'help' ? (rest[0] ?? '') : name);
  const command = await listed.load();
  const end = rest.indexOf('--');
  const options = end < 0 ? rest : rest.slice(0, end);
  if (name === 'help' || options.includes('--help') || options.includes('-h')) {
    out.write(commandHelp(command, listed.summary, out.columns, out.paint));
    return DONE;
  }
  return command.run(rest, output);
}

/** What was asked for but did not arrive is a failure, though all work was done. @throws PffError `files` */
async function afterOutput(code: number, { out }: Output): Promise<number> {
  await out.settled();
  if (out.failure === undefined) return code;
  throw new PffError('files', `the output could not be written: ${out.failure}`, {
    hint: 'Is the disk full that standard output goes to? What the command did is done all the same.',
  });
}

/** Names that could mean more than one command. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  serve:
    'pff share RUN --server URL lets browsers take part in a run (pff train --server URL --share does so from its beginning); pff serve-model RUN answers predictions.',
};

function findCommand(name: string): ListedCommand {
  const names = COMMANDS.map((command) => command.name);
  const found = COMMANDS.find((command) => command.name === name);
  if (found !== undefined) return found;
  const elsewhere = ELSEWHERE[name];
  if (elsewhere !== undefined) throw new PffError('usage', `unknown command ${name}`, { hint: elsewhere });
  const what = name.startsWith('-') ? 'option' : 'command';
  throw new PffError('usage', `unknown ${what} ${name}`, {
    hint:
      what === 'option'
        ? `Options come after a command: pff train ${name} …`
        : didYouMean(name, names, `Commands are ${names.join(', ')}.`),
  });
}

/** Errors of this program's users in words; anything else is a defect, whose stack only PFF_DEBUG shows. */
function report(thrown: unknown, err: TextStream): void {
  const error = explained(thrown);
  const mark = err.paint.red('pff:');
  const debug = Boolean(process.env['PFF_DEBUG']);
  if (error instanceof PffError) {
    err.line(`${mark} ${error.message}`);
    if (error.hint !== undefined) err.line(`     ${error.hint}`);
  } else {
    const text = error instanceof Error ? error.message : String(error);
    err.line(`${mark} this is a defect of pff, not of what you asked: ${text}`);
    err.line(debug ? '' : '     Set PFF_DEBUG=1 to see where it happened, and please report it.');
  }
  if (debug && thrown instanceof Error) err.line(thrown.stack ?? '');
  if (debug && thrown instanceof PffError && thrown.cause instanceof Error) err.line(thrown.cause.stack ?? '');
}
