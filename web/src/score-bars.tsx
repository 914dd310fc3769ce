/** The scores of a prediction, best first. */
import { useTexts } from './texts.ts';

const mostShown = 5;

export const ScoreBars = ({ result }: { readonly result: Readonly<Record<string, number>> }) => {
  const texts = useTexts();
  const scores = Object.entries(result)
    .sort(([, left], [, right]) => right - left)
    .slice(0, mostShown);
  return (
    <ol class="scores" aria-label={texts.scores}>
      {scores.map(([label, score]) => (
        <li key={label}>
          <span class="score-label">{label}</span>
          <span class="bar" aria-hidden="true">
            <span style={{ width: `${score * 100}%` }} />
          </span>
          <span class="score-value">{texts.exactPercent(score)}</span>
        </li>
      ))}
    </ol>
  );
};
