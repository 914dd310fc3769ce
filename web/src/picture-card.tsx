/** Drop, choose or paste a picture, see what the model makes of it, say what it really is. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { FeedbackStatus, PredictionReport } from '../../src/records/reports.ts';
import { AnswerButtons } from './answer-buttons.tsx';
import {
  type ProblemError,
  predict,
  problemOf,
  type Status,
  sendFeedback,
  sendVerdict,
} from './api.ts';
import { DropZone } from './drop-zone.tsx';
import { ScoreBars } from './score-bars.tsx';
import { shrinkPicture } from './shrink-picture.ts';
import { errorText, type Texts, useTexts } from './texts.ts';

interface Shown {
  readonly picture: Blob;
  readonly address: string;
}

const thanks: Readonly<Record<FeedbackStatus | 'noted', (texts: Texts) => string>> = {
  noted: (texts) => texts.noted,
  accepted: (texts) => texts.thanks,
  duplicate: (texts) => texts.known,
  review: (texts) => texts.review,
};

export const PictureCard = ({ status }: { readonly status: Status | null }) => {
  const texts = useTexts();
  const [shown, setShown] = useState<Shown | null>(null);
  const [prediction, setPrediction] = useState<PredictionReport | null>(null);
  const [answered, setAnswered] = useState<FeedbackStatus | 'noted' | null>(null);
  const [dropped, setDropped] = useState(1);
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<ProblemError | null>(null);
  /** Counts pictures, so that a late answer to an earlier one is not shown. */
  const turn = useRef(0);

  const attempt = useCallback(
    async (work: (isCurrent: () => boolean) => Promise<void>, code?: string) => {
      const mine = ++turn.current;
      const isCurrent = () => mine === turn.current;
      setIsBusy(true);
      setProblem(null);
      try {
        await work(isCurrent);
      } catch (error) {
        if (isCurrent()) setProblem(problemOf(error, code));
      } finally {
        if (isCurrent()) setIsBusy(false);
      }
    },
    [],
  );

  const ask = useCallback(
    (picture: Blob) =>
      attempt(async (isCurrent) => {
        const answer = await predict(picture);
        if (isCurrent()) setPrediction(answer);
      }),
    [attempt],
  );

  const open = useCallback(
    (file: Blob) =>
      attempt(async (isCurrent) => {
        // What stood here belongs to the picture before.
        setShown(null);
        setPrediction(null);
        setAnswered(null);
        setDropped(1);
        const picture = await shrinkPicture(file);
        if (!isCurrent()) return;
        setShown({ picture, address: URL.createObjectURL(picture) });
        void ask(picture);
      }, 'unreadable'),
    [attempt, ask],
  );

  const answer = (picture: Blob, label: string) =>
    attempt(async (isCurrent) => {
      const receipt = await sendFeedback(picture, label);
      if (isCurrent()) setAnswered(receipt.status);
    });

  const tell = (predictionId: string, verdict: 'neither' | 'unsure') =>
    attempt(async (isCurrent) => {
      await sendVerdict(predictionId, verdict);
      if (isCurrent()) setAnswered('noted');
    });

  useEffect(() => () => (shown ? URL.revokeObjectURL(shown.address) : undefined), [shown]);

  const champion = status?.champion ?? null;
  const isServed = status === null || status.functions.includes('predict');
  const isEnabled = isServed && (status === null || champion !== null);
  const take = useCallback(
    (files: ArrayLike<File>) => {
      if (!isEnabled) return;
      void open(files[0] ?? new Blob());
      setDropped(files.length);
    },
    [isEnabled, open],
  );
  usePaste(take);
  useDrop(take);
  const takesAnswers = status?.functions.includes('feedback') ?? false;
  return (
    <section class="card picture-card" aria-label={texts.yourPicture} aria-busy={isBusy}>
      <DropZone
        onFiles={take}
        address={shown?.address ?? null}
        isEnabled={isEnabled}
        obstacle={obstacleOf(texts, isServed, isEnabled)}
      />
      <div class="answer" aria-live="polite">
        {dropped > 1 && <p class="muted">{texts.onlyFirst(dropped)}</p>}
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
            onVerdict={(verdict) => void tell(prediction.predictionId, verdict)}
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

const obstacleOf = (texts: Texts, isServed: boolean, isEnabled: boolean) => {
  if (isEnabled) return null;
  return isServed
    ? { title: texts.noModel, cure: texts.noModelCure }
    : { title: texts.notServed, cure: '' };
};

const usePaste = (take: (files: readonly File[]) => void) =>
  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])].filter(({ type }) =>
        type.startsWith('image/'),
      );
      if (files.length > 0) take(files);
    };
    document.addEventListener('paste', onPaste);
    return () => document.removeEventListener('paste', onPaste);
  }, [take]);

/** Wherever a file falls: beside the marked place the browser would leave the page for it. */
const useDrop = (take: (files: readonly File[]) => void) =>
  useEffect(() => {
    const onDragOver = (event: DragEvent) => event.preventDefault();
    const onDrop = (event: DragEvent) => {
      event.preventDefault();
      take([...(event.dataTransfer?.files ?? [])]);
    };
    document.addEventListener('dragover', onDragOver);
    document.addEventListener('drop', onDrop);
    return () => {
      document.removeEventListener('dragover', onDragOver);
      document.removeEventListener('drop', onDrop);
    };
  }, [take]);
