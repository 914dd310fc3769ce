/**
 * A whole Relearn in memory, for tests of what stands on top of it. It classifies for real, by the
 * nearest mean colour layout of each label, and learns from feedback by moving those means; only
 * storage, ONNX and the gate's arithmetic are left out.
 */
import type { Clock } from '../src/base/clock.ts';
import { RelearnError } from '../src/base/errors.ts';
import { sha256 } from '../src/base/hash.ts';
import { decodeImage } from '../src/data/decode-image.ts';
import type {
  FeedbackInput,
  Relearn,
  RunSummary,
  VersionDetails,
} from '../src/loop/relearn-api.ts';
import { findingInWords } from '../src/records/finding-in-words.ts';
import type {
  GateFinding,
  PredictionReport,
  StatusReport,
  TrainingProgress,
  TrainReport,
  Verdict,
  VersionSummary,
} from '../src/records/reports.ts';
import { resolveLabel } from '../src/records/resolve-label.ts';
import type { Settings } from '../src/records/settings.ts';

export interface InMemoryOptions {
  readonly clock: Clock;
  readonly labels?: readonly [string, string];
  readonly threshold?: number;
  /** False: no model answers. */
  readonly hasModel?: boolean;
  /** Milliseconds of one of the eight rounds of a training. */
  readonly roundTime?: number;
  readonly keepPredictions?: boolean;
  /** What `status` tells of feedback that was set aside. */
  readonly setAside?: Pick<StatusReport, 'quarantined' | 'misnamed'>;
  /** Versions that came before; the first model of the test is the first of them. */
  readonly history?: readonly { readonly accuracy: number; readonly verdict: Verdict }[];
}

interface Item {
  readonly id: string;
  readonly label: string;
  readonly receivedAt: string;
  readonly source: string;
  readonly features: Float64Array | null;
  isPending: boolean;
}

const grid = 4;
const rounds = 8;

/** One point a round, rising to an accuracy. */
const curve = (length: number, accuracy: number): RunSummary['points'] =>
  Array.from({ length }, (_, index) => ({
    step: (index + 1) * 50,
    trainLoss: 0.7 / (index + 1),
    trainAccuracy: accuracy - 0.1 / (index + 1),
    validationLoss: 0.72 / (index + 1),
    validationAccuracy: accuracy - 0.12 / (index + 1),
  }));

