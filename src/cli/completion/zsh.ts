/** Completion for zsh, with descriptions. */
import type { CommandCompletion, Values } from './completions.js';

export function zshScript(commands: readonly CommandCompletion[]): string {
  return `#compdef pff
# zsh completion for pff: eval "$(pff completion zsh)", after compinit
_pff() {
  local -a commands
  commands=(
${commands.map(({ name, text }) => `    ${quoted(`${name}:${text.replaceAll(':', String.raw`\:`)}`)}`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=\${words[2]}
  shift words
  (( CURRENT-- ))
  case $command in
${commands.map(ofCommand).join('\n')}
  esac
}
if [[ \${funcstack[1]-} == _pff ]]; then _pff "$@"; else compdef _pff pff; fi
`;
}

function ofCommand({ name, options, words }: CommandCompletion): string {
  const specs = [
    ...options.map(({ name: option, text, values, optional }) => {
      const value = values === undefined ? '' : `${optional ? '::' : ':'}value:${action(values)}`;
      return `${option}${values === undefined || optional ? '' : '='}[${escaped(text)}]${value}`;
    }),
    ...words.map((values, i) => `${i === words.length - 1 ? '*' : i + 1}:word:${action(values)}`),
  ];
  return [
    `    ${name})`,
    '      _arguments -s \\',
    ...specs.map((spec, i) => `        ${quoted(spec)}${i < specs.length - 1 ? ' \\' : ''}`),
    '      ;;',
  ].join('\n');
}

function action(values: Values): string {
  switch (values.kind) {
    case 'names':
      return `(${values.names.join(' ')})`;
    case 'file':
      return '_files';
    case 'folder':
      return '_files -/';
    case 'any':
      return ' ';
  }
}

/** For the brackets of _arguments. */
function escaped(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, String.raw`\$&`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
