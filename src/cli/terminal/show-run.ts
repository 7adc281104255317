/** A run on the terminal: its events as they come, and its summary at the end. */
import path from 'node:path';
import { commandLine, openingFlags } from '../../command-line.js';
import { messageOf, PffError } from '../../errors.js';
import { runSummary } from '../../report/summary.js';
import type { RunEvent, RunResult } from '../../run/events.js';
import { type MetricsFormat, MetricsLog } from '../../run/metrics-log.js';
import type { Span, TimelineSummary } from '../../schedule/timeline.js';
import { DONE } from '../exit-codes.js';
import { awaitPage, type PageFlags } from '../flags/page-flags.js';
import type { Sharing } from '../flags/share-flags.js';
import { drawGantt } from './gantt.js';
import { interruptible, untilAborted } from './interrupt.js';
import type { Output, TextStream } from './output.js';
import { ProgressDisplay } from './show-progress.js';

/** Shows the events of a run as they come, and its summary at the end. */
export async function showRun(
  given: {
    readonly quiet?: true;
    readonly json?: true;
    readonly gantt?: string;
    readonly log?: readonly MetricsFormat[];
  } & PageFlags,
  output: Output,
  onFirst: string,
  open: (signal: AbortSignal) => AsyncIterable<RunEvent>,
  /** The run folder to be, if its page is asked for. */
  pageOf?: string,
  sharing?: Sharing,
): Promise<number> {
  const display = new ProgressDisplay(output.err, given.quiet ?? false);
  const record = new RunRecord();
  const metrics = new MetricsLog(given.log ?? [], (text) => display.note(text));
  sharing?.sayTo({ isTerminal: output.err.isTerminal, line: (text) => display.note(text) });
  const page = pageOf === undefined ? undefined : await awaitPage(pageOf, given);
  try {
    await interruptible(
      () => display.note(onFirst),
      async (signal) => {
        for await (const event of open(signal)) {
          record.keep(event);
          metrics.observe(event);
          display.show(event);
          if (event.type === 'started')
            await page
              ?.show(output.err)
              .catch((error: unknown) => display.note(`there is no page: ${messageOf(error)}`));
        }
      },
    );
    display.end();
    const { result } = record;
    await sharing?.end(true);
    if (result === undefined) throw new Error('the run ended without a result');
    if (given.json) output.out.line(JSON.stringify(result));
    else showSummary(result, record, output);
    if (given.gantt !== undefined) record.drawTimeline(given.gantt, given.json ? output.err : output.out);
    // Somebody who sits at a terminal may look on; a script is not kept waiting.
    if (page?.url && output.out.isTerminal && output.err.isTerminal) {
      output.err.line(`\nThe page stays at ${page.url} until Ctrl-C.`);
      await interruptible(() => {}, untilAborted);
    }
  } catch (error) {
    display.end();
    throw record.explain(error);
  } finally {
    metrics.close();
    await sharing?.end(false);
    await page?.close();
  }
  return DONE;
}

/** What is kept of a run's events until its end. */
class RunRecord {
  result: RunResult | undefined;
  timeline: TimelineSummary | undefined;
  started: Extract<RunEvent, { type: 'started' }> | undefined;
  readonly #spans: Span[] = [];

  keep(event: RunEvent): void {
    if (event.type === 'started') this.started = event;
    if (event.type === 'task-finished') this.#spans.push(...event.spans);
    if (event.type === 'trained') this.timeline = event.summary;
    if (event.type === 'finished') this.result = event.result;
  }

  /** An interruption after training says that the model is there, only not evaluated. */
  explain(error: unknown): unknown {
    const { started } = this;
    const folder = started?.folder;
    if (
      !(error instanceof PffError) ||
      error.code !== 'interrupted' ||
      this.timeline === undefined ||
      !started ||
      !folder
    )
      return error;
    return new PffError('interrupted', 'interrupted after training, while the network was evaluated', {
      hint: `The trained model is in ${path.join(folder, 'model.safetensors')}; ${onRun(started, 'eval')} evaluates it.`,
    });
  }

  drawTimeline(file: string, stream: TextStream): void {
    const { result } = this;
    if (result === undefined) return;
    // Spans may be more than a call takes arguments.
    const nodes = this.#spans.reduce((most, { node }) => Math.max(most, 1 + node), result.nodes);
    const limit = result.pipeline?.boundSeconds;
    const title = `${result.variant} on ${result.nodes} ${result.nodes === 1 ? 'node' : 'nodes'}: ${result.dataset}, ${result.objective}`;
    drawGantt(file, { nodes, spans: this.#spans }, { title, ...(limit === undefined ? {} : { bound: limit }) }, stream);
  }
}

function showSummary(result: RunResult, record: RunRecord, { out, err }: Output): void {
  const { started, timeline } = record;
  if (err.isTerminal) err.line();
  const lines = runSummary(
    {
      result,
      classes: started?.dataset.classes ?? [],
      kernelsReason: started?.kernelsReason,
      timeline,
      files: ['spec.json', 'events.jsonl', 'model.safetensors', 'result.json'],
    },
    { strong: out.paint.bold, faint: out.paint.dim },
  );
  for (const line of lines) out.line(line);
  if (result.folder === undefined) return;
  if (started === undefined) return;
  out.line();
  out.line(`Try it:  ${onRun(started, 'eval')}`);
  out.line(`         ${onRun(started, 'predict', 'test:0')}`);
}

/** A command on the run, with what it needs to be opened. */
function onRun(started: Extract<RunEvent, { type: 'started' }>, command: string, ...words: string[]): string {
  return commandLine([...programWords(), command, shown(started.folder ?? ''), ...words, ...openingFlags(started)]);
}

/** How the program is called here: `npx pff` where it was started by npm. */
function programWords(): string[] {
  const { npm_lifecycle_event: event, npm_lifecycle_script: script = '', npm_package_name: name } = process.env;
  const byNpm =
    (event === 'npx' && /^"?pff\b/.test(script)) || (event === 'start' && name === 'pipeline-forward-forward');
  return byNpm ? ['npx', 'pff'] : ['pff'];
}

/** The shorter of a path's two forms; one that begins with a dash would be an option. */
function shown(folder: string): string {
  const relative = path.relative(process.cwd(), folder);
  const shorter = relative !== '' && relative.length < folder.length ? relative : folder;
  return shorter.startsWith('-') ? `./${shorter}` : shorter;
}
