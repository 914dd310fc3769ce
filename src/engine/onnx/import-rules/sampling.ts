/** Import rules for operators that read pictures between their pixels: resizing, and through a grid. */

import type { GridSampleAttributes, ResizeAttributes } from '../../graph/ops.ts';
import { lowerings } from '../lowerings.ts';
import { axisOf } from '../node-shapes.ts';
import {
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  type SourceNode,
  textAttribute,
} from '../onnx-node.ts';
import { type ImportRule, unsupported } from './import-rule.ts';
import { pictureExtents } from './window-of.ts';

const oneOf = <Name extends string>(
  node: SourceNode,
  names: readonly Name[],
  given: string,
): Name => {
  const name = names.find((candidate) => candidate === given);
  if (name === undefined) throw unsupported(node, `works by "${given}"`);
  return name;
};

/** Upsample (opset 7 to 9) and Resize, which took scales alone in opset 10. */
const resize: ImportRule = (call) => {
  const { builder, literal, node, opset, value } = call;
  const x = value(0);
  const early = node.op === 'Upsample' || opset < 11;
  const scales =
    early && node.op === 'Upsample' && opset < 9
      ? floatsAttribute(node, 'scales', [])
      : Array.from(literal(early ? 1 : 2)?.data ?? []);
  const given = early ? undefined : literal(3);
  if (intAttribute(node, 'antialias', 0) === 1) throw unsupported(node, 'has antialias');
  const rank = x.shape.length;
  const axes = intsAttribute(node, 'axes', undefined)?.map((axis) => axisOf(node, axis, rank));
  /** A number for every axis from those for the axes that are named. */
  const perAxis = (numbers: readonly number[], otherwise: readonly number[]): readonly number[] =>
    axes ? otherwise.map((number, axis) => numbers[axes.indexOf(axis)] ?? number) : numbers;
  const allScales = perAxis(
    scales,
    x.shape.map(() => 1),
  );
  const sizes = given
    ? perAxis(Array.from(given.data), x.shape)
    : x.shape.map((extent, axis) => Math.floor(extent * (allScales[axis] ?? Number.NaN)));
  const mode = textAttribute(node, 'mode', 'nearest');
  const attributes: ResizeAttributes = {
    sizes,
    ...(given ? {} : { scales: allScales }),
    mode: oneOf(node, ['nearest', 'linear', 'cubic'], mode === 'bilinear' ? 'linear' : mode),
    coordinates: oneOf(
      node,
      ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'],
      early ? 'asymmetric' : textAttribute(node, 'coordinate_transformation_mode', 'half_pixel'),
    ),
    rounding: oneOf(
      node,
      ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'],
      early ? 'floor' : textAttribute(node, 'nearest_mode', 'round_prefer_floor'),
    ),
    ...(mode === 'cubic' ? { cubicCoefficient: floatAttribute(node, 'cubic_coeff_a', -0.75) } : {}),
  };
  return [builder.apply('Resize', [x], attributes)];
};

export const sampling: Readonly<Record<string, ImportRule>> = {
  GridSample: (call) => {
    const { builder, node, value } = call;
    pictureExtents(call);
    const mode = textAttribute(node, 'mode', 'bilinear');
    const attributes: GridSampleAttributes = {
      // Opset 20 says linear and cubic.
      mode: oneOf(
        node,
        ['bilinear', 'nearest', 'bicubic'],
        mode === 'linear' || mode === 'cubic' ? (`bi${mode}` as const) : mode,
      ),
      padding: oneOf(
        node,
        ['zeros', 'border', 'reflection'],
        textAttribute(node, 'padding_mode', 'zeros'),
      ),
      alignCorners: intAttribute(node, 'align_corners', 0) === 1,
    };
    return [builder.apply('GridSample', [value(0), value(1)], attributes)];
  },
  AffineGrid: ({ builder, literal, node, value }) => {
    const [, , ...extents] = literal(1)?.data ?? [];
    const [height = 0, width = 0] = extents;
    if (extents.length !== 2) throw unsupported(node, 'makes a grid of another rank than pictures');
    const alignCorners = intAttribute(node, 'align_corners', 0) === 1;
    return lowerings.AffineGrid(builder, [value(0)], { height, width, alignCorners });
  },
  Resize: resize,
  Upsample: resize,
};
