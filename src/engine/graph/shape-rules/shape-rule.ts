/** The form of a shape rule, and what the families of rules share. */
import { RelearnError } from '../../../base/errors.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { Dtype } from '../../tensor/tensor.ts';
import type { Value } from '../graph.ts';
import type { OpAttributes, OpType } from '../ops.ts';

export interface Typed {
  readonly dtype: Dtype;
  readonly shape: Shape;
}

/** From inputs and attributes to the type of each output. */
export type ShapeRule<Op extends OpType> = (
  inputs: readonly Value[],
  attributes: OpAttributes[Op],
) => readonly Typed[];

/** A rule for each operator of a family. */
export type ShapeRules<Family> = { readonly [Op in keyof Family & OpType]: ShapeRule<Op> };

export const mismatch = (message: string): RelearnError =>
  new RelearnError('internal', 'shape_mismatch', message);

export const input = (inputs: readonly Value[], index: number): Value => {
  const value = inputs[index];
  if (value === undefined) throw mismatch(`input ${index} is missing`);
  return value;
};

/** The output is like the first input. */
export const likeFirst: ShapeRule<OpType> = (inputs) => [input(inputs, 0)];

/** The extents [N, C, H, W] of a picture-shaped value. */
export const picture = (value: Value): readonly [number, number, number, number] => {
  if (value.shape.length !== 4) throw mismatch(`${value.name} [${value.shape}] is not [N,C,H,W]`);
  return value.shape as readonly [number, number, number, number];
};

/** @throws RelearnError where `axis` is none of the value's */
export const axisOf = (value: Value, axis: number): number => {
  if (Number.isInteger(axis) && axis >= 0 && axis < value.shape.length) return axis;
  throw mismatch(`${value.name} [${value.shape}] has no axis ${axis}`);
};
