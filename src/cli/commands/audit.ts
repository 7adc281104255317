/** `pff audit`. */
import { PffError } from '../../errors.js';
import type { Parting } from '../../audit/chain.js';
import { count, percent } from '../../report/units.js';
import { auditRun, chainFile, type AuditDetails, type Comparison, type Said } from '../../run/cluster/audit-details.js';
import { shortKey } from '../../run/cluster/audit-report.js';
import { defineCommand } from '../command.js';
import { DONE, FAILED } from '../exit-codes.js';
import { askedKernels, dataDirFlag, jsonFlag, kernelsFlags, loadPlugin, pluginFlag } from '../flags/common-flags.js';
import { numberFlag, textFlag } from '../flags/flags.js';
import { requiredServer, requiredServerFlags } from '../flags/server-flags.js';
import { writeUserFile } from '../../run/user-file.js';
import { interruptible } from '../terminal/interrupt.js';

export const auditCommand = defineCommand({
  name: 'audit',
  usage: ['pff audit RUN --server URL', 'pff audit RUN TASK --server URL [--chain FILE] [--against FILE]'],
  about: [
    'Lists what was disputed in a run with --audit: who said what, since which batch the results differ, and by how much. It works while the run goes on and after it, until the run is removed.',
    'With a task, such as c3.l1 (chapter and layer, from 0), that task is done again on this machine and compared with what was said of it, batch by batch. What it was made of comes from the server, or is done again too where it is gone, which can take as long as the run. The exit code is 1 if this machine has another result than the one that counts.',
  ],
  flags: {
    ...requiredServerFlags,
    chain: textFlag('FILE', "with a task: write the digests of this machine's parameters after every batch"),
    against: textFlag(
      'FILE',
      'with a task: compare with such a file of another machine, to name the first batch that differs',
    ),
    data: textFlag('PATH', 'for runs on data of their own: the same file or folder, unchanged'),
    'data-dir': dataDirFlag,
    init: textFlag('RUN', 'the model that the run began with, if it did with one'),
    ...kernelsFlags(),
    threads: { ...numberFlag('N', 'threads of the kernels', { whole: true, least: 1 }), shownDefault: 'all cores' },
    plugin: pluginFlag,
    json: jsonFlag,
  },
  examples: [
    ['pff audit RUN', 'what was disputed, with $PFF_SERVER set'],
    ['pff audit RUN c3.l1 --chain here.json', 'do that task again here, and keep its digests'],
    ['pff audit RUN c3.l1 --against here.json', 'the same on the other machine: the first batch that differs'],
  ],
  run: async ({ flags, words }, { out, err }) => {
    const [run, task, more] = words;
    if (run === undefined || more !== undefined)
      throw new PffError('usage', `pff audit takes a run, and perhaps a task, but was given ${words.length}`, {
        hint: 'Write pff audit RUN, or pff audit RUN c3.l1.',
      });
    for (const name of ['chain', 'against'] as const)
      if (task === undefined && flags[name] !== undefined)
        throw new PffError('usage', `--${name} is of a task, but none was named`, {
          hint: `Write pff audit ${run} TASK --${name} ${flags[name]}; pff audit ${run} lists those that are disputed.`,
        });
    const server = requiredServer(flags);
    await loadPlugin(flags);
    return interruptible(
      () => err.line('ending; Ctrl-C again ends at once'),
      async (signal) => {
        const details = await auditRun(server, run, {
          task,
          against: flags.against,
          kernels: askedKernels(flags) ?? 'auto',
          threads: flags.threads,
          dataDir: flags['data-dir'],
          data: flags.data,
          init: flags.init,
          signal,
        });
        const { comparison } = details;
        if (flags.chain !== undefined && comparison) writeUserFile(flags.chain, chainFile(run, comparison));
        if (flags.json) out.line(JSON.stringify(details));
        else for (const line of comparison ? comparedLines(comparison) : lines(details)) out.line(line);
        return comparison && !isRight(comparison) ? FAILED : DONE;
      },
    );
  },
});

/** Whether this machine has the result that counts, as far as anybody has one. */
function isRight({ said, against }: Comparison): boolean {
  const counting = said.filter(({ refuted, sameInputs }) => !refuted && sameInputs);
  return against?.agrees !== false && (counting.length === 0 || counting.some(({ agrees }) => agrees));
}

function nameOf({ key, nodes }: Pick<Said, 'key' | 'nodes'>): string {
  return `key ${shortKey(key)} (${nodes.join(', ') || 'gone'})`;
}

/** `batch 7`, or `batches 5 to 8`. */
function batchesOf({ first, last }: Parting): string {
  return first === last ? `batch ${first}` : `one of batches ${first} to ${last}`;
}

function lines({ run, report, disputes }: AuditDetails): string[] {
  const waiting = report.open.length === 0 ? '' : `, ${report.open.length} still to check`;
  const found = disputes.length === 0 ? 'nothing was disputed' : `${disputes.length} disputed`;
  return [
    `${run}: ${report.checked} results checked${waiting}, ${found}`,
    ...disputes.flatMap(({ task, verdict, said, differences }) => [
      `${task}: ${verdict === 'unclear' ? 'unclear, one more node has to do it' : 'decided'}`,
      ...said.flatMap((each) => [
        `  ${nameOf(each)} says ${each.output.slice(0, 16)}${each.refuted ? ': REFUTED' : ''}`,
        ...(each.parting
          ? [`    its parameters differ from those of the others first after ${batchesOf(each.parting)}`]
          : []),
        ...(each.hasChain ? [] : ['    it gave no digests of parameters on the way']),
      ]),
      ...differences.flatMap(({ key, own, other, values, differing, flipped, largest, scale, meaning }) => [
        `  ${own.slice(0, 8)} and ${other.slice(0, 8)}: ${count(differing)} of ${count(values)} values differ ` +
          `(${percent(values === 0 ? 0 : differing / values)}), ${count(flipped)} of them in one bit, by at most ` +
          `${largest.toPrecision(2)} where the largest value is ${scale.toPrecision(2)} (measured by key ${shortKey(key)})`,
        `    ${meaning}`,
      ]),
      ...(differences.length === 0 ? ['  nobody has measured by how much they differ'] : []),
    ]),
    ...(disputes.length === 0
      ? []
      : ['', `pff audit ${run} ${disputes[0]?.task} does such a task again on this machine`]),
  ];
}

function comparedLines({ task, output, chain, before, said, against }: Comparison): string[] {
  return [
    `${task}: ${output.slice(0, 16)} on this machine${chain ? `, ${chain.batches} batches` : ''}` +
      (before > 0 ? `; ${before} tasks were done before it, as what they made is no longer on the server` : ''),
    ...said.map((each) => {
      if (!each.sameInputs) return `  ${nameOf(each)} says ${each.output.slice(0, 16)} of other inputs`;
      if (each.agrees) return `  ${nameOf(each)} says the same`;
      const since = each.parting
        ? `; parameters differ first after ${batchesOf(each.parting)}`
        : each.hasChain
          ? '; no digest on the way differs'
          : '; it gave no digests of parameters on the way';
      return `  ${nameOf(each)} says ${each.output.slice(0, 16)}${each.refuted ? ', which was refuted' : ''}${since}`;
    }),
    ...(said.length === 0 ? ['  nobody has said anything of it'] : []),
    ...(against
      ? [
          against.agrees
            ? '  the other machine has the same result'
            : `  the other machine has another result${against.parting ? `; parameters differ first after ${batchesOf(against.parting)}` : ''}`,
        ]
      : []),
  ];
}
