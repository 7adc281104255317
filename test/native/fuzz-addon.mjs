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
const doubles = (length) => Float64Array.from(floats(length));
const words = (length, most) => Uint32Array.from({ length }, () => below(Math.max(1, most)));

function detached() {
  const values = new Float32Array(8);
  structuredClone(values.buffer, { transfer: [values.buffer] });
  return values;
}

/** Rows of `width` values: all of them, or some by their indexes. */
function chosenRows(width) {
  const held = 1 + below(6);
  const rows = below(2) === 0 ? words(below(8), held) : undefined;
  return { values: floats(held * width), rows, count: rows?.length ?? held };
}

/** Planes, and windows over which they are averaged. */
function windows() {
  const [channels, height, width, side] = [1 + below(40), 1 + below(7), 1 + below(7), 1 + below(9)];
  const averages = channels * Math.ceil(height / side) * Math.ceil(width / side);
  return { sizes: Uint32Array.of(channels, height, width, side), values: channels * height * width, averages };
}

/** Open handles with what is known of them. */
const backends = [];
const layers = [];
const convolutions = [];

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
  () => pick(convolutions)?.handle,
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

function newConvolution() {
  const groups = pick([1, 1, 2]);
  const kernel = pick([1, 3, 5]);
  return {
    channels: groups * (1 + below(6)),
    height: kernel + below(8),
    width: kernel + below(8),
    outputs: groups * (1 + below(20)),
    kernel,
    stride: 1 + below(2),
    padding: below(kernel),
    groups,
    labels: pick([0, 0, 3]),
    trained: below(3) > 0,
  };
}

function convolutionTensors({ channels, outputs, kernel, groups, labels }) {
  const lengths = [kernel * kernel * (channels / groups) * outputs, labels * outputs, outputs];
  return lengths.flatMap((length) => [floats(length), floats(length), floats(length)]);
}

function convolutionInput({ channels, height, width, labels }) {
  const variants = 1 + below(2);
  const batch = below(5);
  return [floats(batch * channels * height * width), batch, variants, floats(batch * variants * labels)];
}

const outSide = ({ kernel, stride, padding }, side) => Math.floor((side + 2 * padding - kernel) / stride) + 1;
const outValues = (shape) => outSide(shape, shape.height) * outSide(shape, shape.width) * shape.outputs;

/** Sizes; rows; values, channels and positions of all rows; values that leave. */
function planes() {
  const pool = below(3);
  const size = pool === 0 ? 1 : 1 + below(3);
  const stride = pool === 0 ? 1 : 1 + below(3);
  const height = size + below(6);
  const width = size + below(6);
  const channels = 1 + below(40);
  const rows = below(5);
  const out = (side) => Math.floor((side - size) / stride) + 1;
  const sizes = Uint32Array.of(channels, height, width, pool, size, stride, out(height), out(width));
  return {
    sizes,
    rows,
    values: rows * channels * height * width,
    all: rows * channels,
    positions: rows * height * width,
    leaves: rows * channels * out(height) * out(width),
    channels,
  };
}

