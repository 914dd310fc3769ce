/** What the server knows, asked each second while somebody looks; versions and runs only when they changed. */
import { useEffect, useState } from 'preact/hooks';
import type { RunSummary } from '../../src/loop/relearn-api.ts';
import type { ModelsReport } from '../../src/records/reports.ts';
import { getModels, getRuns, getStatus, type ProblemError, problemOf, type Status } from './api.ts';

export interface ServerState {
  readonly status: Status | null;
  readonly models: ModelsReport | null;
  readonly runs: readonly RunSummary[];
  /** The error that the last question met. */
  readonly problem: ProblemError | null;
}

const pollEvery = 1_000;

export const useServer = (): ServerState & { refresh(): void } => {
  const [status, setStatus] = useState<Status | null>(null);
  const [models, setModels] = useState<ModelsReport | null>(null);
  const [runs, setRuns] = useState<readonly RunSummary[]>([]);
  const [problem, setProblem] = useState<ProblemError | null>(null);
  const [asked, setAsked] = useState(0);

  useEffect(() => {
    let timer = 0;
    let isGone = false;
    const ask = async () => {
      try {
        if (!document.hidden) {
          const answer = await getStatus();
          if (isGone) return;
          setStatus(answer);
          setProblem(null);
        }
      } catch (error) {
        if (!isGone) setProblem(problemOf(error));
      }
      if (!isGone) timer = window.setTimeout(ask, pollEvery);
    };
    void ask();
    return () => {
      isGone = true;
      window.clearTimeout(timer);
    };
  }, [asked]);

  const isTraining = status?.training != null;
  const newest = status?.lastRun?.version;
  // The list below changes when the versions do, the curve with each round.
  useEffect(() => {
    if (status === null) return;
    let isGone = false;
    Promise.all([getModels(), getRuns()])
      .then(([newModels, newRuns]) => {
        if (isGone) return;
        setModels(newModels);
        setRuns(newRuns);
      })
      .catch((error) => setProblem(problemOf(error)));
    return () => {
      isGone = true;
    };
  }, [status === null, status?.champion, newest, isTraining, status?.training?.round]);

  return { status, models, runs, problem, refresh: () => setAsked((count) => count + 1) };
};
