/** `pff status`. */
import { runStatus } from '../../run/cluster/manage.js';
import { percent } from '../../report/units.js';
import { shortKey } from '../../run/cluster/audit-report.js';
import { defineCommand } from '../command.js';
import { jsonFlag } from '../flags/common-flags.js';
import { DONE } from '../exit-codes.js';
import { oneRun, requiredServer, requiredServerFlags } from '../flags/server-flags.js';

export const statusCommand = defineCommand({
  name: 'status',
  usage: ['pff status RUN --server URL'],
  flags: { ...requiredServerFlags, json: jsonFlag },
  examples: [['pff status RUN', 'with $PFF_SERVER set']],
  run: async ({ flags, words }, { out }) => {
    const status = await runStatus(requiredServer(flags), oneRun('status', words));
    if (flags.json) {
      out.line(JSON.stringify(status));
      return DONE;
    }
    const {
      run,
      state,
      variant,
      nodes,
      tasksDone,
      tasks,
      present,
      refused,
      conflicts,
      refusedRecords,
      failure,
      audits,
    } = status;
    out.line(`${run}: ${state}, ${tasksDone} of ${tasks} tasks done, ${variant} on ${nodes} slots`);
    for (const { number, name, state: now, doing } of present) {
      const place = number < nodes ? `slot ${number + 1}` : 'standing by';
      out.line(`  node ${number + 1}  ${name}  ${now}  ${place}${doing === undefined ? '' : `  doing ${doing}`}`);
    }
    if (state === 'open' && !present.some((node) => node.state === 'working' || node.state === 'unknown'))
      out.line('  no node is at work; it waits for one (pff node)');
    for (const { name, why } of refused) out.line(`  refused ${name}: ${why}`);
    for (const text of conflicts) out.line(out.paint.red(`  TWO NODES DISAGREE: ${text}`));
    if (refusedRecords > 0) out.line(`  ${refusedRecords} records were refused: not written by a node of this version`);
    if (audits) {
      out.line(`  audits: ${audits.checked} results checked, ${audits.open.length} still to check`);
      for (const { key, nodes: names, agreed, rate, refused: isOut } of audits.keys)
        out.line(
          `  key ${shortKey(key)}  ${names.join(', ') || 'gone'}  ` +
            (isOut ? 'REFUTED, and refused' : `${agreed} agreed, ${percent(rate)} of its results are checked`),
        );
      for (const { task, verdict, said } of audits.disputes)
        out.line(
          out.paint.red(
            `  ${task} ${verdict}: ${said.map((each) => `${shortKey(each.key)} says ${each.output.slice(0, 16)}`).join(', ')}`,
          ),
        );
    }
    if (failure !== undefined) out.line(`  failed: ${failure}`);
    return DONE;
  },
});
