/**
 * Training on an imported backbone: the features of all pictures once, then a head in seconds; if
 * asked, the backbone's last blocks go on learning from there, and are kept where the validation
 * pictures say so. Sees pictures, weights and a cache, never a champion.
 */
import { createFeatureCache } from '../data/feature-cache.ts';
import type { LabelledPicture } from '../data/pixel-cache.ts';
import { type Model, readModel, writeModel } from '../engine/nn/model-file.ts';
import {
  type Backbone,
  countBlocks,
  countTunedBlocks,
  featureModel,
  type TransferArchitectureOptions,
  transferArchitecture,
} from '../engine/nn/transfer.ts';
import { createClassifier } from '../engine/runtime/create-classifier.ts';
import { extractHere } from '../engine/runtime/feature-extractor.ts';
import { extractInWorkers } from '../engine/runtime/feature-workers.ts';
import { softmaxRows } from '../engine/tensor/reduce.ts';
import type { TransferReport } from '../records/reports.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { collectFeatures } from './collect-features.ts';
import { type Evaluation, evaluate, evaluationOf } from './evaluate.ts';
import { hashExtractor } from './extractor-hash.ts';
import { type CurvePoint, type FitOptions, type FitRequest, type FitResult, fit } from './fit.ts';
import { fitTemperature } from './temperature.ts';
import { type Head, type HeadRound, trainHead } from './train-head.ts';

export interface TransferOptions extends FitOptions {
  /**
   * How many of the backbone's last blocks learn after the head. Default: as many as have learnt in
   * the model that is continued, else 0. Features that learnt from these very pictures make a new head
   * on them too sure, so a head alone would not take such a model further.
   */
  readonly fineTune?: number;
  /**
   * Learn from and answer with the mean over a picture and its mirror image: twice the time for
   * features and answers, a little more often right. Default: as the model that is continued, else no.
   */
  readonly mirror?: boolean;
}

export interface FitTransferRequest extends Omit<FitRequest, 'network' | 'backbone' | 'options'> {
  readonly options: TransferOptions;
  readonly backbone: { readonly sha256: string; readonly network: Backbone };
  /** Their features are collected along, so that `judge` needs no second pass. */
  readonly holdout: readonly LabelledPicture[];
  /** Where features are kept. */
  readonly store: ObjectStore;
}

export interface FitTransferResult extends FitResult {
  /** A model's answers on the holdout, from features where it computes the same ones. */
  judge(model: Uint8Array): Promise<Evaluation | undefined>;
}

/**
 * Pictures, mirror images among them, in one pass through the backbone: so few that a layer's output
 * stays in the cache.
 */
const passSize = 2;
/** Pictures in one step, as progress counts them. */
const shownBatch = 32;

/**
 * @throws RelearnError as `fit`; invalid/`features_not_finite`; invalid/`incompatible_model` where
 *   `initial` stands on another backbone
 */
