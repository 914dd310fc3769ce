/** Operators that roll dice: none is part of a classifier that answers. */
import { type ImportRule, unsupported } from './import-rule.ts';

const refused: ImportRule = ({ node }) => {
  throw unsupported(node, 'draws random numbers: export the model for inference (model.eval())');
};

export const chance: Readonly<Record<string, ImportRule>> = {
  Bernoulli: refused,
  Multinomial: refused,
  RandomNormal: refused,
  RandomNormalLike: refused,
  RandomUniform: refused,
  RandomUniformLike: refused,
};
