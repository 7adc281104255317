/**
 * The public API: what programs that use pff as a library need, and no more (docs/LIBRARY.md shows each name in use). The
 * command line is no such program: cli/ imports the rooms themselves.
 */

// Training.
export { train, trainToEnd } from './run/train.js';
export type { TrainOptions } from './run/options.js';
export type { RunEvent, RunResult } from './run/events.js';
export { resolveSpec, type PartialSpec, type RunSpec } from './spec/spec.js';
export { presets } from './spec/presets.js';
export { PffError, type PffErrorCode } from './errors.js';

// Trained models, by run folder or model file.
export { evaluateRun, type EvaluationResult } from './run/evaluate-run.js';
export type { Prediction } from './run/saved-model.js';
export { loadModel, predictImages, type LoadModelOptions, type Model, type ModelRow } from './run/model.js';
export { readImageFile } from './data/sources/image-file.js';
export { exportModel, importModel, type ExportedModel, type ExportOptions, type ImportOptions } from './run/export.js';
export { serveModel, type ServedModel, type ServeModelOptions } from './page/model/serve-model.js';
export { servePage, type Page, type PageOptions } from './page/serve.js';
export { writeReport, type ReportOptions } from './page/report.js';

// Data.
export type { Dataset, ImageShape, Samples } from './data/dataset.js';
export { loadDataset, registerDataset, type DatasetLoader } from './data/sources/load.js';
export { datasetFromArrays, datasetFromBatches, type LabelledImages, type OwnData } from './data/arrays.js';
export { loadCsv, type CsvOptions } from './data/sources/csv.js';
export { loadIdx } from './data/sources/idx.js';
export { loadImageFolder } from './data/sources/image-folder.js';
export { loadNpz } from './data/sources/npz.js';
export { loadData } from './data/sources/own/load-data.js';
export type { Place } from './data/sources/own/place.js';
export type { Reading } from './data/readers/reading.js';
export type { Inputs } from './data/columns.js';

// Parts of one's own, by the names that a spec gives them.
export type { Plugin } from './node/threads/plugins.js';
export { registerGoodness, registerNegatives, registerObjective, registerSchedule } from './spec/own-parts.js';
export type { GoodnessLoss } from './objectives/goodness-training.js';
export type { OwnGoodness } from './objectives/goodness.js';
export type { LayerObjective, LayerPlace, Objective, ObjectiveStep } from './objectives/objective.js';
export type { PartStructure } from './layers/layer-kind.js';
export type { OwnObjective } from './objectives/table.js';
export type { LocalBatch, LocalHead, LocalLoss, OwnLocalLoss } from './objectives/own-local-loss.js';
export type { NegativesRequest, OwnNegatives } from './data/negatives-table.js';
export {
  checkPlugin,
  type CheckPluginOptions,
  type PartReport,
  type PluginReport,
} from './plugin-check/check-plugin.js';
export type { RandomStream } from './random.js';
export type { RateSchedule } from './spec/rate-schedules.js';
export { registerStore, type OwnStore, type OwnStoreOpener } from './store/own-store.js';
/** exp, log and their kin with the same bits on every machine, for losses of one's own. */
export * as math from './math.js';

// Many runs.
export { sweep, type SweepEvent, type SweepOptions, type SweepRow } from './reproduce/sweep.js';

// Runs on a cluster.
export { serveNode, type NodeOptions } from './run/cluster/serve.js';
export { attachRun, type AttachOptions } from './run/cluster/attach.js';
export { listRuns, runStatus, stopRun, type RunStatus, type RunSummary } from './run/cluster/manage.js';
export { fetchModel, type FetchedModel } from './run/cluster/fetch-model.js';
export {
  auditRun,
  type AuditDetails,
  type AuditRunOptions,
  type Comparison,
  type DisputeDetails,
} from './run/cluster/audit-details.js';
export type { AuditedKey, AuditReport, Dispute } from './run/cluster/audit-report.js';
export type { ServerOptions } from './store/nats/server-options.js';
