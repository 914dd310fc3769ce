/**
 * Weights that are updated alike, as one vector. A network has dozens of small weights and an
 * optimizer some ten operators for each; one long vector needs the ten once. The caller keeps the
 * members' arrays one after the other in the vector's memory, so nothing is split or copied.
 */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Parameter, Value } from '../graph/graph.ts';
import { sizeOf } from '../tensor/shape.ts';

export interface WeightGroup {
  /** An input of one axis: the members' elements one after the other. */
  readonly vector: Value;
  readonly members: readonly Value[];
}

export const createWeightGroup = (
  b: GraphBuilder,
  name: string,
  members: readonly Value[],
): WeightGroup => {
  const size = members.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return { vector: b.input(name, 'float32', [size]), members };
};

/** The members' arrays in the vector's memory, in order. */
export const partsOf = (
  { members }: WeightGroup,
  memory: Float32Array,
): readonly Float32Array[] => {
  let end = 0;
  return members.map(({ shape }) => {
    const start = end;
    end += sizeOf(shape);
    return memory.subarray(start, end);
  });
};

/** The elements of all values, one after the other. */
export const concatenate = (b: GraphBuilder, values: readonly Value[]): Value =>
  b.apply(
    'Concat',
    values.map((value) => b.apply('Reshape', [value], { shape: [sizeOf(value.shape)] })),
    { axis: 0 },
  );

type Treatment = Pick<Parameter, 'decay' | 'rate'>;

/** Parameters of the same decay and rate together, in the order of their first members. */
export const groupAlike = <P extends Treatment>(
  parameters: readonly P[],
): readonly (readonly P[])[] => {
  const groups = new Map<string, P[]>();
  for (const parameter of parameters) {
    const key = `${parameter.decay} ${parameter.rate}`;
    const group = groups.get(key);
    if (group) group.push(parameter);
    else groups.set(key, [parameter]);
  }
  return [...groups.values()];
};
