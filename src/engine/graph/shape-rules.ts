/** What each operator makes of the shapes and types it is given; one table of all families. */
import type { OpAttributes } from './ops.ts';
import { blockedShapes } from './shape-rules/blocked.ts';
import { controlShapes } from './shape-rules/control.ts';
import { activationShapes, arithmeticShapes } from './shape-rules/elementwise.ts';
import { loweredShapes } from './shape-rules/lowered.ts';
import { movementShapes } from './shape-rules/movement.ts';
import { normalizationShapes } from './shape-rules/normalizations.ts';
import { productShapes } from './shape-rules/products.ts';
import { reductionShapes } from './shape-rules/reductions.ts';
import type { ShapeRules } from './shape-rules/shape-rule.ts';
import { windowShapes } from './shape-rules/windows.ts';

export const shapeRules: ShapeRules<OpAttributes> = {
  ...arithmeticShapes,
  ...activationShapes,
  ...movementShapes,
  ...reductionShapes,
  ...productShapes,
  ...windowShapes,
  ...normalizationShapes,
  ...loweredShapes,
  ...blockedShapes,
  ...controlShapes,
};
