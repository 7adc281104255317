/** Completion for bash. */
import type { CommandCompletion, Values } from './completions.js';

export function bashScript(commands: readonly CommandCompletion[]): string {
  return `# bash completion for pff: eval "$(pff completion bash)"
_pff_paths() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "$1" -- "$2"))
}
_pff() {
  local cur prev command
  cur=\${COMP_WORDS[COMP_CWORD]}
  prev=\${COMP_WORDS[COMP_CWORD-1]}
  # Bash takes --option=value apart at the equals sign.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  COMPREPLY=()
  if (( COMP_CWORD == 1 )); then
    COMPREPLY=($(compgen -W ${quoted([...commands.map(({ name }) => name), '--help', '--version'].join(' '))} -- "$cur"))
    return
  fi
  command=\${COMP_WORDS[1]}
  case $command in
${commands.map(ofCommand).join('\n')}
  esac
}
complete -F _pff pff
`;
}

function ofCommand({ name, options, words }: CommandCompletion): string {
  const withValue = options.flatMap(({ name: option, values, optional }) =>
    values === undefined || optional ? [] : [{ option, reply: reply(values) }],
  );
  const names = options.map(({ name: option }) => option).join(' ');
  return [
    `    ${name})`,
    ...(withValue.length === 0
      ? []
      : [
          '      case $prev in',
          ...withValue.map(({ option, reply: line }) => `        ${option}) ${line}; return ;;`),
          '      esac',
        ]),
    `      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W ${quoted(names)} -- "$cur")); return; fi`,
    ...words.map((values, i) => {
      const place = i === words.length - 1 ? `COMP_CWORD >= ${i + 2}` : `COMP_CWORD == ${i + 2}`;
      return `      if (( ${place} )); then ${reply(values)}; return; fi`;
    }),
    '      ;;',
  ].join('\n');
}

function reply(values: Values): string {
  switch (values.kind) {
    case 'names':
      return `COMPREPLY=($(compgen -W ${quoted(values.names.join(' '))} -- "$cur"))`;
    case 'file':
      return '_pff_paths -f "$cur"';
    case 'folder':
      return '_pff_paths -d "$cur"';
    case 'any':
      return 'COMPREPLY=()';
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
