// Calls every entry of the addon with arguments that are right, nearly right and wrong: node fuzz-addon.mjs ADDON ROUNDS SEED.
// Wrong ones must be answered by an error. A fault ends the process, and with a sanitizer says where (scripts/check-native.mjs).
import { createRequire } from 'node:module';

const [file, rounds = '20000', seed = '1'] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(file);

/** mulberry32: the same calls for the same seed. */
let state = Number(seed) >>> 0;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];

function floats(length) {
  const shared = below(4) === 0;
  const bytes = 4 * length + 4 * below(3);
  const buffer = shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
  const values = new Float32Array(buffer, 0, length);
  for (let i = 0; i < length; i++) values[i] = pick([0, 0, random() - 0.5, 1e-40, 3e38, Infinity, NaN]);
  return values;
}
const words = (length, most) => Uint32Array.from({ length }, () => below(Math.max(1, most)));

function detached() {
  const values = new Float32Array(8);
  structuredClone(values.buffer, { transfer: [values.buffer] });
  return values;
}

/** Open handles with what is known of them. */
const backends = [];
const layers = [];

const nasty = [
  () => undefined,
  () => null,
  () => NaN,
  () => -1,
  () => 0,
  () => 1,
  () => 0.5,
  () => 9,
  () => 2147483647,
  () => 2147483648,
  () => 1e300,
  () => 'x'.repeat(below(200)),
  () => ({}),
  () => [],
  () => true,
  () => floats(0),
  () => floats(below(40)),
  () => detached(),
  () => words(below(9), 4294967295),
  () => new Uint8Array(below(9)),
  () => new Float64Array(4),
  () => pick(backends)?.handle,
  () => pick(layers)?.handle,
];

function openBackend() {
  const sets = addon.instructionSets();
  const args = [pick(sets), 1 + below(4), pick([0, 1000, 1 << 20]), pick(['f32', 'bf16', 'bf16-tile'])];
  // Later arguments, where the addon has some, are switches.
  args.push(false, false);
  return args;
}

function tensors({ inputs, outputs }) {
  return [inputs * outputs, outputs, inputs * outputs, inputs * outputs, outputs, outputs].map(floats);
}

function newLayer() {
  const inputs = 1 + below(70);
  const suffix = pick([0, 0, 1, 3, inputs].filter((count) => count <= inputs));
  return { inputs, outputs: 1 + below(70), suffix, maxRows: pick([0, 0, 1, 2, 8, 17, 64]), kept: 0 };
}

function inputOf({ inputs, suffix, maxRows }, most = maxRows) {
  const variants = suffix > 0 ? 1 + below(3) : 1;
  const batch = below(Math.floor(most / variants) + 1);
  const held = batch + below(3);
  const rows = below(2) === 0 ? undefined : words(batch, held);
  const prefix = floats(held * (inputs - suffix));
  const rest = suffix > 0 ? floats(batch * variants * suffix) : undefined;
  return { args: [prefix, rows, batch, variants, rest], rows: batch * variants };
}

const deltaOf = ({ outputs, kept }) =>
  below(2) === 0 ? [floats(kept), undefined] : [undefined, floats(kept * outputs)];

