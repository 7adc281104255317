/**
 * ONNX nodes of a block. Within it values are planes with their channels first, as ONNX has them; between layers they are rows,
 * channels last, as everywhere in pff.
 */
import type { OnnxGraph } from '../../formats/onnx-graph.js';
import {
  convolved,
  leaving,
  planeValues,
  stageParameters,
  type Planes,
  type Stage,
} from '../../kernels/block/contract.js';
import type { Geometry, OnnxNodes, PartStructure, PartTensors } from '../layer-kind.js';
import type { ConvGeometry } from './geometry.js';

/** As rule 9 of the kernels' contract has it. */
const EPSILON = 1e-5;

export const convOnnx: OnnxNodes = {
  whole(graph, name, part, tensors, rows) {
    const geometry = geometryOf(part.geometry);
    const planes = planesOf(graph, rows, (geometry.stages[0] as Stage).from, geometry.channelsFirst);
    return blockOnPlanes(graph, name, part, tensors, planes, rows);
  },
  imagePart(graph, name, part, tensors, rows) {
    const { stages, channelsFirst } = geometryOf(part.geometry);
    const [first] = stages as [Stage, ...Stage[]];
    const made = convolution(
      graph,
      `${name}.image`,
      first,
      weightsOf(part, tensors, 0),
      planesOf(graph, rows, first.from, channelsFirst),
    );
    return rowsOf(graph, made, planeValues(convolved(first)), rows);
  },
  labelPart(graph, part, tensors, label) {
    const { stages, labels } = geometryOf(part.geometry);
    const [first] = stages as [Stage, ...Stage[]];
    const values = tensorOf(part, tensors, 0, 'label');
    const { outputs } = first;
    const positions = planeValues(convolved(first)) / outputs;
    const rowOf = (l: number): Float32Array => values.subarray(l * outputs, (l + 1) * outputs);
    const wide = (row: (o: number) => number): Float32Array =>
      Float32Array.from({ length: positions * outputs }, (_, at) => row(at % outputs));
    const width = positions * outputs;
    if (label === 'neutral') {
      const mean = (o: number): number => {
        let sum = 0;
        for (let l = 0; l < labels; l++) sum += rowOf(l)[o] as number;
        return sum / labels;
      };
      return graph.floats('layer1.label.neutral', [1, width], wide(mean));
    }
    const all = new Float32Array(labels * width);
    for (let l = 0; l < labels; l++)
      all.set(
        wide((o) => rowOf(l)[o] as number),
        l * width,
      );
    return graph.floats('layer1.label.each', [1, labels, width], all);
  },
  finish(graph, name, part, tensors, sum) {
    const { stages } = geometryOf(part.geometry);
    const [first] = stages as [Stage, ...Stage[]];
    const made = planesOf(graph, sum, convolved(first), false);
    return afterConvolution(graph, name, part, tensors, made, sum);
  },
};

function geometryOf(geometry: Geometry): ConvGeometry {
  return geometry as ConvGeometry;
}

/** Rows [..., values] as planes [n, C, H, W]. */
function planesOf(graph: OnnxGraph, rows: string, { channels, height, width }: Planes, channelsFirst: boolean): string {
  if (channelsFirst) return graph.node('Reshape', [rows, graph.integers([-1, channels, height, width])]);
  const last = graph.node('Reshape', [rows, graph.integers([-1, height, width, channels])]);
  return graph.node('Transpose', [last], { perm: [0, 3, 1, 2] });
}

/** Planes as rows of `values`, in as many dimensions as the rows `like` had. */
function rowsOf(graph: OnnxGraph, planes: string, values: number, like: string): string {
  const last = graph.node('Transpose', [planes], { perm: [0, 2, 3, 1] });
  const shape = graph.node('Shape', [like]);
  const leading = graph.node('Slice', [shape, graph.integers([0]), graph.integers([-1])]);
  return graph.node('Reshape', [last, graph.node('Concat', [leading, graph.integers([values])], { axis: 0 })]);
}

function blockOnPlanes(
  graph: OnnxGraph,
  name: string,
  part: PartStructure,
  tensors: PartTensors,
  planes: string,
  like: string,
): string {
  const [first] = geometryOf(part.geometry).stages as [Stage, ...Stage[]];
  const made = convolution(graph, name, first, weightsOf(part, tensors, 0), planes);
  return afterConvolution(graph, name, part, tensors, made, like);
}

