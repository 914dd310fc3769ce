/**
 * What processes do in a simulation, as a table: each role is a list of acts, of which one is drawn
 * again and again until the world comes to its end or the process to its own.
 */

import { sha256 } from '../../src/base/hash.ts';
import type { Random } from '../../src/base/random.ts';
import type { Components } from '../../src/loop/components.ts';
import { collectFeedback } from '../../src/loop/feedback/collect-feedback.ts';
import { createVersions } from '../../src/loop/models/versions.ts';
import { newName } from '../../src/loop/new-name.ts';
import { createKeptPredictions } from '../../src/loop/serving/kept-predictions.ts';
import { loadModel } from '../../src/loop/serving/load-model.ts';
import { bringBack } from '../../src/loop/store/bring-back.ts';
import { collectGarbage } from '../../src/loop/store/collect-garbage.ts';
import { copyStore } from '../../src/loop/store/copy-store.ts';
import { readStatus } from '../../src/loop/store/status.ts';
import { considerTraining } from '../../src/loop/training/consider-training.ts';
import { train } from '../../src/loop/training/train-candidate.ts';
import { encodeFeedbackItem } from '../../src/records/feedback-item.ts';
import { predictionKey } from '../../src/records/keys.ts';
import { registerImport } from '../../src/registry/model-registry.ts';
import { versionOf } from '../../src/registry/registry-state.ts';
import { uploadImport } from './initial-objects.ts';
import type { Monitor } from './monitor.ts';
import { drawPutByHand } from './put-by-hand.ts';
import { directStore, type Objects } from './simulated-store.ts';
import { type World, worldBegin } from './virtual-time.ts';

/** What an act can use. */
export interface Scene {
  readonly world: World;
  readonly components: Components;
  readonly random: Random;
  readonly monitor: Monitor;
  readonly objects: Objects;
  /** A place to copy the store to, as this process sees it; a new one after each finished copy. */
  readonly copyTarget: () => Components['store'];
  onCopied(acknowledgedBefore: readonly string[]): Promise<void>;
}

type Act = (scene: Scene) => Promise<unknown>;

const day = 24 * 60 * 60 * 1000;
/** Few, so that processes meet over the same ones. */
const pictures = Array.from({ length: 12 }, (_, n) => {
  const image = Buffer.from(`picture ${n}`);
  return { image, sha256: sha256(image) };
});

/** Somebody was shown a prediction and says what the picture shows. */
const giveFeedback: Act = async ({ world, components, random, monitor, objects }) => {
  const { clock, newId } = components;
  const picture = pictures[random.integer(pictures.length)] ?? pictures[0];
  const target = random.integer(2) === 0 ? 'cat' : 'dog';
  if (!picture) return;
  const predictionId = newName(clock.now(), newId());
  const header = {
    formatVersion: 1 as const,
    sha256: picture.sha256,
    labelId: 'cat',
    receivedAt: new Date(worldBegin + world.now).toISOString(),
    source: 'prediction',
    width: 1,
    height: 1,
    encoder: 'simulation',
    predictionId,
  };
  await directStore(objects).put(
    predictionKey(predictionId),
    encodeFeedbackItem({ header, image: picture.image }),
  );
  const kept = createKeptPredictions(components);
  const { id } = await collectFeedback(
    { ...components, kept },
    { predictionId, target, source: 'a person' },
  );
  monitor.acknowledge(target, id);
};

/** A person puts something there past Relearn, over nothing that lies there. */
const putByHand: Act = async ({ components, random, monitor, objects }) => {
  const picture = pictures[random.integer(pictures.length)] ?? pictures[0];
  if (!picture) return;
  const { key, bytes } = drawPutByHand(random, picture.image, components.newId());
  if ((await directStore(objects).putIfAbsent(key, bytes)) === 'created')
    monitor.onPutByHand(key, bytes);
};

/** A person puts something where nothing belongs. */
const leaveStray: Act = async ({ components, random, objects }) =>
  directStore(objects).put(
    `feedback/bird/${components.newId()}.txt`,
    Buffer.from(`a note ${random.integer(4)}`),
  );

const promote: Act = async ({ components, random }) => {
  const versions = createVersions(components);
  const known = (await versions.list()).versions.length;
  if (known > 0) await versions.promote(1 + random.integer(known));
};

const addBaseData: Act = async ({ components }) => {
  const { clock, newId, registry, store } = components;
  await registerImport(registry, await uploadImport(store, newName(clock.now(), newId())));
};

/** What a server does again and again. */
const serve: Act = async ({ components }) => {
  const state = await components.registry.read();
  await readStatus(components);
  if (state.champion !== null) await loadModel(components, versionOf(state, state.champion));
};

const copy: Act = async ({ components, monitor, copyTarget, onCopied }) => {
  const { store, clock, newId } = components;
  const before = [...monitor.acknowledged];
  await copyStore({ from: store, to: copyTarget(), clock, newId });
  await onCopied(before);
};

/** Somebody mended what was wrong with it, or thinks so. */
const retry: Act = ({ components }) => bringBack(components, 'all');

export const acts = {
  feedback: giveFeedback,
  hand: putByHand,
  stray: leaveStray,
  consider: ({ components }) => considerTraining(components),
  train: ({ components }) => train(components),
  promote,
  rollback: ({ components }) => createVersions(components).rollback(),
  import: addBaseData,
  retry,
  gc: ({ components }) => collectGarbage(components),
  serve,
  copy,
} as const satisfies Record<string, Act>;

export type ActName = keyof typeof acts;

export interface Role {
  /** How many processes of it. */
  readonly count: number;
  /** It writes nothing, so faults of writes can't hit it. */
  readonly readsOnly?: boolean;
  readonly acts: readonly ActName[];
  /** Milliseconds from one act to the next. */
  pause(random: Random): number;
}

const seconds = (most: number) => (random: Random) => 500 + random.integer(most * 1000);
/** Mostly seconds, now and then days. */
const secondsOrDays = (most: number) => (random: Random) =>
  random.integer(6) === 0 ? (1 + random.integer(8)) * day : seconds(most)(random);

export const roles = {
  writer: {
    count: 2,
    acts: ['feedback', 'feedback', 'feedback', 'hand', 'stray'],
    pause: seconds(25),
  },
  trainer: { count: 3, acts: ['consider', 'consider', 'consider', 'train'], pause: seconds(60) },
  keeper: { count: 1, acts: ['promote', 'rollback', 'import', 'retry'], pause: seconds(90) },
  janitor: { count: 1, acts: ['gc'], pause: secondsOrDays(120) },
  server: { count: 1, readsOnly: true, acts: ['serve'], pause: seconds(90) },
  mover: { count: 1, acts: ['copy'], pause: secondsOrDays(240) },
} as const satisfies Record<string, Role>;

export type RoleName = keyof typeof roles;
