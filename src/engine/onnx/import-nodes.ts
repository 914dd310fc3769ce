/**
 * Reads the nodes of a scanned ONNX file into a graph that is being built: what is known is folded,
 * every other node is turned by its rule into nodes of the graph.
 */
import { isRelearnError, RelearnError } from '../../base/errors.ts';
import { findBoundaries } from '../graph/boundaries.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import { broadcastShapes, type Shape, sizeOf } from '../tensor/shape.ts';
import { tensor } from '../tensor/tensor.ts';
import { notComputed } from './end-at-features.ts';
import { folds } from './folds.ts';
import { type ImportCall, importRules, unsupported } from './import-rules.ts';
import { integers, type Literal } from './literal.ts';
import { namedExtents } from './node-shapes.ts';
import type { SourceNode } from './onnx-node.ts';
import type { OnnxSource } from './scan-onnx.ts';

export interface ImportedNodes {
  /** @throws RelearnError invalid/`onnx_output` where the name is not a computed value */
  computed(name: string): Value;
  /** The file's numbers by the weight's name in the graph. */
  readonly weights: ReadonlyMap<string, Float32Array>;
}

interface ImportOptions {
  readonly builder: GraphBuilder;
  /** What stands for the file's input. */
  readonly input: Value;
  /** Names of the values that are wanted; nodes that they don't need are not read. */
  readonly wanted: readonly string[];
  readonly batch: ImportCall['batch'];
}

/** Numbers computed while reading, over the whole file. */
const mostFolded = 2 ** 28;

type Operand =
  | { readonly literal: Literal; readonly name: string }
  | { readonly literal?: never; readonly value: Value };

/**
 * @throws RelearnError invalid/`onnx_operator` for an operator without a rule, `onnx_shape` where
 *   shapes do not fit, `onnx_fixed_batch` where they fit only the batch of the file, `onnx_dynamic` where numbers must be known and are computed from pictures
 */
