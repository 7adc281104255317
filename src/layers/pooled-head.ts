/**
 * The linear head on planes: they are averaged over windows first, so that it reads at most 2048 values, as the local losses of
 * Nøkland & Eidnes ("Training Neural Networks with Local Error Signals", arXiv 1901.06656) do. Not for specs: heads come with objectives.
 */
import { z } from 'zod';
import type { OnnxGraph } from '../formats/onnx-graph.js';
import type { Planes } from '../kernels/block/contract.js';
import { pooledValues } from '../kernels/averages.js';
import { PooledKernel } from '../kernels/pooled.js';
import { dense, linearHead, type DenseGeometry } from './dense.js';
import type { Geometry, LayerKind, PartStructure } from './layer-kind.js';

const MOST_VALUES = 2048;

/** Nothing in a spec describes it. */
export interface PooledHeadDescription {
  readonly kind: 'pooled-head';
}

export interface PooledHeadGeometry extends Geometry {
  readonly kind: 'pooled-head';
  /** Of the layer below. */
  readonly from: Planes;
  /** Side of a window. */
  readonly side: number;
}

/** A linear head on what leaves a layer of `geometry`. */
export function headOn({ outputs, planes }: Geometry, classes: number): DenseGeometry | PooledHeadGeometry {
  if (!planes || outputs <= MOST_VALUES) return linearHead(outputs, classes);
  let side = 2;
  while (side < Math.max(planes.height, planes.width) && pooledValues({ planes, side }) > MOST_VALUES) side++;
  return { kind: 'pooled-head', inputs: outputs, outputs: classes, from: planes, side };
}

function inside({ from, side, outputs }: PooledHeadGeometry): DenseGeometry {
  return linearHead(pooledValues({ planes: from, side }), outputs);
}

function denseOf(part: PartStructure<PooledHeadGeometry>): PartStructure<DenseGeometry> {
  return { ...part, geometry: inside(part.geometry) };
}

export const pooledHead: LayerKind<PooledHeadDescription, PooledHeadGeometry> = {
  kind: 'pooled-head',
  schema: z.never(),
  parse: () => undefined,
  format: () => 'pooled-head',
  geometry() {
    throw new RangeError('a pooled head is no layer of its own');
  },
  parameters: (geometry) => dense.parameters(inside(geometry)),
  multiplyAdds: (geometry) => dense.multiplyAdds(inside(geometry)),
  initialise: (part, tensors, stream) => dense.initialise(denseOf(part), tensors, stream),
  async open(kernels, part, tensors, options) {
    const { geometry } = part;
    const opened = await dense.open(kernels, denseOf(part), tensors, options);
    const shape = { planes: geometry.from, side: geometry.side };
    const kernel = new PooledKernel(opened.kernel, shape, kernels.averages);
    return { kernel, read: (into) => opened.read(into) };
  },
  onnx: {
    ...dense.onnx,
    whole(graph, name, part, tensors, rows) {
      const pooled = part as PartStructure<PooledHeadGeometry>;
      return dense.onnx.whole(graph, name, denseOf(pooled), tensors, averages(graph, pooled.geometry, rows));
    },
  },
};

function averages(graph: OnnxGraph, { from, side }: PooledHeadGeometry, rows: string): string {
  const { channels, height, width } = from;
  const last = graph.node('Reshape', [rows, graph.integers([-1, height, width, channels])]);
  const first = graph.node('Transpose', [last], { perm: [0, 3, 1, 2] });
  const pooled = graph.node('AveragePool', [first], {
    kernel_shape: [side, side],
    strides: [side, side],
    ceil_mode: 1,
    count_include_pad: 0,
  });
  const back = graph.node('Transpose', [pooled], { perm: [0, 2, 3, 1] });
  return graph.node('Reshape', [back, graph.integers([-1, pooledValues({ planes: from, side })])]);
}
