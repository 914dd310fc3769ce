/**
 * One rule for each operator: given the gradient of its output, the gradients of its inputs, as new
 * nodes of the same graph. Broadcasting is undone by the walk (differentiate.ts), so rules may
 * return gradients of the broadcast shape. `notDifferentiable` says so by name.
 */
import type { BlockedOps, LoweredOps, OpAttributes } from '../graph/ops.ts';
import { activationGradients } from './gradient-rules/activations.ts';
import { arithmeticGradients } from './gradient-rules/arithmetic.ts';
import { type GradientRules, notDifferentiable } from './gradient-rules/gradient-rule.ts';
import { movementGradients } from './gradient-rules/movement.ts';
import { normalizationGradients } from './gradient-rules/normalizations.ts';
import { productGradients } from './gradient-rules/products.ts';
import { reductionGradients } from './gradient-rules/reductions.ts';
import { windowGradients } from './gradient-rules/windows.ts';

/** Written after differentiation only. */
const lateOps: GradientRules<LoweredOps & BlockedOps> = {
  ScaleShift: notDifferentiable,
  FlipKernel: notDifferentiable,
  ConvWeightGradient: notDifferentiable,
  MaxPoolGradient: notDifferentiable,
  SideBySide: notDifferentiable,
  Apart: notDifferentiable,
  ToBlocked: notDifferentiable,
  FromBlocked: notDifferentiable,
  BlockedConv: notDifferentiable,
  BlockedMaxPool: notDifferentiable,
  BlockedGlobalAveragePool: notDifferentiable,
  BlockedUpsample: notDifferentiable,
};

export const gradientRules: GradientRules<OpAttributes> = {
  ...arithmeticGradients,
  ...activationGradients,
  ...movementGradients,
  ...reductionGradients,
  ...productGradients,
  ...windowGradients,
  ...normalizationGradients,
  ...lateOps,
  Scan: notDifferentiable,
};
