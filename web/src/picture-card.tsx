/** Drop, choose or paste a picture, see what the model makes of it, say what it really is. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { FeedbackStatus, PredictionReport } from '../../src/records/reports.ts';
import { AnswerButtons } from './answer-buttons.tsx';
import { ProblemError, predict, type Status, sendFeedback } from './api.ts';
import { DropZone } from './drop-zone.tsx';
import { ScoreBars } from './score-bars.tsx';
import { shrinkPicture } from './shrink-picture.ts';
import { errorText, type Texts, useTexts } from './texts.ts';

interface Shown {
  readonly picture: Blob;
  readonly address: string;
}

const thanks: Readonly<Record<FeedbackStatus, (texts: Texts) => string>> = {
  accepted: (texts) => texts.thanks,
  duplicate: (texts) => texts.known,
  review: (texts) => texts.review,
};

export const PictureCard = ({ status }: { readonly status: Status | null }) => {
  const texts = useTexts();
  const [shown, setShown] = useState<Shown | null>(null);
  const [prediction, setPrediction] = useState<PredictionReport | null>(null);
  const [answered, setAnswered] = useState<FeedbackStatus | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  /** Counts pictures, so that a late answer to an earlier one is not shown. */
  const turn = useRef(0);

  const attempt = useCallback(
    async (code: string, work: (isCurrent: () => boolean) => Promise<void>) => {
      const mine = ++turn.current;
      const isCurrent = () => mine === turn.current;
      setIsBusy(true);
      setProblem(null);
      try {
        await work(isCurrent);
      } catch (error) {
        if (isCurrent()) setProblem(error instanceof ProblemError ? error.code : code);
      } finally {
        if (isCurrent()) setIsBusy(false);
      }
    },
    [],
  );

  const ask = useCallback(
    (picture: Blob) =>
      attempt('other', async (isCurrent) => {
        const answer = await predict(picture);
        if (isCurrent()) setPrediction(answer);
      }),
    [attempt],
  );

  const open = useCallback(
    (file: Blob) =>
      attempt('unreadable', async (isCurrent) => {
        // What stood here belongs to the picture before.
        setShown(null);
        setPrediction(null);
        setAnswered(null);
        const picture = await shrinkPicture(file);
        if (!isCurrent()) return;
        setShown({ picture, address: URL.createObjectURL(picture) });
        void ask(picture);
      }),
    [attempt, ask],
  );

  const answer = (picture: Blob, label: string) =>
    attempt('other', async (isCurrent) => {
      const receipt = await sendFeedback(picture, label);
      if (isCurrent()) setAnswered(receipt.status);
    });

  useEffect(() => () => (shown ? URL.revokeObjectURL(shown.address) : undefined), [shown]);
  usePaste(open);

  const champion = status?.champion ?? null;
  const isServed = status === null || status.functions.includes('predict');
  const takesAnswers = status?.functions.includes('feedback') ?? false;
  return (
    <section class="card picture-card" aria-label={texts.yourPicture} aria-busy={isBusy}>
      <DropZone onPicture={open} address={shown?.address ?? null} isEnabled={isServed} />
      <div class="answer" aria-live="polite">
        {!isServed && <p class="muted">{texts.notServed}</p>}
        {isServed && status !== null && champion === null && <p class="muted">{texts.noModel}</p>}
        {problem !== null && (
          <p class="notice" role="alert">
            {errorText(texts, problem)}
          </p>
        )}
        {isBusy && prediction === null && <p class="muted">{texts.looking}</p>}
        {prediction !== null && (
          <>
            <h2>{texts.sees(prediction.label)}</h2>
            <ScoreBars result={prediction.result} />
            <p class="muted small">{texts.answeredBy(prediction.version)}</p>
          </>
        )}
        {prediction !== null && shown !== null && answered === null && takesAnswers && (
          <AnswerButtons
            labels={status?.labels ?? []}
            predicted={prediction.label}
            isBusy={isBusy}
            onAnswer={(label) => void answer(shown.picture, label)}
          />
        )}
        {answered !== null && <p class="thanks">{thanks[answered](texts)}</p>}
        {prediction !== null &&
          shown !== null &&
          champion !== null &&
          champion !== prediction.version && (
            <button type="button" class="primary" onClick={() => void ask(shown.picture)}>
              {texts.askAgain(champion)}
            </button>
          )}
      </div>
    </section>
  );
};

const usePaste = (open: (file: Blob) => void) =>
  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => {
      const file = [...(event.clipboardData?.files ?? [])].find(({ type }) =>
        type.startsWith('image/'),
      );
      if (file) open(file);
    };
    document.addEventListener('paste', onPaste);
    return () => document.removeEventListener('paste', onPaste);
  }, [open]);
