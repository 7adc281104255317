/** A report of `pff reproduce` as Markdown: for each table one of accuracies and one of speeds. Pure. */
import { describeLayers } from '../layers/sizes.js';
import { bytes, duration, percent } from '../report/units.js';
import type { LineReport, Report, ScaledResult, TableReport } from './report.js';
import type { MeanOf } from './statistics.js';

const NONE = '–';

export function markdownOf(report: Report): string {
  const { cores, platform, node } = report.machine;
  return [
    '# The paper beside this program',
    '',
    `Written ${report.written} by \`pff reproduce\` ${report.version}, ${cores} cores, ${platform}, Node.js ${node}. results.json has every figure, digest and spec in full.`,
    '',
    'Accuracy is in percent of the test images; with several seeds, their mean and its 95 % interval (Student). Schedules change no',
    'bit, so that lines whose spec is the same share one training and one digest; how it was carried out is in results.json. A',
    "line that is not marked **scaled** has the row's full length and size. The command of a figure is `pff reproduce TABLE",
    '--rows ROW` with the options that stand beside it.',
    ...report.tables.flatMap(tableSection),
    '',
  ].join('\n');
}

function tableSection(table: TableReport): string[] {
  const lines = table.lines.filter((line): line is LineReport => 'results' in line);
  const notes = new Set(lines.flatMap(({ results }) => results.map(({ dataNote }) => dataNote ?? '')).filter(Boolean));
  return [
    '',
    `## ${table.name}: ${table.title}`,
    '',
    '| model | row | schedule | paper: accuracy | paper: time | here: accuracy | length | digest |',
    '|---|---|---|---|---|---|---|---|',
    ...table.lines.flatMap((line) =>
      'results' in line
        ? accuracyRows(line, notes)
        : [
            cells([
              line.label,
              NONE,
              NONE,
              line.quoted.accuracy.toFixed(2),
              NONE,
              NONE,
              `by ${line.quoted.from}`,
              NONE,
            ]),
          ],
    ),
    ...[...notes].map((note, i) => `\n${mark(i)} ${note}`),
    ...speedSection(lines.filter(({ speed }) => speed !== undefined)),
  ];
}

function accuracyRows(line: LineReport, notes: ReadonlySet<string>): string[] {
  const { label, paper, command } = line;
  const lag = line.labelLag === undefined || line.labelLag === 1 ? '' : `, labels ${line.labelLag} chapters old`;
  const schedule = `${line.schedule}${line.nodes > 1 ? `, ${line.nodes} nodes` : ''}${lag}`;
  const known = [label, `\`${line.row}\``, schedule, paper?.accuracy?.toFixed(2) ?? NONE, seconds(paper?.seconds)];
  const full = line.results.some(({ shortfall }) => shortfall.length === 0);
  return [
    ...(full ? [] : [cells([...known, `not run yet at this length: \`${command}\``, 'full', NONE])]),
    ...line.results.map((result) =>
      cells([
        ...known,
        accuracyText(result.accuracy) + dataMark(result, notes),
        lengthText(result),
        digestText(result),
      ]),
    ),
  ];
}

function lengthText({ shortfall, options, spec }: ScaledResult): string {
  const length = shortfall.length === 0 ? `full: ${spec.epochs} epochs` : `**scaled**: ${shortfall.join(', ')}`;
  const inPrecision = spec.precision === 'f32' ? length : `${length}, in ${spec.precision}`;
  return options === '' ? inPrecision : `${inPrecision} (\`${options}\`)`;
}

function dataMark({ dataNote }: ScaledResult, notes: ReadonlySet<string>): string {
  return dataNote === undefined ? '' : ` ${mark([...notes].indexOf(dataNote))}`;
}

function mark(index: number): string {
  return '†'.repeat(index + 1);
}

/** `98.52`, or `98.52 ± 0.10 (3 seeds)`. */
export function accuracyText({ mean, halfWidth, count }: MeanOf): string {
  return halfWidth === undefined
    ? `${mean.toFixed(2)} (one seed)`
    : `${mean.toFixed(2)} ± ${halfWidth.toFixed(2)} (${count} seeds)`;
}

function digestText({ seeds }: ScaledResult): string {
  const [first] = seeds;
  return first === undefined
    ? NONE
    : `${first.modelDigest.slice(0, 12)}…${seeds.length > 1 ? ` (seed ${first.seed})` : ''}`;
}

/** One table for all lines that were measured in the same way. */
function speedSection(lines: readonly LineReport[]): string[] {
  const settings = new Map<string, LineReport[]>();
  for (const line of lines) {
    const setting = settingText(line);
    settings.set(setting, [...(settings.get(setting) ?? []), line]);
  }
  return [...settings].flatMap(([setting, same]) => [
    '',
    `Speed-up over Sequential of the same program: measured ${setting}; and`,
    "simulated at the paper's length and nodes, with costs calibrated on one core of this machine. In brackets what the",
    'schedule allows.',
    '',
    '| model | schedule | paper | measured | simulated | utilisation: measured, simulated | moved a chapter: measured, simulated | Sequential, whole length on one core | same bits |',
    '|---|---|---|---|---|---|---|---|---|',
    ...same.map(speedRow),
  ]);
}

function settingText({ speed }: LineReport): string {
  if (speed === undefined) return '';
  const { chapters, samples, layers, precision, record, fullWidth } = speed;
  return (
    `${record.date.slice(0, 10)} on ${record.nodes} nodes of one kernel thread each, ${record.cores} cores, ${record.kernels} kernels (${chapters} chapters of ` +
    `${samples} images, ${fullWidth ? '' : '**scaled** '}layers ${describeLayers(layers.slice(1))}, ${precision === 'f32' ? '' : `${precision}, `}medians of rounds: ${record.rounds})`
  );
}

function speedRow({ label, schedule, nodes, paperSpeedUp, speed }: LineReport): string {
  const { measured, simulated, record } = speed ?? {};
  const times = (value: number | undefined): string => (value === undefined ? NONE : `${value.toFixed(2)}x`);
  const both = (a: string | undefined, b: string | undefined): string => `${a ?? NONE}, ${b ?? NONE}`;
  return cells([
    label,
    schedule,
    paperSpeedUp === undefined ? NONE : `${times(paperSpeedUp)} on ${nodes}`,
    measured === undefined ? NONE : `${times(measured.speedUp)} on ${record?.nodes}`,
    simulated === undefined ? NONE : `${times(simulated.speedUp)} on ${simulated.nodes} (${times(simulated.bound)})`,
    both(measured && percent(measured.utilisation, 1), simulated && percent(simulated.utilisation, 1)),
    both(measured && bytes(measured.bytesPerChapter), simulated && bytes(simulated.bytesPerChapter)),
    simulated === undefined ? NONE : duration(simulated.aloneSeconds),
    measured === undefined ? NONE : measured.sameBits ? `yes, ${measured.modelDigest.slice(0, 12)}…` : '**NO**',
  ]);
}

function seconds(value: number | undefined): string {
  return value === undefined ? NONE : `${value.toFixed(0)} s`;
}

function cells(texts: readonly string[]): string {
  return `| ${texts.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
}
