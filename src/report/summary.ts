/** What a finished run shows: accuracy, time, memory, digest, where things lie. */
import { harmless } from './harmless.js';
import { describeNumerics } from '../kernels/numerics.js';
import type { RunResult } from '../run/events.js';
import type { TimelineSummary } from '../schedule/timeline.js';
import { balancedAccuracy, classMeasures, macroF1 } from '../model/class-measures.js';
import { classesIn, type Confusion } from '../model/confusion.js';
import { confusionLines, MOST_CLASSES } from './confusion.js';
import { ledgerLines } from './ledger.js';
import { bytes, count, duration, percent } from './units.js';

/** How headings and the main figure are set off; the identity function where there is no colour. */
export interface Emphasis {
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
}

export interface SummaryInput {
  readonly result: RunResult;
  readonly classes: readonly string[];
  readonly kernelsReason: string | undefined;
  readonly timeline: TimelineSummary | undefined;
  /** Files in the run folder. */
  readonly files: readonly string[];
}

/** Of a run that was followed on a cluster nothing is known of its nodes' threads and of its store. */
function threadsText({ nodes, threadsPerNode, followed }: RunResult): string {
  if (followed) return '';
  return `, ${threadsPerNode} ${threadsPerNode === 1 ? 'thread' : 'threads'}${nodes > 1 ? ' a node' : ''}`;
}

export function runSummary(
  { result, classes, kernelsReason, timeline, files }: SummaryInput,
  emphasis: Emphasis,
): string[] {
  const { strong, faint } = emphasis;
  const rows: [string, string][] = [
    ['time', timeText(result)],
    ['kernels', `${result.kernels}${threadsText(result)}${kernelsReason ? ` (${kernelsReason})` : ''}`],
    ['peak memory', bytes(result.peakRssBytes)],
  ];
  if (result.nodes > 1)
    rows.push([
      'pipeline',
      `${result.variant} on ${result.nodes} nodes: ${percent(result.utilisation, 1)} of their time computing, ${bytes(result.bytesMoved)} moved${result.followed ? '' : `, store at most ${bytes(result.peakStoreBytes)}`}`,
    ]);
  rows.push(['model digest', digestText(result)]);
  if (result.best)
    rows.push([
      'best chapter',
      `${result.best.chapter + 1} of ${result.splits}: ${percent(result.best.accuracy)} of the validation samples right; the model has its layers`,
    ]);
  if (result.folder !== undefined) rows.push(['run folder', `${result.folder} (${files.join(', ')})`]);
  const lines = [
    ...accuracyLines(result, result.evaluatedOn, emphasis),
    '',
    ...facts(rows, faint),
    '',
    ...confusionBlock(result.confusion, classes, strong),
    ...hints(result, classes),
  ];
  if (timeline && result.nodes > 1)
    lines.push('', strong('Nodes'), ...indented([...ledgerLines(timeline), ...boundLines(result)]));
  return lines;
}

/** A layer alone that does better by this much is worth a word. */
const BETTER = 0.01;
const MOST_NAMED = 5;
/** With this slope of the loss upper layers of goodness hold their own (docs/RESULTS.md). */
const STEEP = 60;

/** What to try where a stack does worse than one of its layers, or a class is never right; what helped is in docs/LOG.md. */
function hints({ testAccuracy, layerAccuracy, confusion, spec }: RunResult, classes: readonly string[]): string[] {
  const lines: string[] = [];
  const best = Math.max(...layerAccuracy);
  if (layerAccuracy.length > 1 && best > testAccuracy + BETTER)
    lines.push(
      `layer ${layerAccuracy.indexOf(best) + 1} alone does better than all together: what the others add does not hold for new samples.`,
      `Try ${[
        ...(spec.objective === 'goodness' && spec.steepness < STEEP
          ? [`--steepness ${STEEP}, which leaves more for upper layers to tell samples apart by`]
          : []),
        ...(spec.dropout === 0 ? ['--dropout 0.1'] : []),
        ...(spec.objective === 'performance-optimized'
          ? []
          : ['--objective performance-optimized, whose layers have heads of their own']),
        'fewer layers',
        'for images --shift 1 with --augment-per layer',
      ].join('; ')}.`,
    );
  const never = classMeasures(confusion).flatMap(({ samples, right }, label) =>
    samples > 0 && right === 0 ? [harmless(classes[label] ?? String(label))] : [],
  );
  if (never.length > 0)
    lines.push(
      `never right: ${never.slice(0, MOST_NAMED).join(', ')}${never.length > MOST_NAMED ? ` and ${never.length - MOST_NAMED} more` : ''}. Look at how many training samples they have; more --epochs may help.`,
    );
  return lines.length === 0 ? [] : ['', ...lines];
}

