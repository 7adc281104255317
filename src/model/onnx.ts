/**
 * A trained network as an ONNX model (opset 17): images in, scores and predicted class out. The label's place, the scaling
 * of rows and the normalisation between layers are all inside the graph, so that its user only needs images.
 */
import { labelNorms, type LabelLayout } from '../data/labels.js';
import { labelPatterns } from '../data/label-patterns.js';
import { PffError } from '../errors.js';
import type { Inputs } from '../data/columns.js';
import { DOUBLE, FLOAT, INT64, OnnxGraph } from '../formats/onnx-graph.js';
import { Message } from '../formats/protobuf.js';
import { kindOf } from '../layers/kinds.js';
import { partName, rowOutputs, type LayerState } from '../layers/layer-state.js';
import type { OnnxNodes, PartStructure, PartTensors } from '../layers/layer-kind.js';
import { objectiveOf } from '../objectives/table.js';
import { columnValues, ROWS } from './onnx-columns.js';
import type { RunSpec } from '../spec/spec.js';

const IR_VERSION = 8;
const OPSET = 17;
/** Name of the graph's input for images. */
const IMAGES = 'images';
/** As the kernels' contract has it: unit length is y / sqrt(y·y + 1e-12). */
const NORMALISE_EPSILON = 1e-12;

/**
 * The ONNX file of a network. Input `images` [n, size]: floats 0 … 1 (bytes / 255), channel by channel. Outputs `scores`
 * [n, C] (goodness summed over layers, or log-probabilities, whichever the spec's classifier has) and `label` [n]: the
 * class with the highest score, of equal ones the lowest. A network of columns has the input `rows` instead (onnx-columns.ts).
 * @param states the layers in order, then the classifier's if the spec's classifier is softmax.
 * @param inputs what the network takes; images unless given.
 * @param metadata goes into the file's metadata, beside the spec.
 */
export function encodeOnnx(
  spec: RunSpec,
  layout: LabelLayout,
  states: readonly LayerState[],
  metadata: Readonly<Record<string, string>>,
  inputs?: Inputs,
): Uint8Array<ArrayBuffer> {
  if (spec.classifier === 'goodness' && spec.goodness !== 'mean' && spec.goodness !== 'sum')
    throw new PffError('usage', `goodness ${spec.goodness} is a function of a plugin, which ONNX cannot hold`, {
      hint: 'Export to safetensors or npz; or train with --goodness mean, sum, or with --classifier softmax.',
    });
  const graph = new OnnxGraph();
  const columns = inputs?.kind === 'columns' ? inputs.columns : undefined;
  const values = columns ? columnValues(graph, columns) : IMAGES;
  const network = { spec, layout, states, values };
  const scores = spec.classifier === 'goodness' ? goodness(graph, network) : neutral(graph, network);
  graph.node('Identity', [scores], {}, 'scores');
  graph.node('ArgMax', ['scores'], { axis: 1, keepdims: 0 }, 'label');

  const size = layout.skip + layout.prefix;
  const body = new Message()
    .messages(1, ...graph.nodes)
    .text(2, 'pff')
    .messages(5, ...graph.constants)
    .messages(11, columns ? valueInfo(ROWS, DOUBLE, ['n', columns.length]) : valueInfo(IMAGES, FLOAT, ['n', size]))
    .messages(12, valueInfo('scores', FLOAT, ['n', layout.suffix]), valueInfo('label', INT64, ['n']));
  const model = new Message().integer(1, IR_VERSION).text(2, 'pff');
  model.messages(7, body).messages(8, new Message().text(1, '').integer(2, OPSET));
  for (const [key, value] of Object.entries({ format: 'pff/1', spec: JSON.stringify(spec), ...metadata }))
    model.messages(14, new Message().text(1, key).text(2, value));
  return model.encode();
}

interface ExportedNetwork {
  readonly spec: RunSpec;
  readonly layout: LabelLayout;
  readonly states: readonly LayerState[];
  /** Name of the values that enter it, [n, size]. */
  readonly values: string;
}

/** Goodness of every label: the image's part of the first layer once, each label's added to it. [n, C] */
function goodness(graph: OnnxGraph, network: ExportedNetwork): string {
  const { spec, states } = network;
  let activations = firstLayer(graph, network, 'each');
  let total: string | undefined;
  states.forEach((state, layer) => {
    if (layer > 0) activations = whole(graph, state, 0, activations);
    if (layer > 0) {
      const squares = graph.node('ReduceSumSquare', [activations], { axes: [2], keepdims: 0 });
      const width = graph.scalar(rowOutputs(state.structure));
      const own = spec.goodness === 'sum' ? squares : graph.node('Div', [squares, width]);
      total = total === undefined ? own : graph.node('Add', [total, own]);
    }
    if (layer < states.length - 1) activations = normalised(graph, activations, 2);
  });
  return total as string;
}

