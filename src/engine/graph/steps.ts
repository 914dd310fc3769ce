/**
 * Comparisons as 0 or 1 in float32. The steepest HardSigmoid, max(0, min(1, 3·10³⁸·x + β)), takes one
 * fast pass; ONNX Runtime's comparison followed by Cast or Where takes several times as long. Not
 * for infinities and numbers that are not normal.
 */
import type { GraphBuilder } from './builder.ts';
import type { Value } from './graph.ts';

/** The slope. */
export const steepest = 3e38;

/** 1 where x > 0. */
export const isPositive = (b: GraphBuilder, x: Value): Value =>
  b.apply('HardSigmoid', [x], { alpha: steepest, beta: 0 });