/** The digest, and where it may not be compared with those of other machines: why. */
function digestText({ modelDigest, numerics }: RunResult): string {
  return numerics.exact ? modelDigest : `${modelDigest} (${describeNumerics(numerics)})`;
}

/** `Test accuracy 98.31 %` and what each layer does by itself. */
export function accuracyLines(
  {
    confusion,
    layerAccuracy,
    ...rest
  }: Pick<RunResult, 'confusion' | 'layerAccuracy'> &
    ({ readonly testAccuracy: number } | { readonly accuracy: number }),
  evaluatedOn: RunResult['evaluatedOn'],
  { strong }: Emphasis,
): string[] {
  const accuracy = 'testAccuracy' in rest ? rest.testAccuracy : rest.accuracy;
  const measures = classMeasures(confusion);
  const samples = measures.reduce((sum, each) => sum + each.samples, 0);
  const wrong = samples - measures.reduce((sum, each) => sum + each.right, 0);
  const name = evaluatedOn === 'test' ? 'Test accuracy' : 'Validation accuracy';
  const lines = [`${strong(`${name} ${percent(accuracy)}`)}  (${count(wrong)} of ${count(samples)} samples wrong)`];
  const balanced = balancedAccuracy(confusion);
  // Where classes have the same size, it is the same.
  if (Math.abs(balanced - accuracy) > 0.01)
    lines.push(
      `balanced accuracy ${percent(balanced)}, mean F1 ${percent(macroF1(confusion))}: classes differ in size or in how well they are told`,
    );
  if (layerAccuracy.length > 0)
    lines.push(
      `by one layer alone: ${layerAccuracy.map((share, layer) => `${layer + 1}: ${percent(share)}`).join('   ')}`,
    );
  return lines;
}

export function confusionBlock(
  confusion: Confusion,
  classes: readonly string[],
  strong: (text: string) => string,
): string[] {
  return [
    classesIn(confusion) > MOST_CLASSES
      ? `${strong('Most frequent confusions')} (a matrix of ${classesIn(confusion)} classes does not fit here; --json and result.json have it whole)`
      : `${strong('Confusion matrix')} (rows: true class, columns: predicted)`,
    ...indented(confusionLines(confusion, classes)),
  ];
}

function boundLines({ pipeline }: RunResult): string[] {
  if (!pipeline) return [];
  const { boundSeconds, reached, speedUp } = pipeline;
  return [
    `bound of this schedule ${duration(boundSeconds)}, reached ${percent(reached, 1)} of it; ` +
      `${speedUp.toFixed(2)} times as fast as one such node alone`,
  ];
}

function timeText({ trainSeconds, earlierSeconds, evaluateSeconds, timeSplit }: RunResult): string {
  const parts = Object.entries(timeSplit);
  const total = parts.reduce((sum, [, seconds]) => sum + seconds, 0);
  const before = earlierSeconds === undefined ? '' : `${duration(earlierSeconds)} in earlier parts, `;
  const evaluating = `${before}${duration(evaluateSeconds)} evaluating`;
  if (total === 0) return `nothing was left to train, ${evaluating}`;
  const names: Record<string, string> = { pass: 'passing data on', labels: 'negative labels', wait: 'waiting' };
  const split = parts
    .filter(([, seconds]) => seconds >= 0.0005 * total)
    .map(([name, seconds]) => `${names[name] ?? name} ${percent(seconds / total, 1)}`);
  return `${duration(trainSeconds)} training (${split.join(', ')}), ${evaluating}`;
}

function facts(rows: readonly (readonly [string, string])[], faint: (text: string) => string): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${faint(name.padEnd(width))}  ${text}`);
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
