/**
 * What the server counts, for Prometheus. One registry an app, so that two apps in one process
 * do not share numbers.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../base/clock.ts';
import type { Observer } from '../loop/observer.ts';
import type { InvokeReport } from '../records/reports.ts';

export interface Metrics {
  readonly registry: Registry;
  request(route: string, method: string, status: number, seconds: number): void;
  /** @param outcome `score` is that of the label that won, 0..1 */
  prediction(outcome: { version: number; score: number } | { code: string }, seconds: number): void;
  feedback(outcome: string): void;
  training(outcome: InvokeReport | 'failed', seconds: number): void;
  /** A request for so many pictures at once. */
  batch(pictures: number): void;
  /** A request that ended in a problem. */
  refused(code: string): void;
  /** For the loop, which tells what happens inside it. */
  readonly observer: Observer;
  /** Counts feedback that waits for a training, at most once a minute and only when scraped. */
  watchPending(clock: Clock, read: () => Promise<Readonly<Record<string, number>>>): void;
}

const fastSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Finer where models are sure, which is where most answers lie. */
const scores = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1];
const batchSizes = [1, 2, 4, 8, 16, 32, 64];
/** Milliseconds that a count of waiting feedback is good for: it lists the store. */
const pendingAge = 60_000;
/** Milliseconds that a scrape waits for that count. */
const longestCount = 2_000;
const trainingSeconds = [1, 5, 15, 30, 60, 120, 300, 600, 1200, 2400, 3600, 7200];

export const createMetrics = (): Metrics => {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Histogram({
    name: 'relearn_http_request_seconds',
    help: 'Time from a request to its answer.',
    labelNames: ['route', 'method', 'status'],
    buckets: fastSeconds,
    registers,
  });
  const predictions = new Counter({
    name: 'relearn_predictions_total',
    help: 'Pictures predicted, by the model version that answered.',
    labelNames: ['version'],
    registers,
  });
  const predictionErrors = new Counter({
    name: 'relearn_prediction_errors_total',
    help: 'Pictures that got no prediction, by error code.',
    labelNames: ['code'],
    registers,
  });
  const predictSeconds = new Histogram({
    name: 'relearn_predict_seconds',
    help: 'Time to decode and classify one picture.',
    buckets: fastSeconds,
    registers,
  });
  const predictionScores = new Histogram({
    name: 'relearn_prediction_score_ratio',
    help: 'Score of the label that won; a model that grows unsure meets pictures it does not know.',
    buckets: scores,
    registers,
  });
  const storageSeconds = new Histogram({
    name: 'relearn_storage_seconds',
    help: 'Time of calls to the store, by operation and outcome.',
    labelNames: ['operation', 'outcome'],
    buckets: fastSeconds,
    registers,
  });
  const phaseSeconds = new Histogram({
    name: 'relearn_predict_phase_seconds',
    help: 'Time of one picture to its pixels (preprocess) and from there to scores (infer), waits included.',
    labelNames: ['phase'],
    buckets: fastSeconds,
    registers,
  });
  const batchPictures = new Histogram({
    name: 'relearn_predict_batch_pictures',
    help: 'Pictures in one request.',
    buckets: batchSizes,
    registers,
  });
  const problems = new Counter({
    name: 'relearn_problems_total',
    help: 'Requests that ended in a problem, by its code.',
    labelNames: ['code'],
    registers,
  });
  const modelLoads = new Counter({
    name: 'relearn_model_loads_total',
    help: 'Champions loaded to answer, by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  const modelLoadSeconds = new Histogram({
    name: 'relearn_model_load_seconds',
    help: 'Time to bring a champion from the store to its first answer.',
    buckets: fastSeconds,
    registers,
  });
  const servedVersion = new Gauge({
    name: 'relearn_served_version',
    help: 'Model version that answers.',
    registers,
  });
  const feedback = new Counter({
    name: 'relearn_feedback_total',
    help: 'Feedback received, by status or error code.',
    labelNames: ['outcome'],
    registers,
  });
  const considerations = new Counter({
    name: 'relearn_training_considerations_total',
    help: 'Looks at whether to train, by gate verdict or by the reason why not.',
    labelNames: ['outcome'],
    registers,
  });
  const trainingTime = new Histogram({
    name: 'relearn_training_seconds',
    help: 'Time of one training with its evaluation and gate.',
    buckets: trainingSeconds,
    registers,
  });

  return {
    registry,
    request: (route, method, status, seconds) =>
      requests.observe({ route, method, status: String(status) }, seconds),
    prediction: (outcome, seconds) => {
      predictSeconds.observe(seconds);
      if ('code' in outcome) return predictionErrors.inc({ code: outcome.code });
      predictions.inc({ version: String(outcome.version) });
      predictionScores.observe(outcome.score);
    },
    batch: (pictures) => batchPictures.observe(pictures),
    refused: (code) => problems.inc({ code }),
    observer: {
      stored: ({ operation, outcome, seconds }) =>
        storageSeconds.observe({ operation, outcome }, seconds),
      predicted: ({ preprocess, infer }) => {
        phaseSeconds.observe({ phase: 'preprocess' }, preprocess);
        phaseSeconds.observe({ phase: 'infer' }, infer);
      },
      championLoaded: (outcome, seconds) => {
        modelLoads.inc({ outcome: outcome === 'failed' ? outcome : 'loaded' });
        if (outcome === 'failed') return;
        modelLoadSeconds.observe(seconds);
        servedVersion.set(outcome.version);
      },
    },
    watchPending: (clock, read) => {
      let countedAt = Number.NEGATIVE_INFINITY;
      new Gauge({
        name: 'relearn_feedback_pending',
        help: 'Pieces of feedback that wait for a training, by label; counted once a minute at most.',
        labelNames: ['label'],
        registers,
        async collect() {
          if (clock.monotonic() - countedAt < pendingAge) return;
          countedAt = clock.monotonic();
          // A store that is away or hangs costs this number and not the others.
          const timer = new AbortController();
          const nothing = () => ({});
          const pending = await Promise.race([
            read().catch(nothing),
            clock.sleep(longestCount, timer.signal).then(nothing, nothing),
          ]);
          timer.abort();
          for (const [label, count] of Object.entries(pending)) this.set({ label }, count);
        },
      });
    },
    feedback: (outcome) => feedback.inc({ outcome }),
    training: (outcome, seconds) => {
      if (outcome === 'failed') return considerations.inc({ outcome });
      const { result } = outcome;
      considerations.inc({ outcome: result.trained ? result.gate.verdict : result.reason });
      if (result.trained) trainingTime.observe(seconds);
    },
  };
};
