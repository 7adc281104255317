/** The work of one step of dense layers by its loss: from a batch that lies on the device to new weights. */
import type { LossDescription } from '../trainer.js';
import { allOrNone } from './all-or-none.js';
import { CrossEntropy } from './cross-entropy.js';
import { destroyAll, type DenseWork, type RowBuffers } from './dense-work.js';
import type { Dispatch } from './device.js';
import { openLayerLoss } from './layer-loss.js';
import type { LossStep, StepBuffers, StepSlots } from './loss-step.js';
import { scalars } from './scalars.js';

/** Parameters of the layer that the batch enters, and of the head on it. */
export interface StepParameters {
  readonly layer: Uint32Array;
  readonly head?: Uint32Array | undefined;
}

/** The training of one or two layers by a loss. The batch is in the prefix and suffix of `rows`. */
export interface LossWork {
  readonly rows: RowBuffers;
  parameters(step: LossStep): StepParameters;
  dispatches(step: LossStep, slots: StepSlots): Promise<Dispatch[]>;
  close(): void;
}

/** @param head what stands on `layer`; a layer that is itself the head has none */
export function openLossWork(
  layer: DenseWork,
  head: DenseWork | undefined,
  loss: LossDescription,
  buffers: StepBuffers,
): Promise<LossWork> {
  return loss.kind === 'softmax' ? openSoftmax(layer, buffers) : openLayer(layer, head, loss, buffers);
}

async function openLayer(
  layer: DenseWork,
  head: DenseWork | undefined,
  description: LossDescription,
  buffers: StepBuffers,
): Promise<LossWork> {
  const { maxRows, outputs, device, how } = layer;
  const { rows, deltas, loss } = await allOrNone(async (adopt) => {
    const own = {
      rows: adopt(await layer.rowBuffers(maxRows, maxRows), destroyAll),
      deltas: adopt(await layer.deltaBuffers(maxRows), destroyAll),
    };
    const leaving = { device, form: how.form, outputs, maxRows, y: own.rows.y };
    return { ...own, loss: await openLayerLoss(leaving, head, description, buffers, own.deltas.given) };
  });
  return {
    rows,
    parameters(step) {
      const { layer: values, head: words } = loss.parameters(step);
      return { layer: layer.parameters({ ...values, ...scalars(step.layerRule) }), head: words };
    },
    async dispatches(step, slots) {
      const { batch, variants, layerRule } = step;
      const counts = { batch, rows: batch * variants };
      return [
        ...(await layer.forward(rows, counts, slots.layer)),
        ...(await loss.dispatches(step, slots)),
        await layer.deltas(rows.y, deltas, counts, slots.layer),
        ...(await layer.update(rows, deltas, layerRule.kind, slots.layer)),
      ];
    },
    close() {
      loss.close();
      destroyAll(rows, deltas);
    },
  };
}

async function openSoftmax(head: DenseWork, buffers: StepBuffers): Promise<LossWork> {
  const loss = await CrossEntropy.open(head, buffers);
  return {
    rows: loss.rows,
    parameters: (step) => ({ layer: loss.parameters(step) }),
    dispatches: async ({ samples, headRule }, { layer: slot }) => [
      ...(await loss.dispatches(samples, slot)),
      ...(await head.update(loss.rows, loss.deltas, headRule.kind, slot)),
    ],
    close: () => loss.close(),
  };
}
