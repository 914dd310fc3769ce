/**
 * A training's state as a few numbers that JSON can hold and a list of tensors, and the tensors as
 * one stream of bytes cut into parts of bounded size, so that saving a large network needs little
 * memory beside it.
 */
import type { StateFigures } from '../records/checkpoint.ts';
import type { TrainingState, Weights } from './training-state.ts';

type NamedTensor = readonly [name: string, data: Float32Array];

export interface SeparatedState {
  readonly figures: StateFigures;
  readonly tensors: readonly NamedTensor[];
}

/** Tensors are named by what they belong to: `session/…`, `average/…`, `best/…`. */
const groups = ['session', 'average', 'best'] as const;

export const separateState = (state: TrainingState): SeparatedState => {
  const { session, average, best, ...rest } = state;
  const byGroup: { readonly [Group in (typeof groups)[number]]: Weights } = {
    session: session.tensors,
    average: average?.weights ?? new Map(),
    best,
  };
  return {
    figures: {
      ...rest,
      curve: [...rest.curve],
      step: session.step,
      averageUpdates: average?.updates ?? null,
    },
    tensors: groups.flatMap((group) =>
      [...byGroup[group]].map(([name, data]) => [`${group}/${name}`, data] as const),
    ),
  };
};

export const joinState = ({ figures, tensors }: SeparatedState): TrainingState => {
  const { step, averageUpdates, ...rest } = figures;
  const groupOf = (group: string): Weights =>
    new Map(
      tensors
        .filter(([name]) => name.startsWith(`${group}/`))
        .map(([name, data]) => [name.slice(group.length + 1), data]),
    );
  return {
    ...rest,
    session: { step, tensors: groupOf('session') },
    average:
      averageUpdates === null ? null : { updates: averageUpdates, weights: groupOf('average') },
    best: groupOf('best'),
  };
};

const bytesOf = (data: Float32Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** The tensors' bytes one after the other, in parts of `partBytes`; the last one may be shorter. */
export function* packTensors(
  tensors: readonly NamedTensor[],
  partBytes: number,
): Generator<Uint8Array> {
  let left = tensors.reduce((sum, [, data]) => sum + data.byteLength, 0);
  let part = new Uint8Array(Math.min(partBytes, left));
  let filled = 0;
  for (const [, data] of tensors) {
    for (let rest = bytesOf(data); rest.length > 0; ) {
      const piece = rest.subarray(0, part.length - filled);
      part.set(piece, filled);
      filled += piece.length;
      rest = rest.subarray(piece.length);
      if (filled < part.length) continue;
      yield part;
      left -= filled;
      part = new Uint8Array(Math.min(partBytes, left));
      filled = 0;
    }
  }
}

export interface TensorPlace {
  readonly name: string;
  /** Numbers, not bytes. */
  readonly length: number;
}

/**
 * Fills tensors of these lengths from the parts, in order.
 * @throws RangeError where the parts hold more or fewer bytes
 */
export const unpackTensors = async (
  places: readonly TensorPlace[],
  parts: AsyncIterable<Uint8Array>,
): Promise<readonly NamedTensor[]> => {
  const tensors = places.map(({ name, length }) => [name, new Float32Array(length)] as const);
  const targets = tensors.map(([, data]) => bytesOf(data)).filter(({ length }) => length > 0);
  let current = targets.shift();
  let filled = 0;
  for await (const part of parts) {
    for (let rest = part; rest.length > 0; ) {
      if (!current) throw new RangeError('the parts hold more bytes than the tensors');
      const piece = rest.subarray(0, current.length - filled);
      current.set(piece, filled);
      filled += piece.length;
      rest = rest.subarray(piece.length);
      if (filled < current.length) continue;
      current = targets.shift();
      filled = 0;
    }
  }
  if (current) throw new RangeError('the parts hold fewer bytes than the tensors');
  return tensors;
};
