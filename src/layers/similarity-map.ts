/** The linear map whose outputs a similarity loss compares: 3x3 over planes, dense over values and planes of one position; as many channels or units as before. */
import type { Stage } from '../kernels/block/contract.js';
import type { ConvGeometry } from './conv/geometry.js';
import type { DenseGeometry } from './dense.js';
import type { Geometry } from './layer-kind.js';

export function similarityMap({ outputs, planes }: Geometry): DenseGeometry | ConvGeometry {
  if (!planes || planes.height * planes.width === 1) return { kind: 'dense', inputs: outputs, outputs };
  const stage: Stage = {
    from: planes,
    outputs: planes.channels,
    kernel: 3,
    stride: 1,
    padding: 1,
    groups: 1,
    leak: 1,
  };
  return { kind: 'conv', inputs: outputs, outputs, stages: [stage], channelsFirst: false, labels: 0, planes };
}