export const importNodes = (source: OnnxSource, options: ImportOptions): ImportedNodes => {
  const { builder, wanted, batch } = options;
  const weights = new Map<string, Float32Array>();
  const operands = new Map<string, Operand>();
  const made = new Map<string, Value>();
  for (const [name, literal] of source.initializers) operands.set(name, { literal, name });
  operands.set(source.input.name, { value: options.input });

  const asValue = (operand: Operand, role: 'plain' | 'kernel' | 'statistic'): Value => {
    if (!operand.literal) return operand.value;
    const { literal, name } = operand;
    const known = made.get(name);
    if (known) return known;
    const isWeight =
      literal.kind === 'float' && literal.stored && (literal.data.length > 1 || role !== 'plain');
    const value = isWeight ? weight(name, literal, role) : constant(builder, literal, batch.built);
    made.set(name, value);
    return value;
  };
  const weight = (name: string, { data, shape }: Literal, role: string): Value => {
    const numbers = data as Float32Array;
    weights.set(`${weightPrefix}${name}`, numbers);
    return builder.parameter(`${weightPrefix}${name}`, shape, () => numbers.slice(), {
      trainable: role !== 'statistic',
      decay: role === 'kernel',
    });
  };

  let folded = 0;
  const fold = (node: SourceNode): readonly Literal[] | undefined => {
    const inputs = node.inputs.map((name) => operands.get(name));
    const first = inputs[0];
    if (node.op === 'Shape' && first && !first.literal)
      return [integers(namedExtents(node, first.value.shape))];
    if (node.op === 'Size' && first && !first.literal)
      return [integers([sizeOf(first.value.shape)], [])];
    const rule = folds[node.op];
    if (!rule || inputs.some((operand) => operand && !operand.literal)) return undefined;
    // A weight that is repeated for every picture stays one weight.
    const isWeight = first?.literal?.stored && first.literal.kind === 'float';
    if (node.op === 'Expand' && isWeight) return undefined;
    if (repeatsLargely(node, inputs, batch.built)) return undefined;
    const results = [
      rule(
        inputs.map((operand) => operand?.literal),
        node,
      ),
    ].flat();
    for (const { data, shape } of results) {
      checkShape(node, shape, 1);
      folded += data.length;
    }
    if (folded > mostFolded)
      throw new RelearnError(
        'invalid',
        'onnx_too_complex',
        `The file computes more than ${mostFolded} constant numbers, up to ${node.title}.`,
        { hint: 'Use a file that an exporter wrote for one picture classifier.' },
      );
    return results;
  };

  const call = (node: SourceNode): ImportCall => {
    const operand = (index: number): Operand => {
      const found = operands.get(node.inputs[index] ?? '');
      if (!found) throw unsupported(node, `lacks its input ${index}`);
      return found;
    };
    const has = (index: number) => (node.inputs[index] ?? '') !== '';
    return {
      builder,
      node,
      opset: source.opset,
      batch,
      has,
      isKnown: (index) => operand(index).literal !== undefined,
      value: (index) => asValue(operand(index), 'plain'),
      kernel: (index) => asValue(operand(index), 'kernel'),
      statistic: (index) => asValue(operand(index), 'statistic'),
      literal: (index) => {
        if (!has(index)) return undefined;
        const { literal } = operand(index);
        if (literal) return literal;
        throw new RelearnError(
          'invalid',
          'onnx_dynamic',
          `Input ${index} of ${node.title} depends on the picture; it must be a known number.`,
          { hint: 'Export by tracing with one fixed picture size.' },
        );
      },
    };
  };

  const readNode = (node: SourceNode): void => {
    if (passesOn.has(node.op)) {
      const operand = operands.get(node.inputs[0] ?? '');
      if (!operand) throw unsupported(node, 'has no input');
      const name = node.outputs[0] ?? '';
      // A copy of a weight is a weight of its own: exporters store equal numbers once.
      operands.set(name, operand.literal ? { literal: operand.literal, name } : operand);
      return;
    }
    const results = named(node, batch, () => fold(node));
    if (results) {
      results.forEach((literal, index) => {
        const name = node.outputs[index] ?? '';
        operands.set(name, { literal, name });
      });
      return;
    }
    const rule = importRules[node.op];
    if (!rule) throw withoutRule(node);
    named(node, batch, () => rule(call(node))).forEach((value, index) => {
      checkShape(node, value.shape, batch.built);
      if (value.shape.includes(0)) throw unsupported(node, 'makes nothing out of something');
      operands.set(node.outputs[index] ?? '', { value });
    });
  };

  const nodes = neededNodes(source.nodes, wanted);
  for (const node of nodes) {
    try {
      readNode(node);
    } catch (error) {
      if (!isRelearnError(error, 'onnx_operator')) throw error;
      const boundaries = findBoundaries(nodes, source.input.name, wanted);
      const cut = boundaries.findLast((name) => canBeFeatures(operands.get(name), batch.built));
      throw withCut(error, node.op, cut);
    }
  }
  return {
    weights,
    computed: (name) => {
      const operand = operands.get(name);
      if (operand && !operand.literal) return operand.value;
      throw notComputed(name);
    },
  };
};

/** Numbers that are the same for every picture of a batch; more than these are left to the graph. */
const mostRepeated = 2 ** 22;

/** Whether a node would make many numbers for each picture of the batch out of fewer. */
const repeatsLargely = (
  node: SourceNode,
  inputs: readonly (Operand | undefined)[],
  batch: number,
): boolean => {
  if (batch === 1 || !repeating.has(node.op) || !importRules[node.op]) return false;
  const [first, second] = inputs.map((operand) => operand?.literal);
  // Integers are places, which must be known.
  if (first?.kind !== 'float' || second === undefined) return false;
  const shape = broadcastShapes(
    first.shape,
    node.op === 'Expand' ? Array.from(second.data) : second.shape,
  );
  return shape[0] === batch && sizeOf(shape) > mostRepeated;
};

/** Operators whose folded result can be larger than what they read. */
const repeating: ReadonlySet<string> = new Set(['Expand', 'Add', 'Sub', 'Mul', 'Div', 'Pow']);

/** Far beyond any classifier: what is larger would fill the memory of whoever runs the graph. */
const limits = { rank: 32, elements: 2 ** 28 } as const;

