/** `pff check-plugin`. */
import { PffError } from '../../errors.js';
import { checkPlugin, type PluginReport } from '../../plugin-check/check-plugin.js';
import { defineCommand } from '../command.js';
import { DONE, FAILED } from '../exit-codes.js';
import { dataDirFlag, jsonFlag, notePlugin } from '../flags/common-flags.js';

export const checkPluginCommand = defineCommand({
  name: 'check-plugin',
  usage: ['pff check-plugin FILE [options]'],
  words: ['file'],
  about: [
    'Loads a plugin and checks each of its parts: that it is such a part, that gradients are those of their losses (by differences), that the same bits are computed twice, and that a training of a moment has the same model twice and on two threads. The exit code is 1 if something is wrong.',
    'It runs code of the plugin: give only files that you trust.',
  ],
  flags: { 'data-dir': dataDirFlag, json: jsonFlag },
  examples: [['pff check-plugin margin.mjs', 'what is right and wrong with the parts of margin.mjs']],
  run: async ({ flags, words }, { out }) => {
    const [file, more] = words;
    if (file === undefined || more !== undefined)
      throw new PffError('usage', `pff check-plugin takes one file, but was given ${words.length}`, {
        hint: 'Write pff check-plugin FILE.',
      });
    notePlugin(file);
    const report = await checkPlugin(file, { dataDir: flags['data-dir'] });
    if (flags.json) out.line(JSON.stringify(report));
    else for (const line of lines(report)) out.line(line);
    return report.right ? DONE : FAILED;
  },
});

function lines({ plugin, right, parts }: PluginReport): string[] {
  const wide = Math.max(...parts.flatMap(({ findings }) => findings.map(({ what }) => what.length)), 0);
  const wrong = parts.filter((part) => !part.right).length;
  return [
    ...parts.flatMap(({ kind, name, findings }) => [
      `${kind} ${name}`,
      ...findings.map((each) => `  ${each.right ? 'right' : 'WRONG'}  ${each.what.padEnd(wide)}  ${each.found}`),
    ]),
    '',
    right
      ? `${plugin}: ${parts.length === 1 ? 'its part is' : `all ${parts.length} parts are`} right`
      : `${plugin}: ${wrong} of ${parts.length} ${parts.length === 1 ? 'part' : 'parts'} wrong`,
  ];
}