/** All that follows the first stage's convolution. */
function afterConvolution(
  graph: OnnxGraph,
  name: string,
  part: PartStructure,
  tensors: PartTensors,
  made: string,
  like: string,
): string {
  const { stages, outputs } = geometryOf(part.geometry);
  let planes = made;
  for (const [s, stage] of stages.entries()) {
    const own = `${name}.stage${s + 1}`;
    if (s > 0) planes = convolution(graph, own, stage, weightsOf(part, tensors, s), planes);
    planes = normalised(graph, own, stage, (wanted) => tensorOf(part, tensors, s, wanted), planes);
    planes = pooled(graph, stage, activated(graph, stage, planes));
  }
  return rowsOf(graph, planes, outputs, like);
}

function convolution(graph: OnnxGraph, name: string, stage: Stage, weights: Float32Array, planes: string): string {
  const { from, outputs, kernel, stride, padding, groups } = stage;
  const channels = from.channels / groups;
  const each = outputs / groups;
  const turned = new Float32Array(weights.length);
  let at = 0;
  for (let o = 0; o < outputs; o++)
    for (let c = 0; c < channels; c++)
      for (let window = 0; window < kernel * kernel; window++) {
        const g = Math.floor(o / each);
        turned[at++] = weights[((g * kernel * kernel + window) * channels + c) * each + (o % each)] as number;
      }
  return graph.node('Conv', [planes, graph.floats(`${name}.weight`, [outputs, channels, kernel, kernel], turned)], {
    kernel_shape: [kernel, kernel],
    pads: [padding, padding, padding, padding],
    strides: [stride, stride],
    group: groups,
  });
}

function normalised(
  graph: OnnxGraph,
  name: string,
  { outputs, norm }: Stage,
  of: (wanted: string) => Float32Array,
  planes: string,
): string {
  const each = (what: string, values: Float32Array): string =>
    graph.floats(`${name}.${what}`, [1, outputs, 1, 1], values);
  if (!norm) return graph.node('Add', [planes, each('bias', of('bias'))]);
  const gamma = of('gamma');
  const beta = of('beta');
  if (norm.kind === 'batch') {
    const scale = of('variance').map((value, o) => (gamma[o] as number) / Math.sqrt(value + EPSILON));
    const mean = of('mean');
    const shift = beta.map((value, o) => value - (mean[o] as number) * (scale[o] as number));
    return graph.node('Add', [graph.node('Mul', [planes, each('scale', scale)]), each('shift', shift)]);
  }
  const shape = graph.node('Shape', [planes]);
  const groups = graph.node('Reshape', [planes, graph.integers([0, norm.groups, -1])]);
  const centred = graph.node('Sub', [groups, graph.node('ReduceMean', [groups], { axes: [2], keepdims: 1 })]);
  const variance = graph.node('ReduceMean', [graph.node('Mul', [centred, centred])], { axes: [2], keepdims: 1 });
  const length = graph.node('Sqrt', [graph.node('Add', [variance, graph.scalar(EPSILON)])]);
  const back = graph.node('Reshape', [graph.node('Div', [centred, length]), shape]);
  return graph.node('Add', [graph.node('Mul', [back, each('gamma', gamma)]), each('beta', beta)]);
}

function activated(graph: OnnxGraph, { leak }: Stage, planes: string): string {
  if (leak === 1) return planes;
  if (leak === 0) return graph.node('Relu', [planes]);
  return graph.node('Max', [planes, graph.node('Mul', [planes, graph.scalar(leak)])]);
}

function pooled(graph: OnnxGraph, stage: Stage, planes: string): string {
  const { pool } = stage;
  if (!pool || planeValues(leaving(stage)) === 0) return planes;
  const type = pool.kind === 'max' ? 'MaxPool' : 'AveragePool';
  return graph.node(type, [planes], { kernel_shape: [pool.size, pool.size], strides: [pool.stride, pool.stride] });
}

function weightsOf(part: PartStructure, tensors: PartTensors, s: number): Float32Array {
  return tensorOf(part, tensors, s, 'weight');
}

/** A parameter of stage `s` by name. */
function tensorOf({ geometry }: PartStructure, { parameters }: PartTensors, s: number, wanted: string): Float32Array {
  const { stages, labels } = geometryOf(geometry);
  let at = 0;
  for (const [index, stage] of stages.entries())
    for (const { name } of stageParameters(stage, index === 0 ? labels : 0)) {
      if (index === s && name === wanted) return parameters[at] as Float32Array;
      at++;
    }
  throw new RangeError(`stage ${s + 1} has no ${wanted}`);
}
