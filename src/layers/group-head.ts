/** The head without parameters of objectives that give each class a group of channels. Not for specs: heads come with objectives. */
import { z } from 'zod';
import { PffError } from '../errors.js';
import { GroupGoodness, type GroupShape } from '../kernels/group-goodness.js';
import type { Geometry, LayerKind } from './layer-kind.js';

/** Nothing in a spec describes it. */
export interface GroupHeadDescription {
  readonly kind: 'group-head';
}

export interface GroupHeadGeometry extends Geometry {
  readonly kind: 'group-head';
  readonly shape: GroupShape;
}

/** @throws PffError `usage` where the channels (or units) cannot be cut into `classes` groups. */
export function groupHeadOn(
  { outputs, planes = { channels: outputs, height: 1, width: 1 } }: Geometry,
  layer: number,
  classes: number,
  of: GroupShape['of'],
): GroupHeadGeometry {
  const { channels } = planes;
  if (channels % classes !== 0)
    throw new PffError(
      'usage',
      `layer ${layer + 1} has ${channels} channels or units, which cannot be cut into one group for each of ${classes} classes`,
      { hint: `Choose a multiple of ${classes}, such as ${Math.max(1, Math.round(channels / classes)) * classes}.` },
    );
  return { kind: 'group-head', inputs: outputs, outputs: classes, shape: { planes, classes, of } };
}

export const groupHead: LayerKind<GroupHeadDescription, GroupHeadGeometry> = {
  kind: 'group-head',
  schema: z.never(),
  parse: () => undefined,
  format: () => 'group-head',
  geometry() {
    throw new RangeError('a group head is no layer of its own');
  },
  parameters: () => [],
  multiplyAdds: ({ inputs }) => inputs,
  initialise() {},
  open: (_kernels, { geometry }) => Promise.resolve({ kernel: new GroupGoodness(geometry.shape), read: () => {} }),
  onnx: {
    whole(graph, _name, part, _tensors, rows) {
      const { planes, classes, of } = (part.geometry as GroupHeadGeometry).shape;
      const positions = planes.height * planes.width;
      const groups = graph.node('Reshape', [rows, graph.integers([-1, positions, classes, planes.channels / classes])]);
      const terms = of === 'squares' ? graph.node('Mul', [groups, groups]) : groups;
      return graph.node('ReduceMean', [terms], { axes: [1, 3], keepdims: 0 });
    },
    imagePart: noLayer,
    labelPart: noLayer,
    finish: noLayer,
  },
};

function noLayer(): never {
  throw new RangeError('a group head is no layer of its own');
}