export const createInMemoryRelearn = (options: InMemoryOptions): Relearn => {
  const { clock, threshold = 2, roundTime = 0 } = options;
  const labels = options.labels ?? ['cat', 'dog'];
  const settings: Settings = {
    formatVersion: 1,
    labels,
    labelIds: labels,
    aliases: Object.fromEntries(labels.map((label) => [`${label}s`, label])),
    architecture: 'compact',
    imageSize: 96,
    threshold,
    holdout: 0.15,
    validation: 0.05,
  };
  const at = () => new Date(clock.now()).toISOString();
  /** One mean per label; the first model knows dark from bright. */
  const models: Float64Array[][] = [];
  const versions: VersionSummary[] = [];
  const runs: RunSummary[] = [];
  const items = new Map<string, Item>();
  const kept = new Map<string, { picture: Uint8Array; label: string }>();
  const champions: number[] = [];
  let training: TrainingProgress | null = null;
  let predictions = 0;

  const addVersion = (means: Float64Array[], accuracy: number, verdict: Verdict) => {
    models.push(means);
    const version = models.length;
    const parent = champions.at(-1) ?? null;
    versions.push({ version, parent, createdAt: at(), accuracy, verdict });
    if (verdict === 'first' || verdict === 'promote') champions.push(version);
    const report = reportOf(version, parent, accuracy, verdict, labels, versions);
    runs.push({
      id: `run-${version}`,
      startedAt: at(),
      version,
      points: curve(rounds, accuracy),
      report,
    });
    return report;
  };
  const size = grid * grid * 3;
  const history = options.history ?? [{ accuracy: 0.72, verdict: 'first' }];
  for (const { accuracy, verdict } of options.hasModel === false ? [] : history) {
    const means = [new Float64Array(size).fill(0.2), new Float64Array(size).fill(0.8)];
    addVersion(means, accuracy, verdict);
  }

  const predict = async (
    picture: Uint8Array,
    choice: { readonly version?: number } = {},
  ): Promise<PredictionReport> => {
    const version = choice.version ?? champions.at(-1);
    const means = version === undefined ? undefined : models[version - 1];
    if (version === undefined || means === undefined)
      throw new RelearnError('unavailable', 'model_not_ready', 'There is no model yet.');
    const features = await featuresOf(picture);
    const logits = means.map((mean) => -20 * squaredDistance(mean, features));
    const exponentials = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
    const sum = exponentials.reduce((total, value) => total + value, 0);
    const scores = exponentials.map((value) => value / sum);
    const label = labels[scores.indexOf(Math.max(...scores))] ?? '';
    const predictionId = `prediction-${++predictions}`;
    if (options.keepPredictions) kept.set(predictionId, { picture, label });
    const result = Object.fromEntries(labels.map((name, index) => [name, scores[index] ?? 0]));
    return { result, label, version, predictionId };
  };

  const collectFeedback = async (input: FeedbackInput) => {
    const prediction = input.predictionId === undefined ? undefined : kept.get(input.predictionId);
    const picture = input.picture ?? prediction?.picture;
    if (picture === undefined)
      throw new RelearnError('not-found', 'prediction_not_found', 'There is no such prediction.');
    const named = input.target ?? (input.verdict === 'right' ? prediction?.label : undefined);
    const label = named === undefined ? '' : resolveLabel(settings, named).label;
    const features = await featuresOf(picture);
    const id = `${label}/${sha256(picture)}`;
    if (items.has(id)) return { result: true, id, status: 'duplicate' } as const;
    const isPending = named !== undefined;
    items.set(id, { id, label, receivedAt: at(), source: input.source, features, isPending });
    return { result: true, id, status: 'accepted' } as const;
  };

  const pendingOf = (label: string) =>
    [...items.values()].filter((item) => item.isPending && item.label === label);

  const learn = async (signal: AbortSignal | undefined): Promise<TrainReport> => {
    const since = at();
    const parent = champions.at(-1) ?? null;
    for (let round = 1; round <= rounds; round++) {
      training = {
        since,
        phase: round < rounds ? 'training' : 'evaluating',
        round,
        rounds,
        epoch: round,
        step: round * 50,
        steps: rounds * 50,
        loss: 0.7 / round,
        bestAccuracy: 0.9 - 0.2 / round,
        roundsLeft: 5,
        imagesPerSecond: 400,
        secondsLeft: ((rounds - round) * roundTime) / 1000,
      };
      await clock.sleep(roundTime, signal);
    }
    const old = parent === null ? undefined : models[parent - 1];
    const means = labels.map((label, index) =>
      meanOf(
        pendingOf(label).flatMap(({ features }) => features ?? []),
        old?.[index] ?? new Float64Array(size),
      ),
    );
    for (const item of items.values()) item.isPending = false;
    const accuracy = Math.min(0.99, (versions.at(-1)?.accuracy ?? 0.6) + 0.08);
    return addVersion(means, accuracy, parent === null ? 'first' : 'promote');
  };
  const train = async (signal?: AbortSignal) => {
    try {
      return await learn(signal);
    } finally {
      training = null;
    }
  };
  const list = async () => ({ champion: champions.at(-1) ?? null, versions });
  const requireVersion = (version: number) => {
    if (models[version - 1] === undefined)
      throw new RelearnError('not-found', 'version_not_found', `There is no version ${version}.`);
  };

  return {
    settings,
    location: 'memory',
    predict,
    collectFeedback,
    train: ({ signal } = {}) => train(signal),
    considerTraining: async ({ signal } = {}) => {
      if (training) return { result: { trained: false, reason: 'already-training' } };
      if (labels.some((label) => pendingOf(label).length < threshold))
        return { result: { trained: false, reason: 'below-threshold' } };
      const { version, gate } = await train(signal);
      return { result: { trained: true, version, gate } };
    },
    status: async () => ({
      champion: champions.at(-1) ?? null,
      base: Object.fromEntries(labels.map((label) => [label, history.length > 0 ? 100 : 0])),
      pending: Object.fromEntries(labels.map((label) => [label, pendingOf(label).length])),
      learnt: Object.fromEntries(
        labels.map((name) => [
          name,
          [...items.values()].filter(({ label, isPending }) => label === name && !isPending).length,
        ]),
      ),
      threshold,
      folders: { cat: 'feedback/cat/', dog: 'feedback/dog/' },
      unread: {},
      ...(options.setAside ?? { quarantined: {}, misnamed: {} }),
      training,
      leaseUntil: null,
      resumable: null,
      lastRun: runs.at(-1)?.report ?? null,
    }),
    checkPlace: async () => {},
    check: async () => ({
      ok: true,
      problems: [],
      quarantined: {},
      unread: {},
      misnamed: [],
      folderMarkers: 0,
    }),
    quarantine: {
      list: async () => ({ items: [] }),
      retry: async () => ({ returned: [], failed: [] }),
    },
    collectGarbage: async () => ({ removed: 0, bytes: 0, keys: [] }),
    models: {
      list,
      show: async (version) => {
        requireVersion(version);
        return detailsOf(
          versions[version - 1] as VersionSummary,
          runs[version - 1]?.report as TrainReport,
          { labels, champion: champions.at(-1), champions },
        );
      },
      promote: async (version) => {
        requireVersion(version);
        champions.push(version);
        return list();
      },
      rollback: async () => {
        champions.pop();
        return list();
      },
      export: () => notInMemory(),
      submit: () => notInMemory(),
    },
    readiness: async () =>
      models.length > 0
        ? { ready: true, reason: null }
        : { ready: false, reason: 'no version was trained yet' },
    storeReadiness: async () => ({ ready: true, reason: null }),
    recentFeedback: async (limit) =>
      [...items.values()]
        .reverse()
        .slice(0, limit)
        .map(({ id, label, receivedAt, source }) => ({ id, label, receivedAt, source })),
    runs: async () =>
      training
        ? [
            ...runs,
            {
              id: 'running',
              startedAt: training.since,
              version: null,
              points: curve(training.round - 1, 0.9),
              report: null,
            },
          ]
        : runs,
    close: async () => {},
    importPictures: () => notInMemory(),
    evaluate: () => notInMemory(),
    exportDataset: () => notInMemory(),
  };
};

