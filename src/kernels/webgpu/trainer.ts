/**
 * Training on the device: whole steps by the built-in losses, many of them in a submission, over samples that lie there. Nothing comes back but
 * a few words a row, and only when statistics are asked for.
 */
import { checkForward, checkInput, checkRule } from '../check.js';
import type { DrawnInput, LayerTrainer, LossDescription, StepStats, Stock, TrainerStep } from '../trainer.js';
import { allOrNone } from './all-or-none.js';
import type { Attached, GpuDense } from './dense.js';
import type { DenseWork } from './dense-work.js';
import type { Dispatch, GpuDevice } from './device.js';
import { LossHistory } from './loss-history.js';
import { openLossWork, type LossWork } from './loss-work.js';
import { gathered, suffixOf } from './samples.js';
import { maskScalars } from './scalars.js';
import { dropoutThreads, stagingShaders } from './staging-shaders.js';
import { DeviceStock } from './stock.js';
import { StepQueue, type StepPlace } from './step-queue.js';

const MOST_STEPS = 64;
/** Multiply-adds of a submission, at most: none should keep a device busy for more than about a second. */
const WORK_OF_A_SUBMISSION = { gpu: 2 ** 37, software: 2 ** 27 };

/** What a trainer makes at its first step: making a trainer takes no time, and not all of them are used. */
interface Opened {
  readonly queue: StepQueue;
  readonly history: LossHistory;
  readonly loss: LossWork;
}

export class GpuTrainer implements LayerTrainer, Attached {
  readonly #layer: DenseWork;
  readonly #head: DenseWork | undefined;
  readonly #loss: LossDescription;
  readonly #device: GpuDevice;
  #opened: Opened | undefined;
  #stock: DeviceStock | undefined;

  /** @param head what stands on the layer, where the loss is that of a head on a layer */
  constructor(layer: GpuDense, head: GpuDense | undefined, loss: LossDescription) {
    this.#layer = layer.work;
    this.#head = head?.work;
    this.#loss = loss;
    this.#device = layer.work.device;
    layer.attach(this);
    head?.attach(this);
  }

  async hold(stock: Stock): Promise<boolean> {
    this.flush();
    this.#stock?.close();
    this.#stock = await DeviceStock.open(this.#layer, stock);
    return this.#stock !== undefined;
  }

  async step({ input, labels, ...rules }: TrainerStep): Promise<void> {
    checkRule(rules.layerRule);
    checkRule(rules.headRule);
    const opened = (this.#opened ??= await this.#open());
    const { queue, loss, history } = opened;
    const { batch, variants } = input;
    const samples = labels.length;
    checkForward(batch * variants, this.#layer.maxRows, undefined);
    const drawn = 'drawn' in input;
    if (!drawn) checkInput('step', this.#layer, input);
    // A batch from the host takes the place of the one before, so that one must be under way.
    if (!drawn) this.flush();
    const historyAt = await history.place(batch * variants, samples, () => this.flush());
    const place = await queue.next();
    const { picksAt } = place;
    const skip = this.#stock?.skip ?? 0;
    const step = { ...rules, batch, variants, samples, place: { picksAt, historyAt, skip } };
    const parameters = loss.parameters(step);
    const [layer, head] = place.slots;
    queue.setParameters(layer, parameters.layer);
    if (parameters.head) queue.setParameters(head, parameters.head);
    if (drawn) {
      queue.setPicks(place, input.drawn, labels, input.wrong ?? []);
      queue.add(await this.#draw(opened, input, place));
    } else {
      // Labels stand behind as many rows as a drawn batch has.
      queue.setPicks(place, new Uint32Array(batch), labels);
      const { prefix, suffix } = loss.rows;
      const { prefixInputs, suffixInputs } = this.#layer;
      this.#device.write(prefix, gathered(input, 0, batch, prefixInputs));
      if (input.suffix) this.#device.write(suffix, suffixOf(input.suffix, input, 0, batch, suffixInputs));
    }
    queue.add(await loss.dispatches(step, { layer, head }));
    history.took(batch * variants, samples);
    if (!drawn) this.flush();
  }

  async statistics(): Promise<readonly StepStats[]> {
    this.flush();
    return (await this.#opened?.history.statistics()) ?? [];
  }

  flush(): void {
    this.#opened?.queue.flush();
  }

  close(): void {
    this.#stock?.close();
    this.#stock = undefined;
    this.#opened?.loss.close();
    this.#opened?.queue.close();
    this.#opened?.history.close();
    this.#opened = undefined;
  }

  #open(): Promise<Opened> {
    const { maxRows, inputs, outputs } = this.#layer;
    const device = this.#device;
    const ofStep = Math.max(1, 3 * maxRows * inputs * outputs);
    const most = device.software ? WORK_OF_A_SUBMISSION.software : WORK_OF_A_SUBMISSION.gpu;
    const steps = Math.max(1, Math.min(MOST_STEPS, Math.floor(most / ofStep)));
    // Rows, then true labels, then wrong ones.
    return allOrNone(async (adopt) => {
      const queue = adopt(await StepQueue.open(device, steps, 3 * maxRows), (opened) => opened.close());
      const sizes = { outputs, maxRows };
      const history = adopt(await LossHistory.open(device, this.#loss, sizes), (opened) => opened.close());
      const buffers = { picks: queue.picks, history: history.buffer };
      return { queue, history, loss: await openLossWork(this.#layer, this.#head, this.#loss, buffers) };
    });
  }

  async #draw({ queue, loss }: Opened, input: DrawnInput, place: StepPlace): Promise<Dispatch[]> {
    const stock = this.#stock;
    if (!stock) throw new RangeError('step: rows are drawn, but no stock is held');
    const { drawn, batch, variants, mask } = input;
    for (const row of drawn)
      if (row >= stock.count) throw new RangeError(`step: row ${row} is drawn, but the stock has only ${stock.count}`);
    const [layer, , entering] = place.slots;
    const work = await stock.draw(loss.rows, queue.picks, batch, batch * variants, layer);
    if (!mask) return work;
    const width = this.#layer.prefixInputs;
    queue.setParameters(entering, this.#layer.parameters({ ...maskScalars(mask, width), rows: batch, outputs: width }));
    const { dropout } = stagingShaders();
    const threads = dropoutThreads(batch, width);
    return [...work, await this.#layer.bindings.dispatch(dropout, entering, [loss.rows.prefix], threads)];
  }
}
