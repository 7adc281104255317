/** What `pff doctor` shows: a machine's report on one screen. */
import type { Gpu, MachineReport, StepRates } from '../doctor/machine-report.js';
import type { Emphasis } from './summary.js';
import { tableLines } from './table.js';
import { bytes, duration } from './units.js';
import { wrapText } from './wrap.js';

const NARROWEST = 40;
const WIDEST = 100;
/** What the table of rates takes with all its columns. */
const ALL_COLUMNS = 48;

/** Lines of at most `columns` characters (or 40, if there are fewer; paths and other long words stay whole). */
export function machineLines(report: MachineReport, columns: number, { strong, faint }: Emphasis): string[] {
  const width = Math.max(NARROWEST, Math.min(columns, WIDEST));
  const { versions, settings, steps, seconds } = report;
  const [{ inputs, outputs, rows }] = steps as [StepRates];
  return [
    strong(`pff ${versions.pff}`) + ` on Node.js ${versions.node}, ${versions.platform} ${versions.arch}`,
    '',
    ...block(facts(report), width, faint),
    '',
    ...wrapText(`One training step of a layer, ${inputs} → ${outputs}, ${rows} rows`, width).map(strong),
    ...rateLines(steps, width).map((line) => `  ${line}`),
    '',
    strong('What follows for pff train'),
    ...block(
      settings.map(({ option, value, reason }) => [`${option} ${value}`, reason]),
      width,
      (text) => text,
    ),
    '',
    ...wrapText(`measured in ${duration(seconds)}${disturbed(steps)}`, width).map(faint),
  ];
}

function facts({ cpu, memory, kernels, server, gpu }: MachineReport): [string, string][] {
  const cores = (n: number): string => `${n} ${n === 1 ? 'core' : 'cores'}`;
  const quota =
    cpu.quota === null ? '' : `; this container may use ${cpu.quota.toFixed(1)} of them: ${cpu.usable} at a time`;
  const affinity = cpu.quota === null && cpu.usable < cpu.cores ? `; this process may use ${cpu.usable}` : '';
  const limit = memory.limitBytes === null ? '' : `; this container may use ${bytes(memory.limitBytes)}`;
  const sets = kernels.instructionSets;
  const used = sets.filter(({ usedFor }) => usedFor.length > 0);
  const spare = sets.filter(({ usable, usedFor }) => usable && usedFor.length === 0);
  const native = used.map(({ name, usedFor }) => `${name} for ${usedFor.join(' and ')}`).join(', ');
  const instead = kernels.wasm.build === null ? 'reference (slow)' : 'wasm (slower)';
  return [
    ['cpu', `${cpu.model}, ${cores(cpu.cores)}${quota}${affinity}`],
    ['memory', `${bytes(memory.totalBytes)}, ${bytes(memory.availableBytes)} of it free${limit}`],
    ['kernels', used.length > 0 ? native : `${instead}: ${kernels.reason ?? 'no instruction set fits'}`],
    ...(spare.length > 0 ? [['', `also here: ${spare.map(({ name }) => name).join(', ')}`] as [string, string]] : []),
    ...sets
      .filter(({ usable }) => !usable)
      .map(({ name, why }): [string, string] => ['', `${name} is not used: ${why}`]),
    ['', wasmText(kernels.wasm)],
    ...gpuTexts(gpu),
    ['nats-server', serverText(server)],
  ];
}

function gpuTexts({ text, gpus }: MachineReport['gpu']): [string, string][] {
  const none: [string, string][] = text === null ? [] : [['gpu', `${text} (docs/GPU.md)`]];
  return [...gpus.map((gpu): [string, string] => [`gpu ${gpu.number}`, `${gpu.name}${gpuText(gpu)}`]), ...none];
}

function gpuText({ number, reason, software, bufferBytes, arithmetic }: Gpu): string {
  if (reason !== null) return `: ${reason}`;
  const by = (form: Gpu['arithmetic'][number]['form']): string =>
    arithmetic
      .filter((each) => each.form === form)
      .map(({ precision }) => precision)
      .join(', ');
  const parts = [
    [by('device'), 'by its own arithmetic'],
    [by('integer'), 'in integer arithmetic'],
    [by(null), 'not with the right bits'],
  ].flatMap(([which, how]) => (which === '' ? [] : [`${which} ${how}`]));
  const how = software ? 'software, which is slow' : parts.join('; ');
  return `: ${how}; ${bytes(bufferBytes)} in one matrix; --gpu ${number}`;
}

function wasmText({ build, reason }: MachineReport['kernels']['wasm']): string {
  if (build === null) return `wasm is not used: ${reason ?? ''}`;
  return build === 'fused'
    ? 'wasm: WebAssembly with relaxed SIMD'
    : 'wasm: WebAssembly without relaxed SIMD, slow in f32';
}

function serverText(server: MachineReport['server']): string {
  if (server === null)
    return 'not found; only a cluster needs one, on any machine (Debian: apt-get install nats-server)';
  const old = server.fit ? '' : '; pff needs 2.9 or newer';
  return `${server.version}, ${server.path}${old}`;
}

/** Steps of the same work differ by a few percent on a machine that does nothing else. */
const MUCH = 1.3;

function disturbed(steps: readonly StepRates[]): string {
  const most = Math.max(
    ...steps.flatMap(({ rates }) => rates.map((rate) => rate.medianMilliseconds / rate.milliseconds)),
  );
  return most < MUCH ? '' : '; other work on this machine disturbed it: run it again when the machine is quiet';
}

function rateLines(steps: readonly StepRates[], width: number): string[] {
  const columns = [
    { title: 'precision', align: 'left' as const },
    { title: 'threads' },
    { title: 'ms' },
    { title: 'times f32' },
    ...(width < ALL_COLUMNS ? [] : [{ title: 'GFLOP/s' }]),
  ];
  const rows = steps.flatMap(({ threads, rates }) => {
    const f32 = rates.find(({ precision }) => precision === 'f32')?.milliseconds ?? Number.NaN;
    return rates.map(({ precision, milliseconds, gigaflops }) => [
      precision,
      String(threads),
      milliseconds.toFixed(2),
      (f32 / milliseconds).toFixed(2),
      ...(width < ALL_COLUMNS ? [] : [gigaflops.toFixed(gigaflops < 10 ? 2 : 0)]),
    ]);
  });
  return tableLines(columns, rows);
}

/** Names on the left, texts beside them, or below them where that leaves too little room. */
function block(rows: readonly (readonly [string, string])[], width: number, paint: (text: string) => string): string[] {
  const left = 4 + Math.max(...rows.map(([name]) => name.length));
  const below = width - left < 30;
  const indent = below ? 6 : left;
  return rows.flatMap(([name, text]) => {
    const lines = wrapText(text, width - indent).map((line) => ' '.repeat(indent) + line);
    if (below) return name === '' ? lines : [`  ${paint(name)}`, ...lines];
    const [first = '', ...more] = lines;
    return [`  ${paint(name.padEnd(left - 4))}  ${first.slice(left)}`, ...more];
  });
}
