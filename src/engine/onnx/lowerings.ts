/**
 * Operators of ONNX that others can spell, written with those of ops.ts, so that no other table
 * needs to know them. Names are ONNX's; what ONNX passes as constant inputs is an attribute, and
 * axes count from 0.
 */
import { activationLowerings } from './lowerings/activations.ts';
import { angleLowerings } from './lowerings/angles.ts';
import { einsum } from './lowerings/einsum.ts';
import { movementLowerings } from './lowerings/movement.ts';
import { normalizationLowerings } from './lowerings/normalizations.ts';
import { placeLowerings } from './lowerings/places.ts';
import { reductionLowerings } from './lowerings/reductions.ts';
import { samplingLowerings } from './lowerings/sampling.ts';
import { windowLowerings } from './lowerings/windows.ts';

export const lowerings = {
  ...activationLowerings,
  ...angleLowerings,
  ...movementLowerings,
  ...normalizationLowerings,
  ...placeLowerings,
  ...reductionLowerings,
  ...samplingLowerings,
  ...windowLowerings,
  Einsum: einsum,
};
