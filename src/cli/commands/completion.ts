/** `pff completion`: a script for the user's shell that completes commands, options and their values. */
import { PffError } from '../../errors.js';
import { defineCommand, type Command, type ListedCommand } from '../command.js';
import { bashScript } from '../completion/bash.js';
import { completions } from '../completion/completions.js';
import { fishScript } from '../completion/fish.js';
import { zshScript } from '../completion/zsh.js';
import { DONE } from '../exit-codes.js';
import { didYouMean } from '../../suggest.js';

const SHELLS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;
const NAMES = Object.keys(SHELLS) as (keyof typeof SHELLS)[];

/** `commands` are all there are, this one too. */
export function completionCommand(commands: readonly ListedCommand[]): Command {
  return defineCommand({
    name: 'completion',
    usage: ['pff completion bash|zsh|fish'],
    about: [
      'The script goes where the shell reads it at its start; the examples say where. It is made from the commands themselves.',
    ],
    flags: {},
    words: [NAMES],
    examples: [
      [`eval "$(pff completion bash)"`, 'in ~/.bashrc'],
      [`eval "$(pff completion zsh)"`, 'in ~/.zshrc, after compinit'],
      ['pff completion fish > ~/.config/fish/completions/pff.fish', 'once'],
    ],
    run: async ({ words }, { out }) => {
      const [shell] = words;
      const name = NAMES.find((each) => each === shell);
      if (name === undefined || words.length !== 1)
        throw new PffError(
          'usage',
          `pff completion takes one shell, but was given ${words.length === 1 ? shell : words.length}`,
          {
            hint: didYouMean(shell ?? '', NAMES, `Write pff completion ${NAMES.join(', or pff completion ')}.`),
          },
        );
      const loaded = commands.map(async ({ summary, load }) => ({ command: await load(), summary }));
      out.write(SHELLS[name](completions(await Promise.all(loaded))));
      return DONE;
    },
  });
}
