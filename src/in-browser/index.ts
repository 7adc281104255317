/** The library in a browser, `pipeline-forward-forward/browser`: named exports, nothing else. docs/LIBRARY.md shows how to use it. */
export { datasetFromArrays, datasetFromBatches, type LabelledImages, type OwnData } from '../data/arrays.js';
export type { Dataset, ImageShape, Samples } from '../data/dataset.js';
export { PffError } from '../errors.js';
export type { PartialSpec, RunSpec } from '../spec/spec.js';
export type { FinishedEvent, GpuFailedEvent, MeasuredEvent, ModelEvent, StartedEvent, TrainEvent } from './events.js';
export { openModel, type BrowserModel, type BrowserPrediction } from './model.js';
export { train, type BrowserTrainOptions } from './train.js';
