/**
 * ONNX nodes of a block. Within it values are planes with their channels first, as ONNX has them; between layers they are rows,
 * channels last, as everywhere in pff.
 */
import type { OnnxGraph } from '../../formats/onnx-graph.js';
import {
  convolved,
  hasConvolution,
  labelsOf,
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
    const made = throughStages(graph, name, part, tensors, planes, 0, geometry.stages.length);
    return rowsOf(graph, made, geometry.outputs, rows);
  },
  // All up to the block's first convolution, which is where labels enter.
  imagePart(graph, name, part, tensors, rows) {
    const { stages, channelsFirst } = geometryOf(part.geometry);
    const { first, stage } = firstConvolution(stages);
    const planes = planesOf(graph, rows, (stages[0] as Stage).from, channelsFirst);
    const before = throughStages(graph, `${name}.image`, part, tensors, planes, 0, first);
    const made = convolution(graph, `${name}.image`, stage, weightsOf(part, tensors, first), before);
    return rowsOf(graph, made, planeValues(convolved(stage)), rows);
  },
  labelPart(graph, part, tensors, label) {
    const { stages, labels } = geometryOf(part.geometry);
    const { first, stage } = firstConvolution(stages);
    const values = tensorOf(part, tensors, first, 'label');
    const { outputs } = stage;
    const positions = planeValues(convolved(stage)) / outputs;
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
    const { stages, outputs } = geometryOf(part.geometry);
    const { first, stage } = firstConvolution(stages);
    const made = afterConvolution(
      graph,
      `${name}.stage${first + 1}`,
      stage,
      (wanted) => tensorOf(part, tensors, first, wanted),
      planesOf(graph, sum, convolved(stage), false),
    );
    return rowsOf(graph, throughStages(graph, name, part, tensors, made, first + 1, stages.length), outputs, sum);
  },
};

function firstConvolution(stages: readonly Stage[]): { first: number; stage: Stage } {
  const first = stages.findIndex(hasConvolution);
  return { first, stage: stages[first] as Stage };
}

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

/** Planes through the stages from `from` to before `until`. */
function throughStages(
  graph: OnnxGraph,
  name: string,
  part: PartStructure,
  tensors: PartTensors,
  planes: string,
  from: number,
  until: number,
): string {
  const { stages } = geometryOf(part.geometry);
  let made = planes;
  for (let s = from; s < until; s++) {
    const stage = stages[s] as Stage;
    const own = s === 0 ? name : `${name}.stage${s + 1}`;
    if (hasConvolution(stage)) made = convolution(graph, own, stage, weightsOf(part, tensors, s), made);
    made = afterConvolution(
      graph,
      `${name}.stage${s + 1}`,
      stage,
      (wanted) => tensorOf(part, tensors, s, wanted),
      made,
    );
  }
  return made;
}

/** All of a stage that follows its convolution. */
function afterConvolution(
  graph: OnnxGraph,
  name: string,
  stage: Stage,
  of: (wanted: string) => Float32Array,
  planes: string,
): string {
  return pooled(graph, stage, activated(graph, stage, normalised(graph, name, stage, of, planes)));
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
  stage: Stage,
  of: (wanted: string) => Float32Array,
  planes: string,
): string {
  const { outputs, norm } = stage;
  const each = (what: string, values: Float32Array): string =>
    graph.floats(`${name}.${what}`, [1, outputs, 1, 1], values);
  if (!norm) return hasConvolution(stage) ? graph.node('Add', [planes, each('bias', of('bias'))]) : planes;
  const gamma = of('gamma');
  const beta = of('beta');
  if (norm.kind === 'batch') {
    const scale = of('variance').map((value, o) => (gamma[o] as number) / Math.sqrt(value + EPSILON));
    const mean = of('mean');
    const shift = beta.map((value, o) => value - (mean[o] as number) * (scale[o] as number));
    return graph.node('Add', [graph.node('Mul', [planes, each('scale', scale)]), each('shift', shift)]);
  }
  const affine = (values: string): string =>
    graph.node('Add', [graph.node('Mul', [values, each('gamma', gamma)]), each('beta', beta)]);
  if (norm.kind === 'position') return affine(normalisedOver(graph, planes, 1, norm.centred));
  const shape = graph.node('Shape', [planes]);
  const groups = graph.node('Reshape', [planes, graph.integers([0, norm.groups, -1])]);
  return affine(graph.node('Reshape', [normalisedOver(graph, groups, 2, true), shape]));
}

/** `values` to a mean square of 1 along an axis, about their mean if `centred`. */
function normalisedOver(graph: OnnxGraph, values: string, axis: number, centred: boolean): string {
  const mean = (of: string): string => graph.node('ReduceMean', [of], { axes: [axis], keepdims: 1 });
  const about = centred ? graph.node('Sub', [values, mean(values)]) : values;
  const variance = mean(graph.node('Mul', [about, about]));
  return graph.node('Div', [about, graph.node('Sqrt', [graph.node('Add', [variance, graph.scalar(EPSILON)])])]);
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
    for (const { name } of stageParameters(stage, labelsOf(stages, index, labels))) {
      if (index === s && name === wanted) return parameters[at] as Float32Array;
      at++;
    }
  throw new RangeError(`stage ${s + 1} has no ${wanted}`);
}
