/**
 * Training on the device: whole steps by the built-in losses, many of them in a submission, over samples that lie there. Nothing comes back but
 * a few words a row, and only when statistics are asked for.
 */
import { checkForward, checkInput, checkRule } from '../check.js';
import type { DrawnInput, LayerTrainer, LossDescription, StepStats, Stock, TrainerStep } from '../trainer.js';
import type { Attached, GpuDense } from './dense.js';
import type { DenseWork } from './dense-work.js';
import type { Dispatch, GpuDevice } from './device.js';
import { elements } from './groups.js';
import { historyWords, statisticsOf, type PastStep } from './loss-statistics.js';
import { openLossWork, type LossWork } from './loss-work.js';
import { gathered, suffixOf } from './samples.js';
import { maskScalars } from './scalars.js';
import { stagingShaders } from './staging-shaders.js';
import { DeviceStock } from './stock.js';
import { StepQueue, type StepPlace } from './step-queue.js';

/** Words of the history; what steps leave is read at the latest when it is full. */
const HISTORY = 2 ** 18;
const MOST_STEPS = 64;
/** Multiply-adds of a submission, at most: none should keep a device busy for more than about a second. */
const WORK_OF_A_SUBMISSION = { gpu: 2 ** 37, software: 2 ** 27 };

/** What a trainer makes at its first step: making a trainer takes no time, and not all of them are used. */
interface Opened {
  readonly queue: StepQueue;
  readonly history: GPUBuffer;
  readonly historySize: number;
  readonly loss: LossWork;
}

export class GpuTrainer implements LayerTrainer, Attached {
  readonly #layer: DenseWork;
  readonly #head: DenseWork | undefined;
  readonly #loss: LossDescription;
  readonly #device: GpuDevice;
  #opened: Opened | undefined;
  #stock: DeviceStock | undefined;
  #past: PastStep[] = [];
  #used = 0;
  #told: StepStats[] = [];

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

  async step({ input, labels, layerRule, headRule, outputMask }: TrainerStep): Promise<void> {
    checkRule(layerRule);
    checkRule(headRule);
    const opened = (this.#opened ??= await this.#open());
    const { queue, loss, historySize } = opened;
    const { batch, variants } = input;
    const samples = labels.length;
    const words = historyWords(this.#loss) * (this.#goodness ? batch * variants : samples);
    if (this.#used + words > historySize) await this.#drain();
    checkForward(batch * variants, this.#layer.maxRows, undefined);
    const drawn = 'drawn' in input;
    if (!drawn) checkInput('step', this.#layer, input);
    // A batch from the host takes the place of the one before, so that one must be under way.
    if (!drawn) this.flush();
    const place = await queue.next();
    const { picksAt } = place;
    const step = {
      batch,
      variants,
      samples,
      layerRule,
      headRule,
      outputMask,
      place: { picksAt, historyAt: this.#used, skip: this.#stock?.skip ?? 0 },
    };
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
    this.#past.push({ samples, at: this.#used });
    this.#used += words;
    if (!drawn) this.flush();
  }

  async statistics(): Promise<readonly StepStats[]> {
    await this.#drain();
    const told = this.#told;
    this.#told = [];
    return told;
  }

  flush(): void {
    this.#opened?.queue.flush();
  }

  close(): void {
    this.#stock?.close();
    this.#stock = undefined;
    this.#opened?.loss.close();
    this.#opened?.queue.close();
    this.#opened?.history.destroy();
    this.#opened = undefined;
  }

  get #goodness(): boolean {
    return 'steepness' in this.#loss;
  }

  async #open(): Promise<Opened> {
    const { maxRows, inputs, outputs } = this.#layer;
    const device = this.#device;
    const ofStep = Math.max(1, 3 * maxRows * inputs * outputs);
    const most = device.software ? WORK_OF_A_SUBMISSION.software : WORK_OF_A_SUBMISSION.gpu;
    const steps = Math.max(1, Math.min(MOST_STEPS, Math.floor(most / ofStep)));
    // Rows, then true labels, then wrong ones.
    const queue = await StepQueue.open(device, steps, 3 * maxRows);
    const historySize = Math.max(HISTORY, historyWords(this.#loss) * maxRows);
    const history = await device.buffer('what steps leave', historySize);
    const loss = await openLossWork(this.#layer, this.#head, this.#loss, { picks: queue.picks, history });
    return { queue, history, historySize, loss };
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
    queue.setParameters(entering, this.#layer.parameters({ ...maskScalars(mask), rows: batch, outputs: width }));
    const { dropout } = stagingShaders();
    const threads = elements(batch * Math.ceil(width / 128) * 16);
    return [...work, await this.#layer.dispatch(dropout, entering, [loss.rows.prefix], threads)];
  }

  /** Reads what steps have left. */
  async #drain(): Promise<void> {
    this.flush();
    const past = this.#past;
    if (past.length === 0) return;
    const words = new Float32Array(this.#used);
    this.#past = [];
    this.#used = 0;
    await this.#device.read([{ from: (this.#opened as Opened).history, into: words }]);
    for (const step of past) this.#told.push(statisticsOf(this.#loss, this.#layer.outputs, step, words));
  }
}
