/** "Yes", which label it really is, or that nobody can tell. */
import { useTexts } from './texts.ts';

/** More labels than this are chosen from a list. */
const mostButtons = 8;

export const AnswerButtons = (props: {
  readonly labels: readonly string[];
  readonly predicted: string;
  readonly isBusy: boolean;
  onAnswer(label: string): void;
  onVerdict(verdict: 'neither' | 'unsure'): void;
}) => {
  const { labels, predicted, isBusy, onAnswer, onVerdict } = props;
  const texts = useTexts();
  const others = labels.filter((label) => label !== predicted);
  return (
    <fieldset class="answers" disabled={isBusy}>
      <legend>{texts.isRight}</legend>
      <button type="button" class="primary" onClick={() => onAnswer(predicted)}>
        {texts.yes(predicted)}
      </button>
      {others.length > 0 && (
        <div class="answers-other">
          <span class="muted">{texts.no}</span>
          {others.length <= mostButtons ? (
            others.map((label) => (
              <button type="button" key={label} onClick={() => onAnswer(label)}>
                {label}
              </button>
            ))
          ) : (
            <select
              aria-label={texts.no}
              value=""
              onChange={(event) => onAnswer(event.currentTarget.value)}
            >
              <option value="" disabled>
                {texts.choosePlaceholder}
              </option>
              {others.map((label) => (
                <option key={label}>{label}</option>
              ))}
            </select>
          )}
        </div>
      )}
      <div class="answers-none">
        {(['neither', 'unsure'] as const).map((verdict) => (
          <button type="button" class="link" key={verdict} onClick={() => onVerdict(verdict)}>
            {texts[verdict]}
          </button>
        ))}
      </div>
    </fieldset>
  );
};
