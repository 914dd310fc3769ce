/** The activation that ONNX Runtime's optimizer fuses into a convolution or a product. */
import type { Value } from '../../graph/graph.ts';
import { type ImportCall, unsupported } from './import-rule.ts';

interface FusedActivation {
  readonly name: string;
  readonly parameters: readonly number[];
}

export const fusedActivation = (
  { builder, node }: ImportCall,
  x: Value,
  { name, parameters }: FusedActivation,
): Value => {
  const [first = 0, second = 0] = parameters;
  if (name === 'Relu' || name === 'Sigmoid' || name === 'Tanh') return builder.apply(name, [x]);
  if (name === 'LeakyRelu' || name === 'Elu') return builder.apply(name, [x], { alpha: first });
  if (name === 'Clip') return builder.apply('Clip', [x], { min: first, max: second });
  if (name === 'HardSigmoid')
    return builder.apply('HardSigmoid', [x], { alpha: first, beta: second });
  throw unsupported(node, `ends in the activation "${name}"`);
};
