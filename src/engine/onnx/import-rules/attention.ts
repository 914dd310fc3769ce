/** Import rules for attention as one node: ONNX's own, and what ONNX Runtime's optimizer makes. */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import { floatAttribute, intAttribute } from '../onnx-node.ts';
import { type ImportCall, type ImportRule, unsupported } from './import-rule.ts';

const biased = (b: GraphBuilder, x: Value, bias: Value | undefined): Value =>
  bias ? b.apply('Add', [x, bias]) : x;

const partOf = (b: GraphBuilder, x: Value, axis: number, part: number): Value => {
  const size = (x.shape[axis] as number) / 3;
  const bounds = { starts: [part * size], ends: [(part + 1) * size], axes: [axis], steps: [1] };
  return b.apply('Slice', [x], bounds);
};

type Parts = [queries: Value, keys: Value, values: Value];

/** Softmax(q·kᵀ·scale + mask)·v (Vaswani et al. 2017); all [N, heads, tokens, size]. */
const attendInHeads = ({ builder: b, node }: ImportCall, [q, k, v]: Parts, mask?: Value): Value => {
  // Zero stands for the default.
  const alpha = floatAttribute(node, 'scale', 0) || 1 / Math.sqrt(q.shape[3] as number);
  const products = b.apply('FusedMatMul', [q, k], { transA: false, transB: true, alpha });
  const scores = mask ? b.apply('Add', [products, mask]) : products;
  return b.apply('MatMul', [b.apply('Softmax', [scores], { axis: 3 }), v]);
};

/** The same of parts [N, tokens, heads · size]. */
const attend = (call: ImportCall, parts: Parts, heads: number, mask?: Value): Value => {
  const { builder: b, node } = call;
  const [q, , v] = parts;
  if (q.shape.length !== 3 || heads < 1 || (q.shape[2] as number) % heads !== 0)
    throw unsupported(node, `has ${heads} heads over [${q.shape}]`);
  const apart = (x: Value): Value => {
    const [n, tokens, all] = x.shape as [number, number, number];
    const split = b.apply('Reshape', [x], { shape: [n, tokens, heads, all / heads] });
    return b.apply('Transpose', [split], { permutation: [0, 2, 1, 3] });
  };
  const values = attendInHeads(call, parts.map(apart) as Parts, mask);
  const joined = b.apply('Transpose', [values], { permutation: [0, 2, 1, 3] });
  const [n, tokens] = q.shape as [number, number];
  return b.apply('Reshape', [joined], { shape: [n, tokens, v.shape[2] as number] });
};

const numberOfHeads = ({ node }: ImportCall): number => intAttribute(node, 'num_heads', 0);

/** Masks, memories and rotations are for text. */
const plainOnly = ({ has, node }: ImportCall, from: number): void => {
  const extra = node.inputs.findIndex((_, index) => index >= from && has(index));
  const isOther = ['unidirectional', 'do_rotary'].some((name) => intAttribute(node, name, 0) !== 0);
  if (extra >= 0 || isOther || node.attributes.has('qkv_hidden_sizes'))
    throw unsupported(node, 'is masked, remembers or has parts of different sizes');
};

export const attention: Readonly<Record<string, ImportRule>> = {
  /** Queries, keys and values, [N, heads, tokens, size] or side by side, and perhaps a mask to add. */
  Attention: (call) => {
    const { has, node, value } = call;
    plainOnly(call, 4);
    const parts = [0, 1, 2].map(value) as Parts;
    const mask = has(3) ? value(3) : undefined;
    const heads = ['q_num_heads', 'kv_num_heads'].map((name) => intAttribute(node, name, 0));
    const isPlain = ['is_causal', 'qk_matmul_output_mode'].every(
      (name) => intAttribute(node, name, 0) === 0,
    );
    const [q, k] = parts;
    const shares = q.shape.length === 4 ? q.shape[1] !== k.shape[1] : heads[0] !== heads[1];
    if (!isPlain || shares || floatAttribute(node, 'softcap', 0) !== 0)
      throw unsupported(node, 'looks back only, limits its scores or shares its keys');
    if (mask && mask.dtype !== 'float32') throw unsupported(node, 'has a mask of truth values');
    return [
      q.shape.length === 4
        ? attendInHeads(call, parts, mask)
        : attend(call, parts, heads[0] as number, mask),
    ];
  },
  /** X [N, tokens, F], weights [F, 3·F] of queries, keys and values, and their bias. */
  'com.microsoft:Attention': (call) => {
    const { builder: b, has, kernel, value } = call;
    plainOnly(call, 3);
    const product = b.apply('MatMul', [value(0), kernel(1)]);
    const all = biased(b, product, has(2) ? value(2) : undefined);
    const parts = [0, 1, 2].map((part) => partOf(b, all, 2, part)) as Parts;
    return [attend(call, parts, numberOfHeads(call))];
  },
  /** Queries, keys and values [N, tokens, F], and perhaps one bias for the three. */
  'com.microsoft:MultiHeadAttention': (call) => {
    const { builder: b, has, value } = call;
    plainOnly(call, 4);
    const parts = [0, 1, 2].map((part) =>
      biased(b, value(part), has(3) ? partOf(b, value(3), 0, part) : undefined),
    );
    return [attend(call, parts as Parts, numberOfHeads(call))];
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
