/**
 * The whole loop before the viewer's eyes: a first model from few pictures, a server, users who
 * correct it, a training that starts by itself, the gate, and the same server answering better.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatCount } from '../base/counted.ts';
import { RelearnError } from '../base/errors.ts';
import { createRandom } from '../base/random.ts';
import { showTraining } from '../cli/commands/train.ts';
import { describeGate } from '../cli/describe-training.ts';
import { type FeedbackCounts, type LabelledPicture, sendFeedback } from '../cli/send-feedback.ts';
import type { Run } from '../cli/session.ts';
import {
  formatAccuracy,
  formatBar,
  formatPercent,
  formatSeconds,
  formatTable,
} from '../cli/text.ts';
import { createLogger, type RunningServer, serve } from '../http/serve.ts';
import type { Relearn } from '../loop/relearn-api.ts';
import type { GateReport, PredictionReport, TrainReport } from '../records/reports.ts';
import {
  type DemoPictures,
  type DemoSizes,
  paintDemoPictures,
  readDemoPictures,
  writePictures,
} from './demo-pictures.ts';

export interface DemoOptions {
  /** The user's own pictures; painted ones where there are none. */
  readonly images: readonly string[];
}

interface Score {
  readonly accuracy: number;
  readonly n: number;
  /** 95 % */
  readonly interval: readonly [number, number];
}

export interface DemoReport {
  readonly before: Score;
  readonly after: Score;
  readonly gate: GateReport;
  readonly seconds: number;
}

/** A demo on its way: the report, and the server that still answers. */
export interface RunningDemo {
  readonly report: DemoReport;
  readonly server: RunningServer;
  /** Stops the server and removes what the demo wrote. */
  close(): Promise<void>;
}

const seed = 2026;
const sizes: DemoSizes = { base: 850, feedback: 950, samples: 4 };
/** Large enough to tell a gain of five points from luck. */
const holdoutShare = 0.4;
const imageSize = 64;
/** So few pictures make short epochs; a longer round keeps noise from ending the training. */
const firstRounds = { rounds: 8, steps: 20, patience: 8 };
/** Without any progress for so long, the training that should start by itself has failed. */
const longestStandstill = 60_000;

const scoreOf = ({ holdout: { accuracy, n, interval } }: TrainReport): Score => ({
  accuracy,
  n,
  interval,
});

const preparePictures = async (run: Run, images: readonly string[]): Promise<DemoPictures> => {
  const progress = run.output.progress(images.length > 0 ? 'read' : 'draw', 'pictures');
  const options = {
    sizes,
    random: createRandom(seed),
    signal: run.context.signal,
    onProgress: progress.update,
  };
  try {
    return await (images.length > 0
      ? readDemoPictures(images, options)
      : paintDemoPictures(options));
  } finally {
    progress.stop();
  }
};

const firstTraining = async (run: Run, relearn: Relearn): Promise<TrainReport> => {
  const progress = run.output.progress('train', 'steps');
  try {
    return await relearn.train({
      ...firstRounds,
      seed,
      signal: run.context.signal,
      onProgress: showTraining(progress),
    });
  } finally {
    progress.stop();
  }
};

