/** Import rules for what ONNX Runtime's optimizer makes of transformers: whole layers as one node. */
import type { GraphBuilder } from '../builder.ts';
import type { Value } from '../graph.ts';
import { floatAttribute, intAttribute } from '../onnx-node.ts';
import { type ImportCall, type ImportRule, unsupported } from './import-rule.ts';

const biased = (b: GraphBuilder, x: Value, bias: Value | undefined): Value =>
  bias ? b.apply('Add', [x, bias]) : x;

const partOf = (b: GraphBuilder, x: Value, axis: number, part: number): Value => {
  const size = (x.shape[axis] as number) / 3;
  const bounds = { starts: [part * size], ends: [(part + 1) * size], axes: [axis], steps: [1] };
  return b.apply('Slice', [x], bounds);
};

/** Softmax(q·kᵀ·scale)·v in each head (Vaswani et al. 2017); all [N, tokens, heads · size]. */
const attend = (call: ImportCall, [q, k, v]: readonly [Value, Value, Value]): Value => {
  const { builder: b, node } = call;
  const heads = intAttribute(node, 'num_heads', 0);
  const width = q.shape[2] ?? 0;
  if (q.shape.length !== 3 || heads < 1 || width % heads !== 0)
    throw unsupported(node, `has ${heads} heads over [${q.shape}]`);
  const apart = (x: Value): Value => {
    const [n, tokens, all] = x.shape as [number, number, number];
    const split = b.apply('Reshape', [x], { shape: [n, tokens, heads, all / heads] });
    return b.apply('Transpose', [split], { permutation: [0, 2, 1, 3] });
  };
  // Zero stands for the default.
  const alpha = floatAttribute(node, 'scale', 0) || 1 / Math.sqrt(width / heads);
  const scores = b.apply('FusedMatMul', [apart(q), apart(k)], {
    transA: false,
    transB: true,
    alpha,
  });
  const values = b.apply('MatMul', [b.apply('Softmax', [scores], { axis: 3 }), apart(v)]);
  const joined = b.apply('Transpose', [values], { permutation: [0, 2, 1, 3] });
  const [n, tokens] = q.shape as [number, number];
  return b.apply('Reshape', [joined], { shape: [n, tokens, v.shape[2] as number] });
};

/** Masks, memories and rotations are for text. */
const plainOnly = ({ has, node }: ImportCall, from: number): void => {
  const extra = node.inputs.findIndex((_, index) => index >= from && has(index));
  const isOther = ['unidirectional', 'do_rotary'].some((name) => intAttribute(node, name, 0) !== 0);
  if (extra >= 0 || isOther || node.attributes.has('qkv_hidden_sizes'))
    throw unsupported(node, 'is masked, remembers or has parts of different sizes');
};

export const attention: Readonly<Record<string, ImportRule>> = {
  /** X [N, tokens, F], weights [F, 3·F] of queries, keys and values, and their bias. */
  'com.microsoft:Attention': (call) => {
    const { builder: b, has, kernel, value } = call;
    plainOnly(call, 3);
    const product = b.apply('MatMul', [value(0), kernel(1)]);
    const all = biased(b, product, has(2) ? value(2) : undefined);
    const [q, k, v] = [0, 1, 2].map((part) => partOf(b, all, 2, part)) as [Value, Value, Value];
    return [attend(call, [q, k, v])];
  },
  /** Queries, keys and values [N, tokens, F], and perhaps one bias for the three. */
  'com.microsoft:MultiHeadAttention': (call) => {
    const { builder: b, has, value } = call;
    plainOnly(call, 4);
    const parts = [0, 1, 2].map((part) =>
      biased(b, value(part), has(3) ? partOf(b, value(3), 0, part) : undefined),
    );
    return [attend(call, parts as [Value, Value, Value])];
  },
  /** Of the sum of both inputs and perhaps a bias; the sum itself is the last output. */
  'com.microsoft:SkipLayerNormalization': (call) => {
    const { builder: b, has, node, value } = call;
    const sum = biased(b, b.apply('Add', [value(0), value(1)]), has(4) ? value(4) : undefined);
    const inputs = [sum, value(2), ...(has(3) ? [value(3)] : [])];
    const epsilon = floatAttribute(node, 'epsilon', 1e-12);
    const axis = sum.shape.length - 1;
    const [y, ...statistics] = b.node('LayerNormalization', inputs, { axis, epsilon });
    return [y as Value, ...statistics, sum];
  },
};
