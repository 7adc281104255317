/**
 * A trained network as an ONNX model (opset 17): images in, scores and predicted class out. The label's place, the scaling
 * of rows and the normalisation between layers are all inside the graph, so that its user only needs images.
 */
import type { LabelLayout } from '../data/labels.js';
import { passesUnitLength, type RunSpec } from '../spec/spec.js';
import { PffError } from '../errors.js';
import type { LayerState } from './layer-state.js';
import { Message } from '../formats/protobuf.js';

const IR_VERSION = 8;
const OPSET = 17;
const FLOAT = 1;
const INT64 = 7;
/** As the kernels' contract has it: unit length is y / sqrt(y·y + 1e-12). */
const NORMALISE_EPSILON = 1e-12;

type Attribute = number | readonly number[];

/** Collects the nodes and constants of a graph; values are named, and each method returns the name of what it made. */
class Graph {
  readonly nodes: Message[] = [];
  readonly constants: Message[] = [];
  #count = 0;

  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    as?: string,
  ): string {
    const name = as ?? `${type.toLowerCase()}_${++this.#count}`;
    const node = new Message();
    for (const input of inputs) node.text(1, input);
    node.text(2, name).text(3, name).text(4, type);
    for (const [key, value] of Object.entries(attributes)) node.messages(5, attribute(key, value));
    this.nodes.push(node);
    return name;
  }

  floats(name: string, dims: readonly number[], values: Float32Array): string {
    const bytes = new Uint8Array(4 * values.length);
    const view = new DataView(bytes.buffer);
    values.forEach((value, i) => view.setFloat32(4 * i, value, true));
    return this.#constant(name, dims, FLOAT, bytes);
  }

  scalar(value: number): string {
    return this.floats(`float_${++this.#count}`, [], Float32Array.of(value));
  }

  integers(values: readonly number[]): string {
    const bytes = new Uint8Array(8 * values.length);
    const view = new DataView(bytes.buffer);
    values.forEach((value, i) => view.setBigInt64(8 * i, BigInt(value), true));
    return this.#constant(`int_${++this.#count}`, [values.length], INT64, bytes);
  }

  #constant(name: string, dims: readonly number[], type: number, bytes: Uint8Array): string {
    const tensor = new Message();
    for (const dim of dims) tensor.integer(1, dim);
    this.constants.push(tensor.integer(2, type).text(8, name).bytes(9, bytes));
    return name;
  }
}

/**
 * The ONNX file of a network. Input `images` [n, size]: floats 0 … 1 (bytes / 255), channel by channel. Outputs `scores`
 * [n, C] (goodness summed over layers, or log-probabilities, whichever the spec's classifier has) and `label` [n]: the
 * class with the highest score, of equal ones the lowest.
 * @param states the layers in order, then the classifier's if the spec's classifier is softmax.
 * @param metadata goes into the file's metadata, beside the spec.
 */
