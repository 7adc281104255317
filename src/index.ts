/** The public API: named exports, nothing else. */
export { messageOf, PffError, type PffErrorCode } from './errors.js';
export { train, trainToEnd } from './run/train.js';
export type { TrainOptions, Execution } from './run/options.js';
export type { RunEvent, RunResult, PipelineFigures } from './run/events.js';
export type { DatasetFacts } from './node/prepare.js';
export { fieldText, resolveSpec, specFields, type RunSpec, type PartialSpec } from './spec/spec.js';
export { describeLayers, parseLayers, rowWidths, type LayerSize } from './layers/sizes.js';
export { presets } from './spec/presets.js';
export { VERSION } from './run/version.js';
export { examineMachine } from './doctor/examine.js';
export { fasterPrecision, type FasterPrecision } from './doctor/faster-precision.js';
export { machineReportSchema, type MachineReport } from './doctor/machine-report.js';
export { machineLines } from './report/machine-lines.js';
export {
  evaluateRun,
  partialModel,
  predictImages,
  datasetOfRun,
  type EvaluationResult,
  type Prediction,
} from './run/saved-model.js';
export { loadDataset } from './data/sources/load.js';
export type { Dataset, ImageShape, Samples } from './data/dataset.js';
export { precisions, type Precision } from './kernels/numerics.js';
export { kernelsChoices, type KernelsChoice } from './kernels/open.js';
export { listInstructionSets } from './kernels/native/instruction-sets.js';
export { DATASET_NAMES } from './data/sources/load.js';
export {
  getDataset,
  listDatasets,
  type DatasetStatus,
  type DownloadProgress,
  type GotDataset,
} from './data/downloads/get.js';
export { cacheFolder } from './data/sources/files.js';
export { readImageFile } from './data/sources/image-file.js';
export { readTextFile } from './data/sources/regular-file.js';
export { calibrate, type Calibration } from './run/calibrate.js';
export { measuredCosts } from './run/measured-costs.js';
export { VARIANTS, type PffVariant, type Variant } from './schedule/assign.js';
export { bound } from './simulate/bound.js';
export { checkCosts, equalCosts, type Costs } from './simulate/costs.js';
export { simulateDff } from './simulate/dff.js';
export { trafficPerChapter, type TrafficPerChapter } from './simulate/traffic.js';
export { limitOf } from './simulate/limits.js';
export { graphShape, type GraphShape } from './schedule/shape.js';
export { taskCount } from './schedule/tasks.js';
export { simulate, type SimulationInput } from './simulate/simulate.js';
export type { Span, TaskRef, Timeline, TimelineSummary } from './schedule/timeline.js';
export { defaultNodeCounts, whatIf, type WhatIf } from './simulate/what-if.js';
export { confusionBlock, accuracyLines, runSummary, type Emphasis } from './report/summary.js';
export { ganttSvg } from './report/gantt-svg.js';
export { ganttTerminal } from './report/gantt-terminal.js';
export { liveFrame } from './report/live-frame.js';
export { PlainLines } from './report/plain-lines.js';
export { RunProgress } from './report/progress.js';
export { simulationTable } from './report/simulation-table.js';
export { tableLines } from './report/table.js';
export * as units from './report/units.js';
export {
  exportFormats,
  exportModel,
  importModel,
  type ExportedModel,
  type ExportFormat,
  type ExportOptions,
  type ImportOptions,
} from './run/export.js';
export { MetricsLog, metricsFormats, metricsRow, type MetricsFormat, type MetricsRow } from './run/metrics-log.js';
export { traceEvents, traceOfRun, type TraceEvent } from './report/trace.js';
export { checkPage, servePage, type Page, type PageOptions } from './page/serve.js';
export { writeReport, type ReportOptions } from './page/report.js';
export { analyseRun } from './run/saved-model.js';
export type { NetworkAnalysis } from './model/analysis/analysis.js';
export { registerDataset, type DatasetLoader } from './data/sources/load.js';
export { datasetFromArrays, datasetFromBatches, type LabelledImages, type OwnData } from './data/arrays.js';
export { datasetFromCsv, loadCsv, type CsvOptions } from './data/sources/csv.js';
export { loadIdx } from './data/sources/idx.js';
export { loadImageFolder } from './data/sources/image-folder.js';
export { loadNpz } from './data/sources/npz.js';
export { encodeNpy, parseNpy, type NpyArray } from './formats/npy.js';
export { encodeNpz, parseNpz, type NpzOptions } from './formats/npz.js';
export type { GoodnessLoss } from './objectives/goodness-training.js';
export type { OwnGoodness } from './objectives/goodness.js';
export type { LayerObjective, Objective, ObjectiveSettings } from './objectives/objective.js';
export type { OwnObjective } from './objectives/table.js';
export type { NegativesRequest, OwnNegatives } from './data/negatives-table.js';
export type { RateSchedule, RateSettings } from './spec/rate-schedules.js';
export { registerGoodness, registerNegatives, registerObjective, registerSchedule } from './spec/own-parts.js';
export { loadPlugins, registerPlugin, type Plugin } from './node/threads/plugins.js';
export { registerStore, type OwnStore, type OwnStoreOpener, type StoredRun } from './store/own-store.js';
export { RandomStream } from './random.js';
/** Functions that give the same bits on every machine, for losses of one's own. */
export * as math from './math.js';
export { OWN_KINDS, ownNames, type OwnKind } from './spec/own-parts.js';
export { attachRun, type AttachOptions } from './run/cluster/attach.js';
export {
  fetchModel,
  listRuns,
  runStatus,
  stopRun,
  type FetchedModel,
  type RunStatus,
  type RunSummary,
} from './run/cluster/manage.js';
export type { ClusterOptions } from './run/cluster/options.js';
export { serveNode, type NodeOptions } from './run/cluster/serve.js';
export type { ServerOptions } from './store/nats/connect.js';
export { RUN_NAME } from './store/cluster/run-record.js';
export { listRecipes, reproduce, type ReproduceEvent, type ReproduceOptions } from './reproduce/reproduce.js';
export { isTrained, LINE_SCHEDULES, type Recipes } from './reproduce/manifest.js';
export type { Report } from './reproduce/report.js';
export { markdownOf } from './reproduce/markdown.js';
