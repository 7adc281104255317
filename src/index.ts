/** The public API: named exports, nothing else. */
export { PffError, type PffErrorCode } from './errors.js';
export { train, trainToEnd } from './run/train.js';
export type { TrainOptions, Execution } from './run/options.js';
export type { RunEvent, RunResult, DatasetFacts } from './run/events.js';
export { resolveSpec, specFields, type RunSpec, type PartialSpec } from './spec/spec.js';
export { presets } from './spec/presets.js';
export { VERSION } from './run/version.js';
export { evaluateRun, predictImages, datasetOfRun, type EvaluationResult, type Prediction } from './run/saved-model.js';
export { loadDataset } from './data/sources.js';
export type { Dataset, ImageShape, Samples } from './data/dataset.js';
