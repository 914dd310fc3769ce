/**
 * Every object key is made and parsed here. Keys that Relearn makes are ASCII, `[a-z0-9/_.-]`;
 * under `feedback/` there may be others, put there by hand.
 */
import { sha256 } from '../base/hash.ts';

export const settingsKey = 'settings';

/** The registry: numbered entries, created once, never overwritten, never deleted. */
export const logPrefix = 'log/';
const logSlotPattern = /^log\/(\d{20})\.json$/;
export const logSlotKey = (slot: number): string =>
  `${logPrefix}${String(slot).padStart(20, '0')}.json`;
/** The slot number, or undefined where the key is no log entry. */
export const parseLogSlotKey = (key: string): number | undefined => {
  const slot = Number(logSlotPattern.exec(key)?.[1]);
  return Number.isSafeInteger(slot) ? slot : undefined;
};

/** Sign of life of the holder of one lease; overwritten by its owner only. */
export const heartbeatPrefix = 'hb/';
export const heartbeatKey = (epoch: number): string => `${heartbeatPrefix}${epoch}`;

/** Feedback waiting for training. The slash at the end keeps other prefixes from matching. */
export const feedbackPrefix = 'feedback/';
export const feedbackLabelPrefix = (labelId: string): string => `${feedbackPrefix}${labelId}/`;
export const feedbackKey = (labelId: string, sha256: string): string =>
  `${feedbackLabelPrefix(labelId)}${sha256}`;

/** The folder under `feedback/` that a name lies in, `cat` or `猫`; empty where it lies in none. */
export const feedbackFolderOf = (name: string): string => {
  const [folder = '', ...rest] = name.slice(feedbackPrefix.length).split('/');
  return rest.length > 0 ? folder : '';
};

/** The same for people: `feedback/cat/`. */
export const feedbackPlaceOf = (name: string): string => {
  const folder = feedbackFolderOf(name);
  return folder === '' ? feedbackPrefix : feedbackLabelPrefix(folder);
};

/** Whether a name is such as Relearn gives. */
export const isOwnName = (name: string): boolean => /^[a-z0-9/_.-]+$/.test(name);

/** Feedback that a published version has consumed. */
export const archivePrefix = 'archive/';
export const archiveLabelPrefix = (labelId: string): string => `${archivePrefix}${labelId}/`;
export const archiveKey = (labelId: string, sha256: string): string =>
  `${archiveLabelPrefix(labelId)}${sha256}`;

const itemPattern = /^(?:feedback|archive)\/([a-z0-9_-]+)\/([0-9a-f]{64})$/;
/** Label id and content hash of an item that Relearn wrote; undefined for foreign objects. */
export const parseItemKey = (
  key: string,
): { readonly labelId: string; readonly sha256: string } | undefined => {
  const [, labelId, sha256] = itemPattern.exec(key) ?? [];
  return labelId && sha256 ? { labelId, sha256 } : undefined;
};

/** Where an item may lie that was found under `key`: there, or where it was moved since. */
export const itemPlaces = (item: {
  readonly key: string;
  readonly labelId: string;
  readonly sha256: string;
}): ReadonlySet<string> =>
  new Set([
    item.key,
    feedbackKey(item.labelId, item.sha256),
    archiveKey(item.labelId, item.sha256),
  ]);

/**
 * What can't be used, kept with its reason: the bytes, and a JSON note beside them. The name stands
 * for the place and the bytes, and for the lease under which they were set aside: so each time has a
 * name of its own, and a delete that comes late hits nothing that was set aside since.
 */
export const quarantinePrefix = 'quarantine/';
export const quarantineKey = (key: string, bytesSha256: string, epoch: number): string =>
  `${quarantinePrefix}${sha256(Buffer.from(key))}-${epoch}/${bytesSha256}`;
export const quarantineNoteKey = (quarantined: string): string => `${quarantined}.json`;
/** What was set aside, as far as its name says: the same `id` for the same bytes from the same place. */
export const parseQuarantineKey = (
  key: string,
): { readonly id: string; readonly epoch: number } | undefined => {
  const [, place, epoch, bytes] =
    /^quarantine\/([0-9a-f]{64})-(\d+)\/([0-9a-f]{64})$/.exec(key) ?? [];
  return place && bytes ? { id: `${place} ${bytes}`, epoch: Number(epoch) } : undefined;
};

/** Base data: shards and one manifest for each import. */
export const basePrefix = 'base/';
export const importManifestKey = (importId: string): string =>
  `${basePrefix}${importId}/manifest.json`;
export const shardKey = (importId: string, split: string, number: number): string =>
  `${basePrefix}${importId}/${split}-${String(number).padStart(5, '0')}.tfrecord`;

/**
 * Imported networks that heads are trained on, named by the SHA-256 of their file, and by the epoch
 * of the lease under which they came; none = with the store itself.
 */
export const backboneKey = (sha256: string, epoch?: number): string =>
  `${basePrefix}backbones/${sha256}${epoch === undefined ? '' : `-${epoch}`}.onnx`;

/** What can be computed again: everything below may be deleted at any time. */
export const cachePrefix = 'cache/';
/** Features of pictures. @param extractor SHA-256 of what computes them */
export const featuresPrefix = (extractor: string): string => `${cachePrefix}features/${extractor}/`;
/** A shard of features is named by the SHA-256 of its bytes. */
export const featureShardKey = (extractor: string, sha256: string): string =>
  `${featuresPrefix(extractor)}${sha256}.bin`;
