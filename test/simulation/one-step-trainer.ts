/**
 * A trainer whose steps are nothing: it reads the feedback of its manifest as every training does,
 * sets aside what it was told is poison, lets time pass, leaves a checkpoint after each step or goes
 * on from one, and uploads what the same data would always make. Only the computing is left out.
 */
import { RelearnError } from '../../src/base/errors.ts';
import { sha256 } from '../../src/base/hash.ts';
import type { Random } from '../../src/base/random.ts';
import { foundAt, setAside } from '../../src/loop/feedback/quarantine.ts';
import { loadTrainingPictures } from '../../src/loop/training/load-training-pictures.ts';
import { createRunCheckpoints } from '../../src/loop/training/run-checkpoints.ts';
import { startingProgress } from '../../src/loop/training/run-journal.ts';
import type { TrainingSite } from '../../src/loop/training/run-training.ts';
import type { Trainer } from '../../src/loop/training/trainer.ts';
import { readVerified } from '../../src/records/read-verified.ts';
import type { GateReport, Verdict } from '../../src/records/reports.ts';
import { decodeTrainingManifest } from '../../src/records/training-manifest.ts';
import type { TrainingState } from '../../src/training/training-state.ts';
import { uploadMadeUpOutcome } from '../made-up-outcome.ts';
import { modelsOfTrainings } from './initial-objects.ts';

/** Mostly better, now and then worse or undecided. */
const verdicts: readonly Verdict[] = ['promote', 'promote', 'reject', 'not-enough-evidence'];

const drawGate = (random: Random, isFirst: boolean): GateReport => ({
  verdict: isFirst ? 'first' : (verdicts[random.integer(verdicts.length)] ?? 'promote'),
  championAccuracy: isFirst ? null : 0.5,
  pValue: null,
  needed: null,
  reasons: [],
});

/** What makes trainings set feedback aside. */
export interface Poison {
  /** Whether there is any now. */
  isAbout(): boolean;
  wasSetAside(labelId: string, hash: string): boolean;
}

const weights = new Map([['weight', Float32Array.of(1)]]);
const stateAfter = (step: number): TrainingState => ({
  session: { step, tensors: weights },
  average: null,
  best: weights,
  curve: [],
  stopping: { bestAccuracy: null, lowestLoss: null, roundsLeft: 1 },
  meter: { steps: 0, pictures: 0, lossSum: 0, right: 0, nearlyRight: 0 },
  rateFactor: 1,
  start: 'scratch',
  race: null,
  seconds: step,
  trainingSeconds: step,
});

export const createOneStepTrainer =
  (
    site: Pick<TrainingSite, 'store' | 'settings' | 'clock'>,
    random: Random,
    poison: Poison,
  ): Trainer =>
  async (request, watch) => {
    const { store, clock } = site;
    const { startedAt, manifest: ref, champion, epoch, failures } = request;
    const source = { ...(site as TrainingSite), epoch, failures, log: () => {} };
    watch.onProgress({ ...startingProgress(startedAt), phase: 'training' });
    const manifest = decodeTrainingManifest(await readVerified(store, ref), ref.key);
    const poisonous = poison.isAbout()
      ? manifest.feedback[random.integer(manifest.feedback.length + 2)]
      : undefined;
    const bytes = poisonous && (await store.get(poisonous.key));
    if (poisonous && bytes)
      await setAside(source, foundAt(store, poisonous.key, bytes), bytes, 'poison');
    const { train } = await loadTrainingPictures(source, { ...manifest, base: [] });
    const read = new Set(train.map((picture) => picture.sha256));
    for (const { key, labelId, sha256: hash } of manifest.feedback) {
      // Set aside by this training, or by one that had lost its lease.
      if (read.has(hash) || poison.wasSetAside(labelId, hash)) continue;
      throw new RelearnError(
        'internal',
        'simulated_item_missing',
        `${key} was claimed and is gone.`,
      );
    }
    const checkpoints = createRunCheckpoints(
      site,
      request.runId,
      sha256(Buffer.from(`${ref.sha256} ${train.length}`)),
    );
    const from = request.resume ? await checkpoints.last() : undefined;
    for (let round = from?.session.step ?? 0; round < 3; round++) {
      await clock.sleep(1_000 + random.integer(10_000), watch.signal);
      await checkpoints.save(stateAfter(round + 1));
    }

    const learnt = JSON.stringify([
      manifest.parent,
      manifest.feedback.map(({ key }) => key),
      manifest.replay,
    ]);
    const index = Number.parseInt(sha256(Buffer.from(learnt)).slice(0, 6), 16);
    const model = modelsOfTrainings[index % modelsOfTrainings.length] as Uint8Array;
    return uploadMadeUpOutcome(site, request, model, drawGate(random, champion === null));
  };
