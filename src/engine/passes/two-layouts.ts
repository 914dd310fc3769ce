/**
 * The values of a graph that is written anew in two layouts. Each lies as it always did, in the other
 * layout, or in both, and is laid out where it is asked for, once.
 */

import type { Node, Value } from '../graph/graph.ts';
import { sameShape, sizeOf } from '../tensor/shape.ts';

export interface TwoLayouts {
  /** Whether the value lies in the other layout, perhaps besides its own. */
  isOther(value: Value): boolean;
  /** The value in the other layout, laid out here if it has to be. */
  other(value: Value): Value;
  /** The value as it always lay, laid out here if it has to be. */
  plain(value: Value): Value;
  /** What takes the place of a value of the old graph. */
  put(value: Value, made: Value, isOther: boolean): void;
}

/**
 * @param toOther lays a value out anew
 * @param toPlain lays it out as it was, given it in the other layout and in the old graph
 */
export const createTwoLayouts = (
  toOther: (plain: Value) => Value,
  toPlain: (other: Value, value: Value) => Value,
): TwoLayouts => {
  const others = new Map<Value, Value>();
  const plains = new Map<Value, Value>();
  const plain = (value: Value): Value => {
    const known = plains.get(value);
    if (known) return known;
    const other = others.get(value);
    if (other === undefined) return value;
    const made = toPlain(other, value);
    plains.set(value, made);
    return made;
  };
  return {
    isOther: (value) => others.has(value),
    other: (value) => {
      const known = others.get(value);
      if (known) return known;
      const made = toOther(plain(value));
      // In both layouts from here on.
      plains.set(value, plain(value));
      others.set(value, made);
      return made;
    },
    plain,
    put: (value, made, isOther) => void (isOther ? others : plains).set(value, made),
  };
};

/**
 * The operands of a node that works element by element, in the other layout, where that is possible
 * and one of them lies there: each has the output's shape or is a scalar.
 */
export const elementwiseOperands = (
  { inputs, outputs: [output] }: Node,
  { isOther, other, plain }: Omit<TwoLayouts, 'put'>,
): readonly Value[] | undefined => {
  const isWhole = ({ shape }: Value) => sameShape(shape, (output as Value).shape);
  const fits = inputs.every((value) => isWhole(value) || sizeOf(value.shape) === 1);
  if (!fits || !inputs.some((value) => isWhole(value) && isOther(value))) return undefined;
  return inputs.map((value) => (isWhole(value) ? other(value) : plain(value)));
};
