/** What the system is doing about learning: collecting answers, or training. */

import type { RunSummary } from '../../src/loop/relearn-api.ts';
import type { TrainingProgress } from '../../src/records/reports.ts';
import type { Status } from './api.ts';
import { LearningCurve } from './learning-curve.tsx';
import { useTexts } from './texts.ts';

export const LearningPanel = ({
  status,
  runs,
}: {
  readonly status: Status | null;
  readonly runs: readonly RunSummary[];
}) => {
  const texts = useTexts();
  return (
    <section class="card learning" aria-labelledby="learning-title">
      <h2 id="learning-title">{status?.training ? texts.training : texts.learning}</h2>
      {status?.training && <Training progress={status.training} run={runs.at(-1)} />}
      {status && <Pending status={status} />}
      {status && <SetAside status={status} />}
    </section>
  );
};

const Pending = ({ status }: { readonly status: Status }) => {
  const texts = useTexts();
  const { pending, threshold, labels } = status;
  const missing = labels.reduce(
    (sum, label) => sum + Math.max(0, threshold - (pending[label] ?? 0)),
    0,
  );
  const enough = status.functions.includes('train') ? texts.enough : texts.trainsElsewhere;
  return (
    <div class="pending">
      <p class="muted small">{texts.waiting}</p>
      <ul>
        {labels.map((label) => (
          <li key={label}>
            <label>
              <span>{label}</span>
              <span class="muted">{texts.ofThreshold(pending[label] ?? 0, threshold)}</span>
              <progress value={Math.min(pending[label] ?? 0, threshold)} max={threshold} />
            </label>
          </li>
        ))}
      </ul>
      {!status.training && (
        <p class="small pending-left">{missing > 0 ? texts.left(missing) : enough}</p>
      )}
    </div>
  );
};

/** A reason may end in particulars after a colon. */
const wordsOf = (reasons: Readonly<Record<string, string>>, reason: string): string =>
  reasons[reason] ?? reasons[reason.split(':', 1)[0] ?? ''] ?? reason;

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/** What came and can't be learned from; a person has to look. */
const SetAside = ({ status }: { readonly status: Status }) => {
  const texts = useTexts();
  const { quarantined } = status;
  const [count, misnamed] = [sumOf(quarantined), sumOf(status.misnamed)];
  if (count + misnamed === 0) return null;
  const reasons = Object.entries(quarantined)
    .sort(([, left], [, right]) => right - left)
    .map(([reason, many]) => `${many}\u00a0× ${wordsOf(texts.reasons, reason)}`);
  return (
    <div class="notice small set-aside">
      {count > 0 && <p>{texts.setAside(count, texts.listed(reasons))}</p>}
      {misnamed > 0 && <p>{texts.misnamed(misnamed)}</p>}
    </div>
  );
};

const Training = ({
  progress,
  run,
}: {
  readonly progress: TrainingProgress;
  /** The newest run. */
  readonly run: RunSummary | undefined;
}) => {
  const texts = useTexts();
  const { step, steps, round, rounds, loss, bestAccuracy, secondsLeft, imagesPerSecond } = progress;
  const facts: readonly (readonly [string, string])[] = [
    [texts.round, rounds === null ? String(round) : `${round} / ${rounds}`],
    [texts.loss, loss === null ? '–' : loss.toFixed(3)],
    [texts.best, bestAccuracy === null ? '–' : texts.percent(bestAccuracy)],
    [texts.timeLeft, secondsLeft === null ? '–' : texts.seconds(secondsLeft)],
    [texts.speed, imagesPerSecond > 0 ? String(Math.round(imagesPerSecond)) : '–'],
  ];
  return (
    <div class="training" data-phase={progress.phase}>
      <div class="phase">
        <span class="phase-name">{texts.phases[progress.phase]}</span>
        <progress
          aria-label={texts.training}
          max={steps ?? 1}
          // Without a value the bar shows that something runs, not how far.
          {...(steps === null ? {} : { value: Math.min(step, steps) })}
        />
      </div>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {/* Until the run's first record is read, the newest one is of the training before. */}
      {run?.report === null && run.startedAt === progress.since && (
        <LearningCurve points={run.points} rounds={rounds} />
      )}
    </div>
  );
};