export const fitTransfer = async (request: FitTransferRequest): Promise<FitTransferResult> => {
  const { backbone, labels, train, validation, holdout, preprocessing, threads, clock } = request;
  const started = clock.monotonic();
  const seconds = () => (clock.monotonic() - started) / 1000;
  const initial = request.initial && readModel(request.initial);
  const weights = bodyWeights(backbone.network, initial);
  const mirror = request.options.mirror ?? initial?.readout.mirror ?? false;
  const size = backbone.network.featureCount;
  const classes = labels.length;

  const pictures = [...train, ...validation, ...holdout];
  const { features, computed } = await collectFeatures({
    pictures,
    preprocessing,
    featureCount: size,
    cache: createFeatureCache(
      request.store,
      hashExtractor({ file: backbone.sha256, weights, preprocessing, mirror }),
      size,
    ),
    openExtractor: async () => {
      const batchSize = mirror ? passSize / 2 : passSize;
      const model = featureModel(backbone.network, { batchSize, weights, mirror });
      return (request.workers ?? true)
        ? extractInWorkers(model, threads)
        : extractHere(model, { threads });
    },
    ...(request.signal ? { signal: request.signal } : {}),
    onProgress: (done, total) => {
      if (done % shownBatch < passSize || done === total)
        request.onProgress?.(extracting(done, total, seconds()));
    },
  });
  const collected = seconds();
  const imagesPerSecond = pictures.length / collected;
  request.onLine?.(
    `features of ${pictures.length} pictures, ${computed} of them new: ${collected.toFixed(1)} s`,
  );

  const labelsOf = (list: readonly LabelledPicture[]) =>
    Int32Array.from(list, ({ label }) => label);
  const judged = train.length + validation.length;
  const curve: CurvePoint[] = [];
  const trained = await trainHead(
    {
      features: features.subarray(0, judged * size),
      size,
      labels: labelsOf([...train, ...validation]),
      trained: train.length,
    },
    {
      classes,
      threads,
      ...(request.signal ? { signal: request.signal } : {}),
      onRound: (round) => {
        curve.push(toCurvePoint(round));
        request.onLine?.(describeRound(round, curve));
      },
    },
  );
  request.onLine?.(
    `head on ${train.length} pictures, penalty ${trained.best.penalty}: ${(seconds() - collected).toFixed(1)} s`,
  );
  const model: Model = {
    architecture: request.architecture,
    backbone: backbone.sha256,
    network: transferArchitecture(backbone.network, { mirror }),
    labels,
    preprocessing,
    weights: withHead(weights, trained.head),
    readout: {
      mirror,
      temperature: fitTemperature(trained.heldOut.probabilities, classes, trained.heldOut.labels),
    },
  };
  const head: FitResult = {
    model: writeModel(model),
    rounds: curve.length,
    steps: trained.rounds.at(-1)?.evaluations ?? 0,
    stoppedBecause: 'schedule-finished',
    seconds: seconds(),
    imagesPerSecond,
    curve,
    start: request.initial ? 'champion' : 'scratch',
    race: null,
  };
  const judge = createJudge({
    request,
    weights,
    mirror,
    features: features.subarray(judged * size),
    truth: labelsOf(holdout),
  });
  const blocks =
    request.options.fineTune ?? (initial ? countTunedBlocks(backbone.network, initial.weights) : 0);
  if (blocks === 0) tellOfIdle(request);
  const tuned = { blocks, mirror };
  const { fitted, ...outcome } =
    blocks === 0 ? headAlone(head) : await fineTune(request, head, tuned);
  const transfer = {
    blocks: countBlocks(backbone.network),
    tuned: blocks,
    mirror,
    ...outcome,
  };
  return { ...fitted, transfer, judge };
};

/** What shapes training in steps, by the option of the command line. */
const ofSteps = {
  rounds: '--rounds',
  steps: '--steps',
  patience: '--patience',
  targetAccuracy: '--target-accuracy',
  batchSize: '--batch-size',
  learningRate: '--learning-rate',
} as const satisfies Partial<Record<keyof TransferOptions, string>>;

/** A new head is fitted as a whole, not in steps: nobody should believe that such options did it. */
const tellOfIdle = ({ options, onLine }: FitTransferRequest): void => {
  const names = Object.keys(ofSteps) as (keyof typeof ofSteps)[];
  const given = names.filter((name) => options[name] !== undefined).map((name) => ofSteps[name]);
  if (given.length > 0)
    onLine?.(`without effect on a new head, only with --fine-tune: ${given.join(', ')}`);
};

type Outcome = Pick<TransferReport, 'kept' | 'headLoss' | 'tunedLoss'> & {
  readonly fitted: FitResult;
};

const headAlone = (fitted: FitResult): Outcome => ({
  fitted,
  kept: false,
  headLoss: null,
  tunedLoss: null,
});

/**
 * Goes on from the trained head with the backbone's last blocks. Kept where the validation pictures
 * are answered better than by the head alone; without any nobody could say so.
 */
const fineTune = async (
  { backbone, ...request }: FitTransferRequest,
  head: FitResult,
  shape: TransferArchitectureOptions,
): Promise<Outcome> => {
  const { validation, onLine } = request;
  if (validation.length === 0) {
    onLine?.('Not fine-tuned: there are no validation pictures that could tell whether it helps.');
    return headAlone(head);
  }
  const tuned = await fit({
    ...request,
    network: transferArchitecture(backbone.network, shape),
    backbone: backbone.sha256,
    initial: head.model,
    // There is no fresh start that could win against a trained backbone.
    options: { ...request.options, race: false },
  });
  const headLoss = await lossOf(head.model, request);
  const tunedLoss = await lossOf(tuned.model, request);
  const kept = tunedLoss < headLoss;
  onLine?.(
    `validation loss ${headLoss.toFixed(4)} with the head alone, ${tunedLoss.toFixed(4)} fine-tuned: ${kept ? 'fine-tuned' : 'the head alone'} is kept`,
  );
  const both = {
    start: head.start,
    rounds: head.rounds + tuned.rounds,
    steps: head.steps + tuned.steps,
    seconds: head.seconds + tuned.seconds,
    curve: [
      ...head.curve,
      ...tuned.curve.map((point) => ({ ...point, step: point.step + head.steps })),
    ],
  };
  return { fitted: { ...(kept ? tuned : head), ...both }, kept, headLoss, tunedLoss };
};

