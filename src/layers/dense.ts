/** The fully connected layer: weights [inputs, outputs] and a bias [outputs]. */
import { z } from 'zod';
import type { OnnxGraph } from '../formats/onnx-graph.js';
import type { DenseTensors } from '../kernels/kernels.js';
import { activationOf, type Geometry, type LayerKind, type PartStructure, type PartTensors } from './layer-kind.js';

/** In a spec; the plain number of units says the same. */
export interface DenseDescription {
  readonly kind: 'dense';
  readonly units: number;
}

export interface DenseGeometry extends Geometry {
  readonly kind: 'dense';
}

export const dense: LayerKind<DenseDescription, DenseGeometry> = {
  kind: 'dense',
  schema: z.strictObject({ kind: z.literal('dense'), units: z.int().positive() }),
  parse(text) {
    const units = /^(?:dense)?([1-9]\d*)$/.exec(text)?.[1];
    return units === undefined ? undefined : { kind: 'dense', units: Number(units) };
  },
  format: ({ units }) => String(units),
  geometry: ({ units }, inputs) => ({ kind: 'dense', inputs, outputs: units }),
  parameters: ({ inputs, outputs }) => [
    { name: 'weight', shape: [inputs, outputs] },
    { name: 'bias', shape: [outputs] },
  ],
  multiplyAdds: ({ inputs, outputs }) => inputs * outputs,
  initialise({ initialDeviation }, { parameters: [weights] }, stream) {
    if (initialDeviation > 0 && weights) stream.fillNormal(weights, initialDeviation);
  },
  async open(kernels, part, tensors, { maxRows }) {
    const kernel = await kernels.openDense(denseTensors(part, tensors), {
      activation: activationOf(part),
      maxRows,
      suffixInputs: part.labelInputs,
      fixedBias: part.withoutBias,
    });
    return { kernel, read: (into) => kernel.read(denseTensors(part, into)) };
  },
  inputWeights: (_, { parameters: [weights = new Float32Array()] }) => weights,
  onnx: {
    whole(graph, name, part, tensors, rows) {
      const { inputs, outputs } = part.geometry;
      const weights = graph.floats(`${name}.weight`, [inputs, outputs], weightsOf(tensors));
      const sum = graph.node('Add', [graph.node('MatMul', [rows, weights]), bias(graph, name, part, tensors)]);
      return activationOf(part) === 'relu' ? graph.node('Relu', [sum]) : sum;
    },
    imagePart(graph, name, part, tensors, rows) {
      const { outputs } = part.geometry;
      const inputs = imageInputs(part);
      const weights = weightsOf(tensors).subarray(0, inputs * outputs);
      return graph.node('MatMul', [rows, graph.floats(`${name}.weight.image`, [inputs, outputs], weights)]);
    },
    labelPart(graph, part, tensors, label) {
      const { outputs } = part.geometry;
      const rows = weightsOf(tensors).subarray(imageInputs(part) * outputs);
      if (label === 'each') return graph.floats('layer1.weight.label', [1, part.labelInputs, outputs], rows);
      return graph.floats('layer1.weight.neutral', [1, outputs], meanRow(rows, part.labelInputs, outputs));
    },
    finish(graph, name, part, tensors, sum) {
      return graph.node('Relu', [graph.node('Add', [sum, bias(graph, name, part, tensors)])]);
    },
  },
};

/** Sizes of a linear head on rows of `inputs` values. */
export function linearHead(inputs: number, classes: number): DenseGeometry {
  return { kind: 'dense', inputs, outputs: classes };
}

/** The tensors by the names that kernels have for them. */
export function denseTensors(part: PartStructure, { parameters, moment1, moment2 }: PartTensors): DenseTensors {
  const { inputs, outputs } = part.geometry;
  const [weights, biasValues] = parameters as readonly [Float32Array, Float32Array];
  const [weightMoment1, biasMoment1] = moment1 as readonly [Float32Array, Float32Array];
  const [weightMoment2, biasMoment2] = moment2 as readonly [Float32Array, Float32Array];
  return { inputs, outputs, weights, bias: biasValues, weightMoment1, biasMoment1, weightMoment2, biasMoment2 };
}

function weightsOf({ parameters }: PartTensors): Float32Array {
  return parameters[0] as Float32Array;
}

function imageInputs({ geometry, labelInputs }: PartStructure): number {
  return geometry.inputs - labelInputs;
}

function bias(graph: OnnxGraph, name: string, { geometry }: PartStructure, { parameters }: PartTensors): string {
  return graph.floats(`${name}.bias`, [geometry.outputs], parameters[1] as Float32Array);
}

/** The mean of `count` rows [count, width]. */
function meanRow(rows: Float32Array, count: number, width: number): Float32Array {
  return Float32Array.from({ length: width }, (_, unit) => {
    let sum = 0;
    for (let c = 0; c < count; c++) sum += rows[c * width + unit] as number;
    return sum / count;
  });
}
