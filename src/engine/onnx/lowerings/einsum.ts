/** Einstein summation of one or two operands as one matrix product between transpositions. */
import { RelearnError } from '../../../base/errors.ts';
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import { sizeOf } from '../../tensor/shape.ts';
import type { Lowering } from './lowering.ts';

interface Term {
  readonly value: Value;
  /** One letter for each axis. */
  readonly labels: string;
}

/** Brings a term's axes into this order; those that the order lacks are summed. */
const arrange = (b: GraphBuilder, { value, labels }: Term, order: string): Value => {
  const axes = [...labels].flatMap((label, axis) => (order.includes(label) ? [] : [axis]));
  const kept = [...labels].filter((label) => order.includes(label)).join('');
  const summed =
    axes.length === 0 ? value : b.apply('ReduceSum', [value], { axes, keepDimensions: false });
  if (kept === order) return summed;
  return b.apply('Transpose', [summed], {
    permutation: [...order].map((label) => kept.indexOf(label)),
  });
};

/**
 * @param equation such as `bhid,bhjd->bhij`; no ellipsis, no letter twice in a term
 * @throws RelearnError invalid/`unsupported_equation`
 */
export const einsum: Lowering<{ readonly equation: string }> = (b, inputs, { equation }) => {
  const [, left, result] = equation.replaceAll(' ', '').match(/^([a-zA-Z,]+)->([a-zA-Z]*)$/) ?? [];
  const lists = left?.split(',') ?? [];
  const terms = inputs.map((value, i): Term => ({ value, labels: lists[i] ?? '' }));
  const plain = ({ value, labels }: Term) =>
    labels.length === value.shape.length && new Set(labels).size === labels.length;
  const [first, second] = terms;
  if (
    !first ||
    result === undefined ||
    terms.length > 2 ||
    lists.length !== terms.length ||
    !terms.every(plain)
  ) {
    throw new RelearnError(
      'invalid',
      'unsupported_equation',
      `Einsum "${equation}" of ${inputs.map(({ shape }) => `[${shape}]`).join(' and ')} is not supported.`,
      { hint: 'Export the model with the product written as MatMul and Transpose.' },
    );
  }
  if (!second) return [arrange(b, first, result)];
  const extent = new Map(
    terms.flatMap(({ value, labels }) =>
      [...labels].map((label, axis) => [label, value.shape[axis] as number] as const),
    ),
  );
  const size = (labels: string) => sizeOf([...labels].map((label) => extent.get(label) as number));
  const choose = (labels: string, test: (label: string) => boolean) =>
    [...labels].filter(test).join('');
  const shared = (label: string) => second.labels.includes(label);
  const batch = choose(first.labels, (label) => shared(label) && result.includes(label));
  const summed = choose(first.labels, (label) => shared(label) && !result.includes(label));
  const rows = choose(first.labels, (label) => !shared(label) && result.includes(label));
  const columns = choose(
    second.labels,
    (label) => !first.labels.includes(label) && result.includes(label),
  );
  const lead = batch === '' ? [] : [size(batch)];
  const product = b.apply('MatMul', [
    b.apply('Reshape', [arrange(b, first, batch + rows + summed)], {
      shape: [...lead, size(rows), size(summed)],
    }),
    b.apply('Reshape', [arrange(b, second, batch + summed + columns)], {
      shape: [...lead, size(summed), size(columns)],
    }),
  ]);
  const labels = batch + rows + columns;
  const apart = b.apply('Reshape', [product], {
    shape: [...labels].map((label) => extent.get(label) as number),
  });
  return [arrange(b, { value: apart, labels }, result)];
};
