/** A trained network in a browser: reads a model file and predicts. */
import { imageSize, type ImageShape, type SampleValues } from '../data/dataset.js';
import { newLabels } from '../data/label-array.js';
import { checkedValues } from '../data/well-formed.js';
import { labelLayout } from '../data/labels.js';
import { PffError } from '../errors.js';
import { openPortableKernels, type PortableChoice } from '../kernels/open-portable.js';
import type { Kernels } from '../kernels/kernels.js';
import { imagePlanes, imageValues } from '../layers/sizes.js';
import { decodeModel } from '../model/model-file.js';
import { checkedStates, checkModelMetadata } from '../model/model-integrity.js';
import { strongestClass } from '../model/prediction.js';
import { Predictor } from '../model/predictor.js';
import { labelled } from '../node/prepare.js';
import type { OwnKind } from '../spec/own-parts.js';
import { isKnownName, predictingParts, type RunSpec } from '../spec/spec.js';

export interface BrowserPrediction {
  readonly label: number;
  readonly className: string;
  /** A score for each class, in their order: comparable within one prediction only. */
  readonly scores: readonly number[];
}

export class BrowserModel {
  readonly spec: RunSpec;
  readonly classes: readonly string[];
  readonly #shape: ImageShape;
  readonly #kernels: Kernels;
  readonly #predictor: Predictor;
  /** Layers have one buffer each on a device, so predictions take turns. */
  #last: Promise<unknown> = Promise.resolve();

  /** Made by `openModel`. */
  constructor(spec: RunSpec, classes: readonly string[], shape: ImageShape, kernels: Kernels, predictor: Predictor) {
    this.spec = spec;
    this.classes = classes;
    this.#shape = shape;
    this.#kernels = kernels;
    this.#predictor = predictor;
  }

  /** Predicts images [n, width · height · channels] as a dataset has them: bytes 0 … 255, channel by channel. @throws PffError `data` */
  async predict(given: SampleValues | Uint8ClampedArray): Promise<BrowserPrediction[]> {
    const images = checkedValues(given);
    const size = imageSize(this.#shape);
    const count = images.length / size;
    if (!Number.isInteger(count))
      throw new PffError('data', `${images.length} values do not divide into samples of ${size} values`, {
        hint: 'Give whole samples, one after the other.',
      });
    const classes = this.classes.length;
    const layout = labelLayout(imagePlanes(this.spec.layers) ?? this.#shape, classes, this.spec.labelMode);
    const samples = { count, images, labels: newLabels(count, classes) };
    const data = labelled(samples, layout, this.#shape, this.spec);
    const rows = Uint32Array.from({ length: count }, (_, i) => i);
    const next = this.#last.then(() => this.#predictor.scores(data, rows));
    this.#last = next.catch(() => {});
    const { combined } = await next;
    return Array.from(strongestClass(combined, classes), (label, i) => ({
      label,
      className: this.classes[label] ?? String(label),
      scores: Array.from(combined.subarray(i * classes, (i + 1) * classes)),
    }));
  }

  /** Frees its memory, once all that was asked for is answered; it must not be used afterwards. */
  close(): void {
    const free = (): void => {
      this.#predictor.close();
      this.#kernels.close();
    };
    void this.#last.then(free);
  }
}

/** Opens a model file that `train` gave, here or elsewhere. @throws PffError `files` where it is none, damaged, or of a table */
export async function openModel(bytes: Uint8Array, kernels: PortableChoice = 'auto'): Promise<BrowserModel> {
  const model = decodeModel(bytes);
  checkModelMetadata(model, 'the model');
  const { spec, classes, inputs } = model;
  if (classes === undefined || inputs?.kind !== 'image')
    throw new PffError('files', 'the model does not say which images it takes', {
      hint: 'Models of tables are read by pff predict.',
    });
  for (const [kind, name] of Object.entries(predictingParts(spec)))
    if (!isKnownName(kind as OwnKind, name))
      throw new PffError('usage', `the model has the ${kind} ${name}, which is of a plugin that is not here`, {
        hint: 'Models with parts of a plugin are read by pff predict --plugin FILE.',
      });
  const layout = labelLayout(imagePlanes(spec.layers) ?? inputs.shape, classes.length, spec.labelMode);
  if (imageSize(inputs.shape) !== imageValues(spec.layers))
    throw new PffError('files', 'the model takes images of another size than its first layer');
  const states = checkedStates(model, layout, 'the model', {});
  const { kernels: opened } = await openPortableKernels(spec.precision, kernels);
  try {
    return new BrowserModel(spec, classes, inputs.shape, opened, await Predictor.open(opened, spec, states));
  } catch (error) {
    opened.close();
    throw error;
  }
}