export function encodeOnnx(
  spec: RunSpec,
  layout: LabelLayout,
  states: readonly LayerState[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  if (spec.classifier === 'goodness' && spec.goodness !== 'mean' && spec.goodness !== 'sum')
    throw new PffError('usage', `goodness ${spec.goodness} is a function of a plugin, which ONNX cannot hold`, {
      hint: 'Export to safetensors or npz; or train with --goodness mean, sum, or with --classifier softmax.',
    });
  const graph = new Graph();
  const scores =
    spec.classifier === 'goodness' ? goodness(graph, spec, layout, states) : neutral(graph, spec, layout, states);
  graph.node('Identity', [scores], {}, 'scores');
  graph.node('ArgMax', ['scores'], { axis: 1, keepdims: 0 }, 'label');

  const size = layout.skip + layout.prefix;
  const body = new Message()
    .messages(1, ...graph.nodes)
    .text(2, 'pff')
    .messages(5, ...graph.constants)
    .messages(11, valueInfo('images', FLOAT, ['n', size]))
    .messages(12, valueInfo('scores', FLOAT, ['n', layout.suffix]), valueInfo('label', INT64, ['n']));
  const model = new Message().integer(1, IR_VERSION).text(2, 'pff');
  model.messages(7, body).messages(8, new Message().text(1, '').integer(2, OPSET));
  for (const [key, value] of Object.entries({ format: 'pff/1', spec: JSON.stringify(spec), ...metadata }))
    model.messages(14, new Message().text(1, key).text(2, value));
  return model.encode();
}

/** Goodness of every label: the image's part of the first layer once, each label's added to it. [n, C] */
function goodness(graph: Graph, spec: RunSpec, layout: LabelLayout, states: readonly LayerState[]): string {
  const { fromImage, scale } = imagePart(graph, spec, layout, states[0] as LayerState, 1);
  const label = graph.floats('layer1.weight.label', [1, layout.suffix, units(states[0])], labelRows(layout, states[0]));
  // [n, 1, units] + [n, 1, 1] · [1, C, units]
  const perLabel = graph.node('Mul', [graph.node('Unsqueeze', [scale, graph.integers([2])]), label]);
  const sum = graph.node('Add', [graph.node('Unsqueeze', [fromImage, graph.integers([1])]), perLabel]);
  let activations = graph.node('Relu', [graph.node('Add', [sum, bias(graph, 'layer1', states[0])])]);
  let total: string | undefined;
  states.forEach((state, layer) => {
    if (layer > 0) activations = dense(graph, `layer${layer + 1}`, state, activations, true);
    if (layer > 0) {
      const squares = graph.node('ReduceSumSquare', [activations], { axes: [2], keepdims: 0 });
      const own = spec.goodness === 'sum' ? squares : graph.node('Div', [squares, graph.scalar(units(state))]);
      total = total === undefined ? own : graph.node('Add', [total, own]);
    }
    if (layer < states.length - 1) activations = normalised(graph, activations, 2);
  });
  return total as string;
}

/** One pass with a neutral label, for the classifiers that have heads. [n, C] */
function neutral(graph: Graph, spec: RunSpec, layout: LabelLayout, states: readonly LayerState[]): string {
  const layers = spec.classifier === 'softmax' ? states.slice(0, -1) : states;
  const { fromImage, scale } = imagePart(graph, spec, layout, states[0] as LayerState, 1 / layout.suffix);
  const label = graph.floats('layer1.weight.neutral', [1, units(states[0])], neutralRow(layout, states[0]));
  const sum = graph.node('Add', [fromImage, graph.node('Mul', [scale, label])]);
  let activations = graph.node('Relu', [graph.node('Add', [sum, bias(graph, 'layer1', states[0])])]);
  const features: string[] = [];
  const heads: string[] = [];
  layers.forEach((state, layer) => {
    const name = `layer${layer + 1}`;
    if (layer > 0) activations = dense(graph, name, state, activations, true);
    if (state.dense.length > 1) {
      const outputs = dense(graph, `${name}.head`, state, activations, false, 1);
      // In Mono-Forward the projections themselves are the scores.
      heads.push(spec.objective === 'mono-forward' ? outputs : graph.node('LogSoftmax', [outputs], { axis: 1 }));
    }
    if (passesUnitLength(spec)) activations = normalised(graph, activations, 1);
    if (layer > 0) features.push(activations);
  });
  if (spec.classifier === 'softmax') {
    const all = features.length === 1 ? (features[0] as string) : graph.node('Concat', features, { axis: 1 });
    const logits = dense(graph, 'classifier', states.at(-1) as LayerState, all, false);
    return graph.node('LogSoftmax', [logits], { axis: 1 });
  }
  if (spec.classifier === 'last-head') return heads.at(-1) as string;
  return heads.slice(1).reduce((sumOfHeads, head) => graph.node('Add', [sumOfHeads, head]), heads[0] as string);
}

/** The scaled image part of each row times its weights [n, units], and the scale 1 / length of each row [n, 1]. */
function imagePart(
  graph: Graph,
  { subtractMean }: RunSpec,
  layout: LabelLayout,
  state: LayerState,
  labelNorm2: number,
): { readonly fromImage: string; readonly scale: string } {
  const { skip, prefix } = layout;
  const axes = graph.integers([1]);
  const values = graph.node('Slice', ['images', graph.integers([skip]), graph.integers([skip + prefix]), axes]);
  const mean = subtractMean ? graph.node('ReduceMean', [values], { axes: [1], keepdims: 1 }) : undefined;
  const part = mean === undefined ? values : graph.node('Sub', [values, mean]);
  const squares = graph.node('ReduceSumSquare', [part], { axes: [1], keepdims: 1 });
  const length = graph.node('Sqrt', [graph.node('Add', [squares, graph.scalar(labelNorm2)])]);
  const scale = graph.node('Reciprocal', [length]);
  const weights = tensors(state).weights.subarray(0, prefix * units(state));
  const image = graph.floats('layer1.weight.image', [prefix, units(state)], weights);
  return { fromImage: graph.node('MatMul', [graph.node('Mul', [part, scale]), image]), scale };
}

/** Weights of the label part, one row a class: [C, units]. */
function labelRows(layout: LabelLayout, state: LayerState | undefined): Float32Array {
  return tensors(state).weights.subarray(layout.prefix * units(state));
}

/** What a neutral label (1/C everywhere) brings, before the row's scale: the mean of the label rows. */
function neutralRow(layout: LabelLayout, state: LayerState | undefined): Float32Array {
  const rows = labelRows(layout, state);
  const width = units(state);
  return Float32Array.from({ length: width }, (_, unit) => {
    let sum = 0;
    for (let c = 0; c < layout.suffix; c++) sum += rows[c * width + unit] as number;
    return sum / layout.suffix;
  });
}

function dense(graph: Graph, name: string, state: LayerState, input: string, relu: boolean, part = 0): string {
  const { inputs, outputs, weights } = tensors(state, part);
  const product = graph.node('MatMul', [input, graph.floats(`${name}.weight`, [inputs, outputs], weights)]);
  const sum = graph.node('Add', [product, bias(graph, name, state, part)]);
  return relu ? graph.node('Relu', [sum]) : sum;
}

function bias(graph: Graph, name: string, state: LayerState | undefined, part = 0): string {
  const { outputs, bias: values } = tensors(state, part);
  return graph.floats(`${name}.bias`, [outputs], values);
}

/** Rows of unit length along `axis`. */
function normalised(graph: Graph, activations: string, axis: number): string {
  const squares = graph.node('ReduceSumSquare', [activations], { axes: [axis], keepdims: 1 });
  const length = graph.node('Sqrt', [graph.node('Add', [squares, graph.scalar(NORMALISE_EPSILON)])]);
  return graph.node('Div', [activations, length]);
}

function tensors(state: LayerState | undefined, part = 0): LayerState['dense'][number] {
  return (state as LayerState).dense[part] as LayerState['dense'][number];
}

function units(state: LayerState | undefined): number {
  return tensors(state).outputs;
}

function attribute(name: string, value: Attribute): Message {
  const message = new Message().text(1, name);
  if (typeof value === 'number') return message.integer(3, value).integer(20, 2);
  for (const each of value) message.integer(8, each);
  return message.integer(20, 7);
}

function valueInfo(name: string, type: number, dims: readonly (string | number)[]): Message {
  const shape = new Message();
  for (const dim of dims)
    shape.messages(1, typeof dim === 'number' ? new Message().integer(1, dim) : new Message().text(2, dim));
  return new Message()
    .text(1, name)
    .messages(2, new Message().messages(1, new Message().integer(1, type).messages(2, shape)));
}
