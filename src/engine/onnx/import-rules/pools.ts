/** Import rules for pools over pictures [N,C,H,W] and signals [N,C,L]. */
import { lowerings } from '../lowerings.ts';
import { intAttribute } from '../onnx-node.ts';
import { type ImportCall, type ImportRule, unsupported } from './import-rule.ts';
import { pairAttribute, pictureExtents, signalsToo, windowOf } from './window-of.ts';

const poolOf = (call: ImportCall) => {
  const kernel = pairAttribute(call.node, 'kernel_shape', [0, 0]);
  if (kernel[0] === 0) throw unsupported(call.node, 'has no kernel_shape');
  return {
    ...windowOf(call, kernel),
    ceilMode: intAttribute(call.node, 'ceil_mode', 0) === 1,
  };
};

const globalPool = (name: 'GlobalAveragePool' | 'GlobalMaxPool'): ImportRule =>
  signalsToo((call) => {
    pictureExtents(call);
    return lowerings[name](call.builder, [call.value(0)], {});
  });

export const pools: Readonly<Record<string, ImportRule>> = {
  MaxPool: signalsToo((call) =>
    lowerings.MaxPool(call.builder, [call.value(0)], poolOf(call)).slice(0, 1),
  ),
  AveragePool: signalsToo((call) => {
    const { dilations, ...pool } = poolOf(call);
    if (dilations.some((step) => step !== 1)) throw unsupported(call.node, 'has dilations');
    const countIncludePad = intAttribute(call.node, 'count_include_pad', 0) === 1;
    return lowerings.AveragePool(call.builder, [call.value(0)], { ...pool, countIncludePad });
  }),
  LpPool: signalsToo((call) => {
    const { ceilMode, dilations, ...window } = poolOf(call);
    if (ceilMode || dilations.some((step) => step !== 1))
      throw unsupported(call.node, 'rounds up or has dilations');
    const p = intAttribute(call.node, 'p', 2);
    return lowerings.LpPool(call.builder, [call.value(0)], { ...window, p });
  }),
  GlobalLpPool: signalsToo((call) => {
    pictureExtents(call);
    const p = intAttribute(call.node, 'p', 2);
    return lowerings.GlobalLpPool(call.builder, [call.value(0)], { p });
  }),
  GlobalAveragePool: globalPool('GlobalAveragePool'),
  GlobalMaxPool: globalPool('GlobalMaxPool'),
};