const lossOf = async (
  model: Uint8Array,
  { validation, threads }: Pick<FitTransferRequest, 'validation' | 'threads'>,
): Promise<number> => {
  const classifier = await createClassifier(model, { threads });
  try {
    return (await evaluate(classifier, validation)).loss;
  } finally {
    await classifier.close();
  }
};

/** The backbone's weights to start from: those of the model to continue, else the file's. */
const bodyWeights = (
  { weights: own }: Backbone,
  initial: Model | undefined,
): ReadonlyMap<string, Float32Array> =>
  initial
    ? new Map([...own.keys()].map((name) => [name, initial.weights.get(name) as Float32Array]))
    : own;

const withHead = (
  weights: ReadonlyMap<string, Float32Array>,
  { kernel, bias }: Head,
): ReadonlyMap<string, Float32Array> =>
  new Map([...weights, ['logits/kernel', kernel], ['logits/bias', bias]]);

const toCurvePoint = ({ evaluations, train, validation }: HeadRound): CurvePoint => ({
  step: evaluations,
  trainLoss: train.loss,
  trainAccuracy: train.accuracy,
  trainTop2Accuracy: train.top2Accuracy,
  validationLoss: validation.loss,
  validationAccuracy: validation.accuracy,
});

const describeRound = (round: HeadRound, curve: readonly CurvePoint[]) => {
  const { penalty, train, validation, judged, isCrossValidated } = round;
  const best = Math.max(...curve.map((point) => point.validationAccuracy));
  const judges = isCrossValidated
    ? `of ${judged} training pictures in turn (cross-validation)`
    : `of ${judged} validation pictures`;
  return `round ${curve.length}: penalty ${penalty}, train loss ${train.loss.toFixed(4)}, accuracy ${validation.accuracy.toFixed(4)} ${judges}, best ${best.toFixed(4)}`;
};

const extracting = (done: number, total: number, seconds: number) => ({
  round: 0,
  rounds: null,
  epoch: 0,
  step: Math.ceil(done / shownBatch),
  steps: Math.ceil(total / shownBatch),
  loss: null,
  bestAccuracy: null,
  roundsLeft: 0,
  imagesPerSecond: done / seconds,
  secondsLeft: ((total - done) * seconds) / done,
});

interface JudgeParts {
  readonly request: FitTransferRequest;
  readonly weights: ReadonlyMap<string, Float32Array>;
  /** Whether the features are those of a picture and its mirror image. */
  readonly mirror: boolean;
  /** Of the holdout, [n, size]. */
  readonly features: Float32Array;
  readonly truth: Int32Array;
}

/** Pictures that the model's file itself is asked, to see that the features answer for it. */
const asked = 16;
const tolerance = 1e-3;

const createJudge =
  ({ request, weights, mirror, features, truth }: JudgeParts): FitTransferResult['judge'] =>
  async (bytes) => {
    const { backbone, holdout, threads, labels, preprocessing } = request;
    const model = readModel(bytes);
    const isSame =
      model.backbone === backbone.sha256 &&
      JSON.stringify(model.preprocessing) === JSON.stringify(preprocessing) &&
      [...weights].every(([name, own]) => sameNumbers(own, model.weights.get(name)));
    const kernel = model.weights.get('logits/kernel');
    const bias = model.weights.get('logits/bias');
    if (!isSame || !kernel || !bias || model.readout.mirror !== mirror) return undefined;
    const classes = labels.length;
    const logits = applyHead(features, { kernel, bias });
    const probabilities = softmaxRows(
      logits.map((logit) => logit / model.readout.temperature),
      classes,
    );
    const classifier = await createClassifier(bytes, { threads });
    try {
      const { probabilities: own } = await evaluate(classifier, holdout.slice(0, asked));
      const agrees = own.every((p, i) => Math.abs(p - (probabilities[i] as number)) < tolerance);
      return agrees ? evaluationOf(probabilities, classes, truth) : undefined;
    } finally {
      await classifier.close();
    }
  };

const sameNumbers = (left: Float32Array, right: Float32Array | undefined): boolean =>
  right !== undefined && Buffer.compare(asBytes(left), asBytes(right)) === 0;

const asBytes = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** @returns logits [n, classes] */
const applyHead = (features: Float32Array, { kernel, bias }: Head): Float32Array => {
  const classes = bias.length;
  const size = kernel.length / classes;
  const logits = new Float32Array((features.length / size) * classes);
  for (let i = 0; i < logits.length; i++) {
    const row = Math.floor(i / classes) * size;
    const column = (i % classes) * size;
    let sum = bias[i % classes] as number;
    for (let f = 0; f < size; f++)
      sum += (features[row + f] as number) * (kernel[column + f] as number);
    logits[i] = sum;
  }
  return logits;
};
