/** Sizes of a block of convolutions within a network. */
import type { Planes, Stage } from '../../kernels/block/contract.js';
import type { Geometry } from '../layer-kind.js';

export interface ConvGeometry extends Geometry {
  readonly kind: 'conv';
  readonly stages: readonly Stage[];
  /** Rows that enter have their channels first, as images do. */
  readonly channelsFirst: boolean;
  /** Label values at the end of a row that enters. */
  readonly labels: number;
  readonly planes: Planes;
}