/** One pass with a neutral label, for the classifiers that have heads. [n, C] */
function neutral(graph: OnnxGraph, network: ExportedNetwork): string {
  const { spec, states } = network;
  const layers = spec.classifier === 'softmax' ? states.slice(0, -1) : states;
  const objective = objectiveOf(spec.objective);
  let activations = firstLayer(graph, network, 'neutral');
  const features: string[] = [];
  const heads: string[] = [];
  layers.forEach((state, layer) => {
    if (layer > 0) activations = whole(graph, state, 0, activations);
    if (state.structure.parts[1]?.role === 'head') {
      const outputs = whole(graph, state, 1, activations);
      heads.push(objective.headScores === 'outputs' ? outputs : graph.node('LogSoftmax', [outputs], { axis: 1 }));
    }
    if (objective.unitLength) activations = normalised(graph, activations, 1);
    if (layer > 0) features.push(activations);
  });
  if (spec.classifier === 'softmax') {
    const all = features.length === 1 ? (features[0] as string) : graph.node('Concat', features, { axis: 1 });
    const logits = whole(graph, states.at(-1) as LayerState, 0, all);
    return graph.node('LogSoftmax', [logits], { axis: 1 });
  }
  if (spec.classifier === 'last-head') return heads.at(-1) as string;
  return heads.slice(1).reduce((sumOfHeads, head) => graph.node('Add', [sumOfHeads, head]), heads[0] as string);
}

/** Activations of the first layer: with each label [n, C, units], or with the neutral one [n, units]. */
function firstLayer(graph: OnnxGraph, network: ExportedNetwork, label: 'each' | 'neutral'): string {
  const { layout, states } = network;
  const { nodes, name, part, tensors } = partOf(states[0]);
  const norms = labelNorms(layout);
  const { rows, scale } = imageRows(graph, network, label === 'each' ? norms.oneHot : norms.neutral);
  // [n, 1, …] + [n, 1, 1] · [1, C, …], or [n, …] + [n, 1] · [1, …]
  const labelled = (image: string, added: string): string =>
    label === 'each'
      ? graph.node('Add', [
          graph.node('Unsqueeze', [image, graph.integers([1])]),
          graph.node('Mul', [graph.node('Unsqueeze', [scale, graph.integers([2])]), added]),
        ])
      : graph.node('Add', [image, graph.node('Mul', [scale, added])]);
  if (layout.pattern) {
    const { each, neutral: mean } = labelPatterns(layout.pattern, layout.suffix);
    const added =
      label === 'each'
        ? graph.floats('label.patterns', [1, layout.suffix, layout.prefix], each)
        : graph.floats('label.neutral', [1, layout.prefix], mean);
    return nodes.whole(graph, name, part, tensors, labelled(rows, added));
  }
  const fromImage = nodes.imagePart(graph, name, part, tensors, rows);
  const sum = labelled(fromImage, nodes.labelPart(graph, part, tensors, label));
  return nodes.finish(graph, name, part, tensors, sum);
}

/** The scaled image part of each row [n, values], and the scale 1 / length of each row [n, 1]. */
function imageRows(
  graph: OnnxGraph,
  { spec: { subtractMean }, layout, values: all }: ExportedNetwork,
  labelNorm2: number,
): { readonly rows: string; readonly scale: string } {
  const { skip, prefix } = layout;
  const axes = graph.integers([1]);
  const values = graph.node('Slice', [all, graph.integers([skip]), graph.integers([skip + prefix]), axes]);
  const mean = subtractMean ? graph.node('ReduceMean', [values], { axes: [1], keepdims: 1 }) : undefined;
  const image = mean === undefined ? values : graph.node('Sub', [values, mean]);
  const squares = graph.node('ReduceSumSquare', [image], { axes: [1], keepdims: 1 });
  const length = graph.node('Sqrt', [graph.node('Add', [squares, graph.scalar(labelNorm2)])]);
  const scale = graph.node('Reciprocal', [length]);
  return { rows: graph.node('Mul', [image, scale]), scale };
}

interface ExportedPart {
  readonly nodes: OnnxNodes;
  readonly name: string;
  readonly part: PartStructure;
  readonly tensors: PartTensors;
}

function partOf(state: LayerState | undefined, index = 0): ExportedPart {
  const { structure, parts } = state as LayerState;
  const part = structure.parts[index] as PartStructure;
  const name = partName(structure, index);
  return { nodes: kindOf(part.geometry).onnx, name, part, tensors: parts[index] as PartTensors };
}

function whole(graph: OnnxGraph, state: LayerState, index: number, rows: string): string {
  const { nodes, name, part, tensors } = partOf(state, index);
  return nodes.whole(graph, name, part, tensors, rows);
}

/** Rows of unit length along `axis`. */
function normalised(graph: OnnxGraph, activations: string, axis: number): string {
  const squares = graph.node('ReduceSumSquare', [activations], { axes: [axis], keepdims: 1 });
  const length = graph.node('Sqrt', [graph.node('Add', [squares, graph.scalar(NORMALISE_EPSILON)])]);
  return graph.node('Div', [activations, length]);
}

function valueInfo(name: string, type: number, dims: readonly (string | number)[]): Message {
  const shape = new Message();
  for (const dim of dims)
    shape.messages(1, typeof dim === 'number' ? new Message().integer(1, dim) : new Message().text(2, dim));
  return new Message()
    .text(1, name)
    .messages(2, new Message().messages(1, new Message().integer(1, type).messages(2, shape)));
}