const notInMemory = (): never => {
  throw new RelearnError('usage', 'not_in_memory', 'A Relearn in memory cannot do this.');
};

/** Mean colour of each cell of a 4 × 4 grid, 0..1. */
const featuresOf = async (bytes: Uint8Array): Promise<Float64Array> => {
  const { width, height, data } = await decodeImage(bytes);
  const sums = new Float64Array(grid * grid * 3);
  const counts = new Float64Array(grid * grid);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const cell = Math.floor((y * grid) / height) * grid + Math.floor((x * grid) / width);
      counts[cell] = (counts[cell] ?? 0) + 1;
      for (let channel = 0; channel < 3; channel++) {
        const value = data[(y * width + x) * 3 + channel] ?? 0;
        sums[cell * 3 + channel] = (sums[cell * 3 + channel] ?? 0) + value / 255;
      }
    }
  }
  return sums.map((sum, index) => sum / Math.max(1, counts[Math.floor(index / 3)] ?? 0));
};

const squaredDistance = (left: Float64Array, right: Float64Array): number =>
  left.reduce((sum, value, index) => sum + (value - (right[index] ?? 0)) ** 2, 0) / left.length;

const meanOf = (all: readonly Float64Array[], otherwise: Float64Array): Float64Array =>
  all.length === 0
    ? otherwise
    : otherwise.map(
        (_, index) => all.reduce((sum, one) => sum + (one[index] ?? 0), 0) / all.length,
      );

const findings: Readonly<Record<Verdict, readonly GateFinding[]>> = {
  first: [],
  promote: [{ code: 'better', n: 400, onlyCandidate: 52, onlyChampion: 24 }],
  reject: [{ code: 'class_regression', label: 'dog', drop: 0.041, pValue: 0.0123 }],
  'not-enough-evidence': [
    { code: 'not_enough_evidence', n: 400, onlyCandidate: 21, onlyChampion: 18 },
  ],
};

const reportOf = (
  version: number,
  parent: number | null,
  accuracy: number,
  verdict: Verdict,
  labels: readonly string[],
  versions: readonly VersionSummary[],
): TrainReport => {
  const n = 400;
  const margin = 1.96 * Math.sqrt((accuracy * (1 - accuracy)) / n);
  const half = n / 2;
  const right = Math.round(accuracy * half);
  return {
    version,
    parent,
    architecture: 'compact',
    rounds,
    steps: rounds * 50,
    stoppedBecause: 'patience',
    seconds: 42,
    imagesPerSecond: 400,
    holdout: {
      n,
      accuracy,
      interval: [accuracy - margin, Math.min(1, accuracy + margin)],
      perLabel: Object.fromEntries(
        labels.map((label) => [label, { n: half, recall: accuracy, precision: accuracy }]),
      ),
      confusionMatrix: {
        labels,
        rows: labels.map((_, truth) =>
          labels.map((__, predicted) => (truth === predicted ? right : half - right)),
        ),
      },
    },
    gate: {
      verdict,
      championAccuracy: parent === null ? null : (versions[parent - 1]?.accuracy ?? null),
      pValue: parent === null ? null : 0.0004,
      needed: verdict === 'not-enough-evidence' ? 2300 : null,
      reasons: findings[verdict].map(findingInWords),
      findings: findings[verdict],
    },
  };
};

const detailsOf = (
  summary: VersionSummary,
  { holdout, gate }: TrainReport,
  store: {
    readonly labels: readonly string[];
    readonly champion: number | undefined;
    readonly champions: readonly number[];
  },
): VersionDetails => {
  const { version, parent, verdict } = summary;
  const first = verdict === 'first';
  return {
    ...summary,
    isChampion: store.champion === version,
    lineage: parent === null ? [version] : [version, parent],
    champion: store.champions.includes(version)
      ? [{ from: parent, at: summary.createdAt, because: first ? 'first' : 'gate' }]
      : [],
    formats: ['onnx'],
    runId: `run-${version}`,
    labels: store.labels,
    preprocessing: { width: 96, height: 96, channels: 3, fit: 'fill' },
    architecture: 'compact',
    model: { key: `models/${version}`, sha256: 'a'.repeat(64), size: 3_100_000 },
    comparedWith: parent,
    manifest: null,
    metrics: { ...holdout, top2Accuracy: 1, calibrationError: 0.021 },
    gate,
    gateTable: null,
  };
};
