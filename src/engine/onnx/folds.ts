/**
 * What a node of an ONNX file gives when all its inputs are known numbers: the shape arithmetic that
 * exporters leave in a graph, and weights that are stored small and widened in the graph. Integers
 * are exact, floats are rounded to float32 after each operator, as the runtime does.
 */
import { constants } from './folds/constants.ts';
import { elementwise } from './folds/elementwise.ts';
import type { Fold } from './folds/fold.ts';
import { movement } from './folds/movement.ts';
import { reductions } from './folds/reductions.ts';

export const folds: Readonly<Record<string, Fold>> = {
  ...constants,
  ...elementwise,
  ...movement,
  ...reductions,
};
