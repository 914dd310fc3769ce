/** The public interface of the package. */
export { type Clock, systemClock } from './base/clock.ts';
export { type ErrorKind, isRelearnError, RelearnError } from './base/errors.ts';
export { changeClasses } from './engine/nn/change-classes.ts';
export {
  addClass,
  type HeadPlan,
  keepClasses,
  mergeClasses,
  operateHead,
  type PlannedClass,
  planForLabels,
  removeClass,
  renameClass,
  reorderClasses,
} from './engine/nn/head-surgery.ts';
export { type Model, readModel, writeModel } from './engine/nn/model-file.ts';
export type { Log, RelearnOptions } from './loop/components.ts';
export { createRelearn } from './loop/relearn.ts';
export type {
  DatasetExportOptions,
  DatasetExportReport,
  ExportedModel,
  ExportOptions,
  FeedbackInput,
  ImportOptions,
  Relearn,
  RunSummary,
  SubmitOptions,
  TrainOptions,
} from './loop/relearn-api.ts';
export { type InitOptions, initStore } from './loop/store/init-store.ts';
export type { Preprocessing } from './records/preprocessing.ts';
export type * from './records/reports.ts';
export type { Settings } from './records/settings.ts';
export { createMemoryStore } from './storage/memory.ts';
export type { ListOptions, ObjectInfo, ObjectStore } from './storage/object-store.ts';
export type { CredentialSource, Credentials } from './storage/open-store.ts';