/** [by row, mean, scale, shift, inverse], of one of `kinds`. */
function normOf({ all, channels, positions }, kinds = ['none', 'channel', 'row', 'position']) {
  const kind = pick(kinds);
  if (kind === 'none') return [below(2) === 0, undefined, undefined, undefined, undefined];
  if (kind === 'position') return [false, floats(positions), floats(channels), floats(channels), floats(positions)];
  const count = kind === 'row' ? all : channels;
  return [kind === 'row', floats(count), floats(count), floats(channels), undefined];
}

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
    const channels = width % 2 === 0 ? pick([width, width / 2, 1]) : width;
    const input = { values: floats(held * width), rows, count, width, channels };
    const mask = { name: words(5, 4294967295), threshold: below(65536), scale: 2 };
    return [backend.handle, input, mask, floats(count * width), sums];
  },
  openConvolution: (backend) => {
    const shape = newConvolution();
    const { channels, height, width, outputs, kernel, stride, padding, groups, labels, trained } = shape;
    const sizes = Uint32Array.of(channels, height, width, outputs, kernel, stride, padding, groups, labels);
    const args = [backend.handle, sizes, trained, below(2) === 0, ...convolutionTensors(shape)];
    return Object.assign(args, { shape });
  },
  convolve: (_backend, _layer, shape) => {
    const input = convolutionInput(shape);
    return [shape.handle, ...input, floats(input[1] * input[2] * outValues(shape))];
  },
  convolutionInputGradient: (_backend, _layer, shape) => {
    const rows = below(5);
    const { channels, height, width } = shape;
    return [shape.handle, floats(rows * outValues(shape)), rows, floats(rows * channels * height * width)];
  },
  updateConvolution: (_backend, _layer, shape) => {
    const input = convolutionInput(shape);
    const rows = input[1] * input[2];
    const delta = [floats(rows * outValues(shape)), floats(rows * shape.outputs)];
    return [shape.handle, ...input, ...delta, 0.9, 0.999, 0.01, 1e-16, 1];
  },
  updateConvolutionSgd: (_backend, _layer, shape) => {
    const input = convolutionInput(shape);
    const rows = input[1] * input[2];
    return [shape.handle, ...input, floats(rows * outValues(shape)), floats(rows * shape.outputs), 0.9, 0.01, 1];
  },
  readConvolution: (_backend, _layer, shape) => [shape.handle, ...convolutionTensors(shape)],
  closeConvolution: (_backend, _layer, shape) => [shape.handle],
  planeSums: (backend) => {
    const { sizes, rows, values, all, channels } = planes();
    const byRow = below(2) === 0;
    const mean = pick([undefined, floats(byRow ? all : channels)]);
    return [backend.handle, floats(values), rows, sizes, mean, byRow, floats(all)];
  },
  finishPlanes: (backend) => {
    const shape = planes();
    const places = pick([undefined, floats(shape.leaves)]);
    const norm = normOf(shape);
    return [backend.handle, floats(shape.values), shape.rows, shape.sizes, 0.1, ...norm, floats(shape.leaves), places];
  },
  backwardsPlanes: (backend) => {
    const shape = planes();
    const delta = pick([
      [floats(shape.leaves), floats(shape.rows), undefined],
      [undefined, undefined, floats(shape.leaves)],
    ]);
    const sums = [floats(shape.all), floats(shape.all)];
    const norm = normOf(shape);
    const from = [backend.handle, floats(shape.values), shape.rows, shape.sizes, 0, ...norm];
    return [...from, ...delta, floats(shape.leaves), floats(shape.values), ...sums];
  },
  normBackwards: (backend) => {
    const shape = planes();
    const norm = normOf(shape, ['channel', 'row']);
    const count = norm[0] ? shape.all : shape.channels;
    const from = [backend.handle, floats(shape.values), shape.rows, shape.sizes, ...norm];
    return [...from, floats(count), floats(count), floats(shape.values), floats(shape.all)];
  },
  positionSums: (backend) => {
    const { sizes, rows, values, positions } = planes();
    return [backend.handle, floats(values), rows, sizes, below(2) === 0, floats(positions), floats(positions)];
  },
  positionBackwards: (backend) => {
    const shape = planes();
    const from = [backend.handle, floats(shape.values), shape.rows, shape.sizes, ...normOf(shape, ['position'])];
    return [...from, below(2) === 0, floats(shape.values), floats(shape.all)];
  },
  finishRows: (backend) => {
    const rows = below(6);
    const width = 1 + below(40);
    return [backend.handle, floats(rows * width), rows, width, below(2) === 0, floats(rows)];
  },
  turnRows: (backend) => {
    const [channels, positions] = [1 + below(5), 1 + below(20)];
    const { values, rows, count } = chosenRows(channels * positions);
    return [backend.handle, values, rows, count, channels, positions, floats(count * channels * positions)];
  },
  averagePlanes: (backend) => {
    const { sizes, values: width, averages } = windows();
    const { values, rows, count } = chosenRows(width);
    return [backend.handle, values, rows, count, sizes, floats(count * averages)];
  },
  spreadAverages: (backend) => {
    const { sizes, values, averages } = windows();
    const count = below(6);
    return [backend.handle, floats(count * averages), count, sizes, floats(count * values)];
  },
  doubleProducts: (backend) => {
    const [rows, terms, columns] = [below(11), below(9), below(40)];
    const [left, right] = [doubles(rows * terms), doubles(terms * columns)];
    return [backend.handle, left, right, rows, terms, columns, below(2) === 0, doubles(rows * columns)];
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
  const convolution = pick(convolutions);
  if (!convolution && name.toLowerCase().includes('convol') && name !== 'openConvolution') continue;
  if (!layer && ['infer', 'forward', 'inputGradient', 'update', 'updateSgd', 'read', 'closeDense'].includes(name))
    continue;
  const args = entries[name](backend, layer, convolution);
  let wrong = below(2) === 0 ? 0 : 1 + below(2);
  for (let i = 0; i < wrong; i++) {
    const at = below(args.length + 1);
    // Of an argument with fields, a field as often as the whole.
    const fields = Object.getPrototypeOf(args[at] ?? 0) === Object.prototype && below(2) === 0 ? args[at] : args;
    fields[fields === args ? at : pick(Object.keys(fields))] = pick(nasty)();
  }
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
    if (name === 'openConvolution')
      convolutions.push({ ...(wrong === 0 ? args.shape : newConvolution()), handle: result, odd: wrong > 0 });
    if (name === 'forward' && wrong === 0) layer.kept = args.kept;
  } catch (error) {
    refused++;
    if (
      wrong === 0 &&
      args.length > 0 &&
      !layer?.odd &&
      !convolution?.odd &&
      !/closed|no kept batch|too short|inference only|wrong length|expected/.test(error.message)
    )
      throw new Error(`${name} refused right arguments: ${error.message}`, { cause: error });
  }
  if (backends.length > 6) backends.shift();
  if (layers.length > 12) layers.shift();
  if (convolutions.length > 12) convolutions.shift();
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
