/** The texts of `pff --help` and `pff help COMMAND`. */
import type { Command, ListedCommand } from '../command.js';
import type { Flag } from '../flags/flags.js';
import { wrapText } from '../../report/wrap.js';
import type { Paint } from './output.js';

export function overview(commands: readonly ListedCommand[], version: string, paint: Paint): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    `${paint.bold('pff')} ${version}: trains neural networks layer by layer, in a pipeline, with Forward-Forward objectives`,
    '',
    paint.bold('Usage'),
    '  pff COMMAND [options]',
    '',
    paint.bold('Commands'),
    ...commands.map(({ name, summary }) => `  ${paint.cyan(name.padEnd(width))}  ${summary}`),
    '',
    paint.bold('Examples'),
    '  pff train                          train on MNIST, in about a minute on two cores',
    '  pff train --nodes 2 --epochs 4     the same network in a pipeline of two nodes',
    '  pff eval RUN                       measure a trained network again; RUN is the folder that pff train made',
    '  pff predict RUN digit.png test:7   classify images',
    '',
    `pff help COMMAND explains a command. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.`,
    '',
  ].join('\n');
}

export function commandHelp(command: Command, summary: string, columns: number, paint: Paint): string {
  const lines = [`${paint.bold(`pff ${command.name}`)}: ${summary}`, '', paint.bold('Usage')];
  lines.push(...command.usage.map((line) => `  ${line}`));
  for (const paragraph of command.about ?? []) lines.push('', ...wrap(paragraph, columns));
  const flags = Object.entries(command.flags);
  const groups = [...new Set(flags.map(([, flag]) => flag.group ?? 'Options'))];
  const left = new Map(flags.map(([name, flag]) => [name, signature(name, flag)]));
  const width = Math.max(0, ...[...left.values()].map((text) => text.length));
  for (const group of groups) {
    lines.push('', paint.bold(group));
    for (const [name, flag] of flags) {
      if ((flag.group ?? 'Options') !== group) continue;
      const text = !flag.shownDefault ? flag.text : `${flag.text} (default ${flag.shownDefault})`;
      const [first = '', ...more] = wrap(text, Math.max(30, columns - width - 4));
      lines.push(`  ${paint.cyan((left.get(name) ?? '').padEnd(width))}  ${first}`);
      lines.push(...more.map((line) => ' '.repeat(width + 4) + line));
    }
  }
  lines.push('', paint.bold('Examples'));
  for (const [line, text] of command.examples) lines.push(`  ${paint.cyan(line)}`, `      ${text}`);
  lines.push('');
  return lines.join('\n');
}

function signature(name: string, { value, takes }: Flag<unknown>): string {
  if (value === undefined) return `--${name}`;
  return takes === undefined ? `--${name} ${value}` : `--${name} [${value}]`;
}

/** Lines that stay readable on a wide terminal, too. */
function wrap(text: string, columns: number): string[] {
  return wrapText(text, Math.min(columns, 110));
}
