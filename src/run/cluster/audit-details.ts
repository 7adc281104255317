/** What is said of the results of a run that are disputed, in detail: who said what, since which batch results differ, and by how much. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { partingOf, type Chain, type Parting } from '../../audit/chain.js';
import { meaningOf, type Difference } from '../../audit/difference.js';
import type { Statement } from '../../audit/statement.js';
import { PffError } from '../../errors.js';
import { isTask, parseTaskKey, taskKey, type Task } from '../../schedule/tasks.js';
import type { ClusterStore } from '../../store/cluster/cluster-store.js';
import type { ServerOptions } from '../../store/nats/server-options.js';
import { auditReport, type AuditReport } from './audit-report.js';
import { checkOptions } from '../../known-options.js';
import type { KernelsChoice } from '../../kernels/open.js';
import { withRun } from './with-run.js';
import { redoTask, type Redone } from './redo.js';

/** What one key says of a disputed task. */
export interface Said {
  readonly key: string;
  /** Names of the nodes with this key, where they are known. */
  readonly nodes: readonly string[];
  readonly output: string;
  readonly refuted: boolean;
  /** Whether it gave digests of parameters on the way. */
  readonly hasChain: boolean;
  /** Batches among which its chain parts from that of the result that counts. */
  readonly parting: Parting | undefined;
}

/** A task of which keys have said different things. */
export interface DisputeDetails {
  readonly task: string;
  readonly verdict: 'refuted' | 'unclear';
  readonly said: readonly Said[];
  /** Measured by those who found the dispute, with what that hints at. */
  readonly differences: readonly (Difference & { readonly meaning: string })[];
}

/** A task that was done again here, beside what is said of it. */
export interface Comparison extends Redone {
  readonly said: readonly (Said & { readonly agrees: boolean; readonly sameInputs: boolean })[];
  /** Beside a chain of another machine (`against`): whether the outputs are the same, and where the chains part. */
  readonly against: { readonly agrees: boolean; readonly parting: Parting | undefined } | undefined;
}

/** What `pff audit` shows: how far the audits are, what was disputed, and the task that was done again, if one was asked for. */
export interface AuditDetails {
  readonly run: string;
  readonly report: AuditReport;
  readonly disputes: readonly DisputeDetails[];
  readonly comparison: Comparison | undefined;
}

/** What of an audited run to look into, and with what a task is done again here. */
export interface AuditRunOptions {
  /** Name of a task to do again here, such as `c3.l1`. */
  readonly task?: string | undefined;
  /** `auto` unless given. */
  readonly kernels?: KernelsChoice | undefined;
  /** Threads of the kernels; all cores unless given. */
  readonly threads?: number | undefined;
  readonly dataDir?: string | undefined;
  /** Where data of one's own lie, for runs on such. */
  readonly data?: string | undefined;
  /** The model that the run began with, if it did with one. */
  readonly init?: string | undefined;
  /** File with the chain of another machine (`pff audit RUN TASK --chain FILE`), to compare with. */
  readonly against?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

const digest = z.string().regex(/^[0-9a-f]{64}$/);
/** Version of chain files. In version 1 the digests were of whole states, in 2 they are of parameters alone. */
const CHAIN_VERSION = 2;
/** The file that `pff audit RUN TASK --chain FILE` writes. */
const chainFileSchema = z.object({
  v: z.literal(CHAIN_VERSION),
  run: z.string(),
  task: z.string(),
  inputs: z.record(z.string(), digest),
  output: digest,
  numerics: z.string(),
  chain: z.object({ batches: z.int().min(1), digests: z.array(digest) }).optional(),
});

export function chainFile(run: string, { task, inputs, output, numerics, chain }: Redone): string {
  return `${JSON.stringify({ v: CHAIN_VERSION, run, task, inputs, output, numerics, chain }, undefined, 1)}\n`;
}

/**
 * What was disputed in a run whose results are audited: who said what, since which batch, and by how much results differ; with `task`, that
 * task done again on this machine, beside what was said of it.
 * @throws PffError `cluster` where the run is not audited or the task cannot be done here; `usage` for a wrong task or file
 */
export async function auditRun(
  server: ServerOptions,
  run: string,
  options: AuditRunOptions = {},
): Promise<AuditDetails> {
  checkOptions('auditRun', options, {
    task: true,
    kernels: true,
    threads: true,
    dataDir: true,
    data: true,
    init: true,
    against: true,
    signal: true,
  });
  const { task: asked, signal } = options;
  return withRun(
    server,
    run,
    async (store, record) => {
      const report = auditReport(store);
      if (!report)
        throw new PffError('cluster', `results of run ${run} are not audited`, {
          hint: 'Submit a run with --audit RATE to have results done again by other nodes.',
        });
      const task = asked === undefined ? undefined : askedTask(store, run, asked);
      const other = options.against === undefined ? undefined : readChain(options.against, run, asked);
      const redone = task && (await redoTask(store, record, task, { ...options, kernels: options.kernels ?? 'auto' }));
      return {
        run,
        report,
        disputes: disputesOf(store, report),
        comparison: redone && comparisonOf(store, report, redone, other),
      };
    },
    // To do a task again takes as long as the task.
    { signal, withinMs: asked === undefined ? undefined : Infinity },
  );
}

function askedTask(store: ClusterStore, run: string, asked: string): Task {
  const { shape } = store;
  const known = /^c\d{1,9}\.(labels|l\d{1,5})$/.test(asked) ? parseTaskKey(asked) : undefined;
  if (known && taskKey(known) === asked && isTask(shape, known)) return known;
  throw new PffError('usage', `run ${run} has no task ${asked}`, {
    hint: `Tasks are named c0.l0 to c${shape.splits - 1}.l${shape.layers + (shape.head ? 1 : 0) - 1}: chapter and layer, from 0.`,
  });
}

function readChain(file: string, run: string, task: string | undefined): z.infer<typeof chainFileSchema> {
  const wrong = (what: string): PffError =>
    new PffError('usage', `${file} ${what}`, {
      hint: `Write one on the other machine, with the same program, by pff audit ${run} ${task ?? 'TASK'} --chain FILE.`,
    });
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw wrong('cannot be read as a chain of digests');
  }
  const version = z.object({ v: z.int() }).safeParse(json).data?.v ?? CHAIN_VERSION;
  if (version !== CHAIN_VERSION)
    throw wrong(`is a chain of digests of version ${version}, but this program compares version ${CHAIN_VERSION}`);
  const parsed = chainFileSchema.safeParse(json);
  if (!parsed.success) throw wrong('is no chain of digests');
  if (parsed.data.run !== run || parsed.data.task !== task)
    throw wrong(`is of task ${parsed.data.task} of run ${parsed.data.run}, not of ${task} of run ${run}`);
  return parsed.data;
}