/** Asks the server as any client would. */
const askServer = async (
  run: Run,
  server: RunningServer,
  picture: LabelledPicture,
): Promise<PredictionReport> => {
  const response = await run.context.fetch(`${server.url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: new Uint8Array(await picture.read()),
    signal: run.context.signal,
  });
  if (!response.ok) {
    throw new RelearnError('internal', 'predict_failed', `/predict answered ${response.status}.`);
  }
  return (await response.json()) as PredictionReport;
};

const describeAnswers = async (
  run: Run,
  server: RunningServer,
  samples: readonly LabelledPicture[],
): Promise<string> => {
  const rows: string[][] = [];
  for (const sample of samples) {
    const { result, label, version } = await askServer(run, server, sample);
    const score = result[label] ?? 0;
    const right = label === sample.label ? '✓' : `✗ it is a ${sample.label}`;
    rows.push([`     ${label}`, formatBar(score, 16), formatPercent(score), `v${version}`, right]);
  }
  return formatTable(rows);
};

const giveFeedback = async (
  run: Run,
  server: RunningServer,
  feedback: readonly LabelledPicture[],
): Promise<FeedbackCounts> => {
  const progress = run.output.progress('feedback', 'pictures');
  const stream = async function* () {
    yield* feedback;
  };
  try {
    return await sendFeedback(stream(), {
      url: new URL(server.url),
      concurrency: 8,
      fetch: run.context.fetch,
      clock: run.context.clock,
      signal: run.context.signal,
      onCount: ({ sent }) => progress.update({ done: sent, total: feedback.length }),
    });
  } finally {
    progress.stop();
  }
};

/** Waits for the training that the server starts by itself. */
const watchTraining = async (run: Run, relearn: Relearn, version: number): Promise<TrainReport> => {
  const { clock, signal } = run.context;
  const progress = run.output.progress('retrain', 'steps');
  const show = showTraining(progress);
  let last = { step: -1, at: clock.monotonic() };
  try {
    for (;;) {
      const { training, lastRun } = await relearn.status();
      if (lastRun && lastRun.version >= version) return lastRun;
      if (training) show(training);
      const step = training?.step ?? 0;
      if (step !== last.step) last = { step, at: clock.monotonic() };
      if (clock.monotonic() - last.at > longestStandstill) {
        throw new RelearnError('internal', 'no_training', 'The training stands still.', {
          hint: 'RELEARN_DEBUG=1 shows what the server says.',
        });
      }
      await clock.sleep(300, signal);
    }
  } finally {
    progress.stop();
  }
};

/** Every process answers with a new champion within seconds of its promotion. */
const waitForVersion = async (
  run: Run,
  server: RunningServer,
  sample: LabelledPicture,
  version: number,
): Promise<void> => {
  const { clock, signal } = run.context;
  const deadline = clock.monotonic() + 15_000;
  while ((await askServer(run, server, sample)).version < version) {
    if (clock.monotonic() > deadline) {
      throw new RelearnError('internal', 'old_version', 'The server still answers as before.');
    }
    await clock.sleep(200, signal);
  }
};

const play = async (
  run: Run,
  folder: string,
  store: string,
  options: DemoOptions,
  opened: { relearn?: Relearn; server?: RunningServer },
): Promise<{ readonly report: DemoReport; readonly server: RunningServer }> => {
  const { context, output } = run;
  const started = context.clock.monotonic();
  const say = (step: number, title: string, text: string) =>
    output.note(`${String(step).padStart(2)}  ${title.padEnd(9)} ${text}`);

  output.note('\nRelearn learns from its users. Here is the whole loop.\n');
  const pictures = await preparePictures(run, options.images);
  say(
    1,
    options.images.length > 0 ? 'Read' : 'Draw',
    `${formatCount(pictures.base.length)} labelled pictures to start with, ${formatCount(pictures.feedback.length)} that users will send`,
  );

  const perLabel = pictures.labels.map(
    (label) => pictures.feedback.filter((picture) => picture.label === label).length,
  );
  await context.initStore({
    store,
    labels: pictures.labels,
    imageSize,
    holdout: holdoutShare,
    // A few of the user's own pictures may be duplicates or broken.
    threshold: Math.max(1, Math.floor(Math.min(...perLabel) * 0.9)),
  });
  const relearn = await context.openRelearn({
    store,
    clock: context.clock,
    inference: 'worker',
    keepPredictions: true,
  });
  opened.relearn = relearn;
  const list = await writePictures(join(folder, 'pictures'), pictures.base);
  const imported = await relearn.importPictures([list], { signal: context.signal });
  const heldOut = Object.values(imported.perLabel).reduce((sum, split) => sum + split.holdout, 0);
  say(
    2,
    'Import',
    `${formatCount(imported.imported)} pictures; ${formatCount(heldOut)} of them are kept apart to judge every version`,
  );

  const first = await firstTraining(run, relearn);
  say(
    3,
    'Train',
    `version 1 in ${formatSeconds(first.seconds)}: ${formatAccuracy(first.holdout)} right`,
  );

  const server = await serve({
    relearn,
    port: 0,
    clock: context.clock,
    logger: createLogger(context.env.RELEARN_DEBUG ? 'info' : 'error'),
  });
  opened.server = server;
  say(4, 'Serve', server.url);
  say(5, 'Predict', `asking about ${pictures.samples.length} pictures it never saw:`);
  output.note(await describeAnswers(run, server, pictures.samples));

  const counts = await giveFeedback(run, server, pictures.feedback);
  say(
    6,
    'Feedback',
    `users sent ${formatCount(counts.sent)} pictures with the right answer; ${formatCount(counts.accepted)} accepted`,
  );
  const second = await watchTraining(run, relearn, first.version + 1);
  say(
    7,
    'Retrain',
    `started by itself; version ${second.version} in ${formatSeconds(second.seconds)}: ${formatAccuracy(second.holdout)} right`,
  );
  const gate = describeGate(second.gate, second.holdout.accuracy);
  say(8, gate.slice(0, 4), gate.slice(6));

  const promoted = second.gate.verdict === 'promote';
  const [sample] = pictures.samples;
  if (promoted && sample) await waitForVersion(run, server, sample, second.version);
  say(
    9,
    'Answer',
    promoted
      ? `the server never stopped; now it answers with version ${second.version}:`
      : `the server goes on with version ${first.version}:`,
  );
  output.note(await describeAnswers(run, server, pictures.samples));

  const report: DemoReport = {
    before: scoreOf(first),
    after: scoreOf(second),
    gate: second.gate,
    seconds: Math.round(context.clock.monotonic() - started) / 1000,
  };
  return { report, server };
};

/**
 * Plays the loop once and leaves the server running.
 *
 * @throws RelearnError where a step fails; then nothing is left running or lying about
 */
export const startDemo = async (run: Run, options: DemoOptions): Promise<RunningDemo> => {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-demo-'));
  const opened: { relearn?: Relearn; server?: RunningServer } = {};
  const close = async () => {
    // The server closes the store that it serves.
    await (opened.server ?? opened.relearn)?.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    const store = run.givenStore ?? join(folder, 'store');
    return { ...(await play(run, folder, store, options, opened)), close };
  } catch (error) {
    await close();
    throw error;
  }
};

export const describeDemo = ({ before, after, seconds }: DemoReport): string =>
  [
    '',
    formatTable([
      ['', 'accuracy', '95 % interval', 'pictures'],
      ...(
        [
          ['before feedback', before],
          ['after feedback', after],
        ] as const
      ).map(([name, score]) => [
        name,
        formatPercent(score.accuracy),
        score.interval.map((bound) => (bound * 100).toFixed(1)).join('–'),
        formatCount(score.n),
      ]),
    ]),
    `The whole loop took ${formatSeconds(seconds)}.`,
  ].join('\n');