export const parseFeatureShardKey = (key: string): string | undefined =>
  /^cache\/features\/[0-9a-f]{64}\/([0-9a-f]{64})\.bin$/.exec(key)?.[1];

/** Pictures of predictions, kept for a day where the settings allow it. */
export const predictionsPrefix = 'predictions/';
export const predictionKey = (predictionId: string): string =>
  `${predictionsPrefix}${predictionId}`;

/** Answers that are recorded and not trained on. */
export const votesPrefix = 'votes/';
export const voteKey = (voteId: string): string => `${votesPrefix}${voteId}.json`;

/** Answers about a picture that were given again after others had come. */
export const renewalsPrefix = (sha256: string): string => `${votesPrefix}${sha256}/`;
/** @param at milliseconds since 1970 */
export const renewalKey = (sha256: string, at: number, labelId: string): string =>
  `${renewalsPrefix(sha256)}${String(at).padStart(16, '0')}-${labelId}.json`;
export const parseRenewalKey = (
  key: string,
): { readonly at: number; readonly labelId: string } | undefined => {
  const [, at, labelId] = /^votes\/[0-9a-f]{64}\/(\d{16})-([a-z0-9_-]+)\.json$/.exec(key) ?? [];
  return at && labelId ? { at: Number(at), labelId } : undefined;
};

/**
 * One folder for each model, named by the SHA-256 of its ONNX file. Two trainings may end in the same
 * model, byte for byte; each writes its own file and card, under the epoch of its lease. So a key
 * that was garbage once is never used again, and a delete that comes late hits nothing that is needed.
 */
export const modelsPrefix = 'models/';
export const modelKey = (sha256: string, epoch: number): string =>
  `${modelsPrefix}${sha256}/model-${epoch}.onnx`;
export const modelCardKey = (sha256: string, epoch: number): string =>
  `${modelsPrefix}${sha256}/card-${epoch}.json`;

/** What one training leaves behind. */
export const runsPrefix = 'runs/';
export const runFileKey = (runId: string, name: string): string => `${runsPrefix}${runId}/${name}`;
export const runRecordKey = (runId: string): string => runFileKey(runId, 'run.json');
export const trainingManifestKey = (runId: string): string => runFileKey(runId, 'manifest.json');
/** The run whose manifest a key names. */
export const parseTrainingManifestKey = (key: string): string | undefined =>
  /^runs\/([a-z0-9_.-]+)\/manifest\.json$/.exec(key)?.[1];
/** The run that a key under `runs/` belongs to, where it is that run's record. */
export const parseRunRecordKey = (key: string): string | undefined =>
  /^runs\/([a-z0-9_.-]+)\/run\.json$/.exec(key)?.[1];

/** Where a training may go on after it was interrupted: a record, and the parts it names. */
export const checkpointKey = (runId: string): string => runFileKey(runId, 'checkpoint.json');
export const checkpointPartKey = (runId: string, sha256: string): string =>
  runFileKey(runId, `checkpoint/${sha256}`);
/** The run whose checkpoint a key belongs to. */
export const parseCheckpointKey = (key: string): string | undefined =>
  /^runs\/([a-z0-9_.-]+)\/checkpoint(?:\.json|\/[0-9a-f]{64})$/.exec(key)?.[1];

const hash = '([0-9a-f]{64})';
const namedByContent: readonly RegExp[] = [
  new RegExp(`^models/${hash}/model-\\d+\\.onnx$`),
  new RegExp(`^base/backbones/${hash}(?:-\\d+)?\\.onnx$`),
  new RegExp(`^cache/features/[0-9a-f]{64}/${hash}\\.bin$`),
  new RegExp(`^runs/[a-z0-9_.-]+/checkpoint/${hash}$`),
  new RegExp(`^quarantine/[0-9a-f]{64}-\\d+/${hash}$`),
];
/**
 * The SHA-256 that an object's bytes have by its name; undefined for names that promise none. An
 * item's name does not: it has the hash of the picture as it was received.
 */
export const promisedHash = (key: string): string | undefined => {
  for (const pattern of namedByContent) {
    const promised = pattern.exec(key)?.[1];
    if (promised) return promised;
  }
  return undefined;
};

export const probePrefix = 'probe/';
export const probeKey = (id: string): string => `${probePrefix}${id}`;

const folders: ReadonlySet<string> = new Set(
  [
    logPrefix,
    heartbeatPrefix,
    feedbackPrefix,
    archivePrefix,
    quarantinePrefix,
    basePrefix,
    cachePrefix,
    predictionsPrefix,
    votesPrefix,
    modelsPrefix,
    runsPrefix,
    probePrefix,
  ].map((prefix) => prefix.slice(0, -1)),
);

/**
 * Whether an object, which somebody put into a bucket, has a name that in a folder would be in the way
 * of the store's own: a file called `feedback`, or something below `settings` or an entry of the log.
 */
export const isInTheWay = (key: string): boolean =>
  folders.has(key) ||
  key.startsWith(`${settingsKey}/`) ||
  (parseLogSlotKey(key.split('/').slice(0, 2).join('/')) !== undefined &&
    key.split('/').length > 2);
