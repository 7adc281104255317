/** `pff doctor`. */
import { examineMachine } from '../../doctor/examine.js';
import { machineLines } from '../../report/machine-lines.js';
import { defineCommand } from '../command.js';
import { jsonFlag } from '../flags/common-flags.js';
import { DONE } from '../exit-codes.js';
import { noWords } from '../flags/flags.js';

export const doctorCommand = defineCommand({
  name: 'doctor',
  usage: ['pff doctor [--json]'],
  about: [
    'It measures a real training step in each precision, on one thread and on more, in about two seconds. Other work on the machine makes the figures smaller.',
  ],
  flags: { json: jsonFlag },
  examples: [
    ['pff doctor', 'CPU, kernels, memory, what each precision gains, and what follows'],
    ['pff doctor --json > machine.json', 'the same as data'],
  ],
  run: async ({ flags, words }, { out }) => {
    noWords('doctor', words);
    const report = await examineMachine();
    if (flags.json) out.line(JSON.stringify(report));
    else
      for (const line of machineLines(report, out.columns, { strong: out.paint.bold, faint: out.paint.dim }))
        out.line(line);
    return DONE;
  },
});
