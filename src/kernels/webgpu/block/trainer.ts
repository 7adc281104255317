/**
 * Training of a block of convolutions by the built-in losses without waiting: what leaves the block stays on the device, and so does the loss by
 * it. Batches come from the host, one submission after the other.
 */
import { checkForward, checkInput, checkRule } from '../../check.js';
import type { LayerTrainer, LossDescription, StepStats, TrainerStep } from '../../trainer.js';
import { allOrNone } from '../all-or-none.js';
import type { Attached, GpuDense } from '../dense.js';
import type { DenseWork } from '../dense-work.js';
import { openLayerLoss, type LayerLoss } from '../layer-loss.js';
import { LossHistory } from '../loss-history.js';
import { parameterWords } from '../scalars.js';
import { StepQueue } from '../step-queue.js';
import type { GpuBlock } from './block.js';

/** What a trainer makes at its first step. */
interface Opened {
  /** Of what a loss needs; each step is sent at once, with those of the block around it. */
  readonly queue: StepQueue;
  readonly history: LossHistory;
  readonly loss: LayerLoss;
}

export class GpuBlockTrainer implements LayerTrainer, Attached {
  readonly #block: GpuBlock;
  readonly #head: DenseWork | undefined;
  readonly #loss: LossDescription;
  #opened: Opened | undefined;

  /** @param head what stands on the block, where the loss is that of a head */
  constructor(block: GpuBlock, head: GpuDense | undefined, loss: LossDescription) {
    this.#block = block;
    this.#head = head?.work;
    this.#loss = loss;
    block.attach(this);
    head?.attach(this);
  }

  async step({ input, labels, ...rules }: TrainerStep): Promise<void> {
    checkRule(rules.layerRule);
    checkRule(rules.headRule);
    if ('drawn' in input) throw new RangeError('step: rows are drawn, but no stock is held');
    const block = this.#block;
    checkForward(checkInput('step', block, input), block.maxRows, undefined);
    const { queue, history, loss } = (this.#opened ??= await this.#open());
    const { batch, variants } = input;
    const samples = labels.length;
    const historyAt = await history.place(batch * variants, samples);
    // At most two steps are under way, beside the backward pass of the one before them.
    const place = await queue.next();
    await block.forward(input);
    const { picksAt, slots } = place;
    const step = { ...rules, batch, variants, samples, place: { picksAt, historyAt } };
    const parameters = loss.parameters(step);
    const [layer, head] = slots;
    queue.setParameters(layer, parameterWords(parameters.layer));
    if (parameters.head) queue.setParameters(head, parameters.head);
    // Labels stand behind the samples' places in a stock, of which there is none.
    queue.setPicks(place, new Uint32Array(batch), labels);
    queue.add(await loss.dispatches(step, { layer, head }));
    queue.flush();
    await block.learn(loss, rules.layerRule);
    history.took(batch * variants, samples);
  }

  async statistics(): Promise<readonly StepStats[]> {
    return (await this.#opened?.history.statistics()) ?? [];
  }

  /** Each step is in the device's queue when it returns. */
  flush(): void {}

  close(): void {
    this.#opened?.loss.close();
    this.#opened?.history.close();
    this.#opened?.queue.close();
    this.#opened = undefined;
  }

  #open(): Promise<Opened> {
    const { device, form, outputs, maxRows } = this.#block;
    return allOrNone(async (adopt) => {
      const queue = adopt(await StepQueue.open(device, 1, 2 * maxRows), (opened) => opened.close());
      const history = adopt(await LossHistory.open(device, this.#loss, this.#block), (opened) => opened.close());
      const leaving = { device, form, outputs, maxRows, y: await this.#block.leaving() };
      const buffers = { picks: queue.picks, history: history.buffer };
      return { queue, history, loss: await openLayerLoss(leaving, this.#head, this.#loss, buffers) };
    });
  }
}
