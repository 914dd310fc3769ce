/** How each ONNX operator is read: the one table from operator to rule. */
import { attention } from './import-rules/attention.ts';
import { chance } from './import-rules/chance.ts';
import { convolutions } from './import-rules/convolutions.ts';
import { elementwise } from './import-rules/elementwise.ts';
import type { ImportRule } from './import-rules/import-rule.ts';
import { movement } from './import-rules/movement.ts';
import { places } from './import-rules/places.ts';
import { pools } from './import-rules/pools.ts';
import { products } from './import-rules/products.ts';
import { sampling } from './import-rules/sampling.ts';

export { type ImportCall, unsupported } from './import-rules/import-rule.ts';

export const importRules: Readonly<Record<string, ImportRule>> = {
  ...elementwise,
  ...movement,
  ...places,
  ...convolutions,
  ...pools,
  ...sampling,
  ...products,
  ...attention,
  ...chance,
};