/** Right arguments of each entry. Those that need a layer or a backend are not called before there is one. */
const entries = {
  instructionSets: () => [],
  builtSets: () => [],
  fastestFor: () => [pick(['f32', 'bf16', 'bf16-tile'])],
  openBackend,
  openDense: (backend) => {
    const layer = newLayer();
    const { inputs, outputs, suffix, maxRows } = layer;
    const args = [backend.handle, inputs, outputs, suffix, maxRows, below(2) === 0, below(2) === 0, ...tensors(layer)];
    return Object.assign(args, { layer });
  },
  allocate: () => [below(1000)],
  infer: (_, layer) => {
    const { args, rows } = inputOf(layer, 64);
    return [
      layer.handle,
      ...args,
      pick([undefined, floats(rows * layer.outputs)]),
      below(2) === 0,
      pick([undefined, floats(rows)]),
    ];
  },
  forward: (_, layer) => {
    const { args, rows } = inputOf(layer);
    return Object.assign([layer.handle, ...args, floats(rows * layer.outputs), pick([undefined, floats(rows)])], {
      kept: rows,
    });
  },
  inputGradient: (_, layer) => [
    layer.handle,
    floats(layer.kept * layer.outputs),
    ...deltaOf(layer),
    floats(layer.kept * layer.inputs),
  ],
  update: (_, layer) => [
    layer.handle,
    floats(layer.kept * layer.outputs),
    ...deltaOf(layer),
    0.9,
    0.999,
    0.01,
    1e-16,
    1,
  ],
  updateSgd: (_, layer) => [layer.handle, floats(layer.kept * layer.outputs), ...deltaOf(layer), 0.9, 0.01, 1],
  read: (_, layer) => [layer.handle, ...tensors(layer)],
  stageBytes: (backend) => {
    const width = 1 + below(20);
    const skip = below(width + 1);
    const held = 1 + below(20);
    const rows = words(below(30), held);
    return [
      backend.handle,
      new Uint8Array(held * width),
      width,
      skip,
      rows,
      floats(held),
      floats(rows.length * (width - skip)),
    ];
  },
  dropout: (backend) => {
    const width = 1 + below(40);
    const held = 1 + below(20);
    const rows = below(2) === 0 ? words(below(40), held) : undefined;
    const count = rows?.length ?? held;
    const sums = pick([undefined, floats(count)]);
    return [
      backend.handle,
      floats(held * width),
      rows,
      count,
      width,
      words(5, 4294967295),
      below(65536),
      2,
      floats(count * width),
      sums,
    ];
  },
  measurePeak: (backend) => [backend.handle, 0],
  closeDense: (_, layer) => [layer.handle],
  closeBackend: (backend) => [backend.handle],
};

const missing = Object.keys(addon).filter((name) => !(name in entries));
if (missing.length > 0) throw new Error(`not tried: ${missing.join(', ')}`);

const names = Object.keys(entries);
const answered = new Map();
let refused = 0;
for (let round = 0; round < Number(rounds); round++) {
  let name = pick(names);
  if (backends.length === 0) name = 'openBackend';
  else if (layers.length === 0 && below(2) === 0) name = 'openDense';
  // Handles are few and closed seldom, closed ones are kept for a while.
  if (name.startsWith('close') && below(10) > 0) continue;
  const backend = pick(backends);
  const layer = pick(layers);
  if (!layer && ['infer', 'forward', 'inputGradient', 'update', 'updateSgd', 'read', 'closeDense'].includes(name))
    continue;
  const args = entries[name](backend, layer);
  let wrong = below(2) === 0 ? 0 : 1 + below(2);
  for (let i = 0; i < wrong; i++) args[below(args.length + 1)] = pick(nasty)();
  if (below(50) === 0) {
    args.length = below(args.length + 1);
    wrong++;
  }
  try {
    const result = addon[name](...args);
    answered.set(name, (answered.get(name) ?? 0) + 1);
    if (name === 'openBackend') backends.push({ handle: result });
    if (name === 'openDense')
      layers.push(wrong === 0 ? { ...args.layer, handle: result } : { ...newLayer(), handle: result, odd: true });
    if (name === 'forward' && wrong === 0) layer.kept = args.kept;
  } catch (error) {
    refused++;
    if (
      wrong === 0 &&
      args.length > 0 &&
      !layer?.odd &&
      !/closed|no kept batch|too short|inference only|wrong length|expected/.test(error.message)
    )
      throw new Error(`${name} refused right arguments: ${error.message}`, { cause: error });
  }
  if (backends.length > 6) backends.shift();
  if (layers.length > 12) layers.shift();
}
// The case that once wrote to nothing: a layer for inference only, a batch of no rows, an update.
for (const maxRows of [0, 4]) {
  const shape = { inputs: 20, outputs: 64, suffix: 0, maxRows };
  const backend = addon.openBackend(addon.instructionSets()[0], 1, 0, 'f32', false, false);
  const layer = addon.openDense(backend, 20, 64, 0, maxRows, true, false, ...tensors(shape));
  let said = 'answered';
  try {
    addon.forward(layer, floats(0), undefined, 0, 1, undefined, floats(0), undefined);
    addon.update(layer, floats(0), floats(0), undefined, 0.9, 0.999, 0.1, 1e-16, 1);
  } catch (error) {
    said = error.message;
  }
  if ((maxRows === 0) !== /inference only/.test(said)) throw new Error(`a layer of ${maxRows} rows: ${said}`);
}
const never = names.filter((name) => !answered.has(name));
if (never.length > 0) throw new Error(`never answered: ${never.join(', ')}`);
console.log(
  `${rounds} rounds, ${refused} refused, answered: ${[...answered].map(([name, n]) => `${name} ${n}`).join(', ')}`,
);
