/** Validation accuracy of the running training, one point a round. */
import { useRef } from 'preact/hooks';
import type { RunSummary } from '../../src/loop/relearn-api.ts';
import { useTexts } from './texts.ts';
import { useWidth } from './use-width.ts';

const height = 72;
/** Room for the dot at the end and the line's own width. */
const margin = 6;

export const LearningCurve = ({
  points,
  rounds,
}: {
  readonly points: RunSummary['points'];
  /** Rounds planned: the curve grows into the width that is theirs. */
  readonly rounds: number | null;
}) => {
  const texts = useTexts();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const accuracies = points.map(({ validationAccuracy }) => validationAccuracy);
  const last = accuracies.at(-1);
  const [low, high] = [Math.min(...accuracies), Math.max(...accuracies)];
  const steps = Math.max(1, (rounds ?? points.length) - 1);
  const x = (index: number) => margin + ((width - 2 * margin) * index) / steps;
  const y = (accuracy: number) =>
    height -
    margin -
    (height - 2 * margin) * (high === low ? 0.5 : (accuracy - low) / (high - low));
  return (
    <div class="curve" ref={box}>
      {width > 0 && last !== undefined && (
        <svg
          width={width}
          height={height}
          role="img"
          aria-label={texts.curveLabel(points.length, last)}
        >
          <polyline
            class="champions"
            points={accuracies.map((accuracy, index) => `${x(index)},${y(accuracy)}`).join(' ')}
          />
          <circle class="curve-end" cx={x(points.length - 1)} cy={y(last)} r={4} />
        </svg>
      )}
    </div>
  );
};