const checkShape = (node: SourceNode, shape: Shape, batch: number): void => {
  const isShape = shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0);
  if (!isShape || shape.length > limits.rank || sizeOf(shape) > limits.elements * batch)
    throw unsupported(node, `would make the shape [${shape.slice(0, limits.rank)}]`);
};

/** Weights of an imported file carry their names there after this. */
const weightPrefix = 'backbone/';

/** Operators that, for answering, give their input on unchanged. */
const passesOn: ReadonlySet<string> = new Set(['Identity', 'Dropout']);

const constant = (builder: GraphBuilder, literal: Literal, batch: number): Value => {
  const { data, kind, shape } = literal;
  const one = ofOnePicture(literal, batch);
  if (one) return builder.apply('Expand', [constant(builder, one, batch)], { shape });
  if (kind === 'float') {
    const [only] = data;
    return shape.length === 0 && only !== undefined
      ? builder.scalar(only)
      : builder.constant({ dtype: 'float32', shape, data: data as Float32Array });
  }
  if (kind === 'boolean') return builder.constant(tensor('bool', shape, Uint8Array.from(data)));
  const integer = BigInt64Array.from(data as Float64Array, (number) =>
    BigInt.asIntN(64, BigInt(number)),
  );
  return builder.constant(tensor('int64', shape, integer));
};

/** Numbers for each picture of a batch that are the same for all: those of one. */
const ofOnePicture = (literal: Literal, batch: number): Literal | undefined => {
  const { data, shape } = literal;
  if (batch === 1 || shape[0] !== batch || data.length === 0) return undefined;
  const size = data.length / batch;
  const isSame = data.every((number, i) => number === data[i % size]);
  return isSame ? { ...literal, data: data.slice(0, size), shape: shape.with(0, 1) } : undefined;
};

const neededNodes = (
  nodes: readonly SourceNode[],
  wanted: readonly string[],
): readonly SourceNode[] => {
  const needed = new Set(wanted);
  const kept = nodes.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some((output) => output !== '' && needed.has(output))) return false;
    for (const input of inputs) needed.add(input);
    return true;
  });
  return kept.reverse();
};

/** Runs a rule; what goes wrong in it names the node. */
const named = <T>(node: SourceNode, { exported, built }: ImportCall['batch'], run: () => T): T => {
  try {
    return run();
  } catch (cause) {
    const isShape = isRelearnError(cause, 'onnx_shape');
    if (cause instanceof RelearnError && cause.kind !== 'internal' && !isShape) throw cause;
    if (exported !== undefined && exported !== built)
      throw new RelearnError(
        'invalid',
        'onnx_fixed_batch',
        `The ${node.title} only works for the ${exported} pictures that the file was exported with.`,
        {
          cause,
          hint: "Export with an open batch: torch.onnx.export(…, dynamic_axes={'images': {0: 'N'}}).",
        },
      );
    if (isShape) throw cause;
    const why = isRelearnError(cause) ? cause.message : 'its inputs are not what it takes';
    throw new RelearnError('invalid', 'onnx_shape', `The ${node.title} does not fit: ${why}.`, {
      cause,
      hint: 'Check the picture size, or export the model again with the size you want.',
    });
  }
};

const canBeFeatures = (operand: Operand | undefined, batch: number): boolean =>
  operand !== undefined &&
  !operand.literal &&
  operand.value.dtype === 'float32' &&
  operand.value.shape[0] === batch &&
  [2, 3, 4].includes(operand.value.shape.length);

const withoutRule = ({ title }: SourceNode): RelearnError =>
  new RelearnError('invalid', 'onnx_operator', `Relearn has no rule for ${title}.`);

/** With the last value before the node that can serve as features. */
const withCut = (error: RelearnError, operator: string, cut: string | undefined): RelearnError =>
  new RelearnError('invalid', 'onnx_operator', error.message, {
    hint: cut
      ? `Export the model with standard operators (opset 17), or learn from what lies before: --features "${cut}" is the nearest value that can serve as features.`
      : 'Export the model with standard operators, for example torch.onnx.export(…, opset_version=17).',
    details: { operator, ...(cut ? { cut } : {}) },
  });
