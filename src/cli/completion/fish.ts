/** Completion for fish, with descriptions. */
import type { CommandCompletion, Values } from './completions.js';

export function fishScript(commands: readonly CommandCompletion[]): string {
  const lines = [
    '# fish completion for pff: pff completion fish > ~/.config/fish/completions/pff.fish',
    'complete -c pff -f',
  ];
  for (const { name, text, options, words } of commands) {
    lines.push(`complete -c pff -n __fish_use_subcommand -a ${name} -d ${quoted(text)}`);
    const here = `-n ${quoted(`__fish_seen_subcommand_from ${name}`)}`;
    for (const { name: option, text: what, values, optional } of options)
      lines.push(
        [
          `complete -c pff ${here} -l ${option.slice(2)} -d ${quoted(what)}`,
          values === undefined || optional ? '' : after(values, true),
        ]
          .join(' ')
          .trimEnd(),
      );
    for (const values of words) lines.push(`complete -c pff ${here} ${after(values, false)}`);
  }
  return `${lines.join('\n')}\n`;
}

function after(values: Values, needed: boolean): string {
  const r = needed ? 'r' : '';
  switch (values.kind) {
    case 'names':
      return `-${r}fa ${quoted(values.names.join(' '))}`;
    case 'file':
      return `-${r}F`;
    case 'folder':
      return `-${r}fa '(__fish_complete_directories)'`;
    case 'any':
      return needed ? '-x' : '';
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
}