function disputesOf(store: ClusterStore, { disputes, keys }: AuditReport): DisputeDetails[] {
  const { audits } = store;
  const nodes = new Map(keys.map((each) => [each.key, each.nodes]));
  return disputes.map(({ task, verdict, said }) => {
    const of = ({ key, output }: { readonly key: string; readonly output: string }): Chain | undefined =>
      statementsOf(store, task).find((each) => each.key === key && each.output === output)?.chain;
    const reference = said.find((each) => !each.refuted && of(each)) ?? said.find((each) => of(each));
    return {
      task,
      verdict,
      said: said.map((each) => ({
        key: each.key,
        nodes: nodes.get(each.key) ?? [],
        output: each.output,
        refuted: each.refuted,
        hasChain: of(each) !== undefined,
        parting: reference && partingBetween(of(reference), of(each)),
      })),
      differences: (audits?.differences(task) ?? []).map((each) => ({ ...each, meaning: meaningOf(each) })),
    };
  });
}

function comparisonOf(
  store: ClusterStore,
  { keys, disputes }: AuditReport,
  redone: Redone,
  other: z.infer<typeof chainFileSchema> | undefined,
): Comparison {
  const names = new Map(keys.map((each) => [each.key, each.nodes]));
  const refuted = new Set(
    disputes
      .filter(({ task }) => task === redone.task)
      .flatMap(({ said }) => said.filter((each) => each.refuted).map(({ key }) => key)),
  );
  return {
    ...redone,
    said: statementsOf(store, redone.task).map(({ key, inputs, output, chain }) => ({
      key,
      nodes: names.get(key) ?? [],
      output,
      refuted: refuted.has(key),
      hasChain: chain !== undefined,
      agrees: output === redone.output,
      sameInputs: sameInputs(inputs, redone.inputs),
      parting: partingBetween(redone.chain, chain),
    })),
    against: other && {
      agrees: other.output === redone.output,
      parting: partingBetween(redone.chain, other.chain),
    },
  };
}

function statementsOf(store: ClusterStore, task: string): Statement[] {
  return [...(store.audits?.book.groups(task) ?? [])].flatMap(({ statements }) => [...statements]);
}

function partingBetween(a: Chain | undefined, b: Chain | undefined): Parting | undefined {
  return a && b ? partingOf(a, b) : undefined;
}

function sameInputs(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return Object.entries(a).every(([need, output]) => b[need] === output);
}
