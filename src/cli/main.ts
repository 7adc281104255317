/** The entry of the program: finds the command, runs it, turns errors into messages and exit codes. */
import { PffError, VERSION } from '../index.js';
import { attachCommand } from './commands/attach.js';
import type { Command } from './command.js';
import { completionCommand } from './commands/completion.js';
import { dataCommand } from './commands/data.js';
import { evalCommand } from './commands/eval.js';
import { DONE, exitCodeOf, FAILED } from './exit-codes.js';
import { exportCommand, importCommand } from './commands/export.js';
import { commandHelp, overview } from './terminal/help.js';
import { fetchCommand } from './commands/fetch.js';
import { nodeCommand } from './commands/node.js';
import { openOutput, type Output, type TextStream } from './terminal/output.js';
import { predictCommand } from './commands/predict.js';
import { reportCommand } from './commands/report.js';
import { reproduceCommand } from './commands/reproduce.js';
import { runsCommand } from './commands/runs.js';
import { simulateCommand } from './commands/simulate.js';
import { statusCommand } from './commands/status.js';
import { stopCommand } from './commands/stop.js';
import { didYouMean } from '../suggest.js';
import { traceCommand } from './commands/trace.js';
import { trainCommand } from './commands/train.js';
import { watchCommand } from './commands/watch.js';

const COMMANDS: readonly Command[] = [
  trainCommand,
  evalCommand,
  predictCommand,
  watchCommand,
  reportCommand,
  dataCommand,
  simulateCommand,
  reproduceCommand,
  exportCommand,
  importCommand,
  traceCommand,
  nodeCommand,
  runsCommand,
  statusCommand,
  attachCommand,
  fetchCommand,
  stopCommand,
  completionCommand(() => COMMANDS),
];

/** Runs the program with the words after its name; returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const output = openOutput();
  process.on('uncaughtException', (error) => {
    report(error, output.err);
    process.exit(FAILED);
  });
  try {
    return await dispatch(args, output);
  } catch (error) {
    report(error, output.err);
    return exitCodeOf(error);
  }
}

async function dispatch(args: readonly string[], output: Output): Promise<number> {
  const [name, ...rest] = args;
  const { out } = output;
  if (name === undefined || ['--help', '-h'].includes(name) || (name === 'help' && rest.length === 0)) {
    out.write(overview(COMMANDS, VERSION, out.paint));
    return DONE;
  }
  if (['--version', '-V', '-v', 'version'].includes(name)) {
    out.line(VERSION);
    return DONE;
  }
  const command = findCommand(name === 'help' ? (rest[0] ?? '') : name);
  const end = rest.indexOf('--');
  const options = end < 0 ? rest : rest.slice(0, end);
  if (name === 'help' || options.includes('--help') || options.includes('-h')) {
    out.write(commandHelp(command, out.columns, out.paint));
    return DONE;
  }
  return command.run(rest, output);
}

function findCommand(name: string): Command {
  const names = COMMANDS.map((command) => command.name);
  const found = COMMANDS.find((command) => command.name === name);
  if (found !== undefined) return found;
  const what = name.startsWith('-') ? 'option' : 'command';
  throw new PffError('usage', `unknown ${what} ${name}`, {
    hint:
      what === 'option'
        ? `Options come after a command: pff train ${name} …`
        : didYouMean(name, names, `Commands are ${names.join(', ')}.`),
  });
}

/** Errors of this program's users in words; anything else is a defect, whose stack only PFF_DEBUG shows. */
function report(error: unknown, err: TextStream): void {
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
  if (debug && error instanceof Error) err.line(error.stack ?? '');
}
