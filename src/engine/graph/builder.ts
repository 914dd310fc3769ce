/**
 * Builds a graph node by node. Each call names an operator and its operands and gets back values
 * whose shapes are already known, so that a mistake shows at the line that made it.
 */

import type { Shape } from '../tensor/shape.ts';
import type { Dtype } from '../tensor/tensor.ts';
import { scalar, type Tensor } from '../tensor/tensor.ts';
import type { Graph, Node, Parameter, Value } from './graph.ts';
import type { OpAttributes, OpType } from './ops.ts';
import type { ShapeRule } from './shape-rules/shape-rule.ts';
import { shapeRules } from './shape-rules.ts';

export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly parameters: Parameter[] = [];
  readonly #inputs: Value[] = [];
  readonly #constants = new Map<Value, Tensor>();
  readonly #scalars = new Map<number, Value>();
  readonly #outputs: { name: string; value: Value }[] = [];
  readonly #counts = new Map<string, number>();
  readonly #prefix: string;

  /** @param prefix of the names this builder gives, for nodes that join an existing graph */
  constructor(prefix = '') {
    this.#prefix = prefix;
  }

  input(name: string, dtype: Dtype, shape: Shape): Value {
    const value = { name, dtype, shape };
    this.#inputs.push(value);
    return value;
  }

  /** A weight, named for life: the name is what ties it to saved models. */
  parameter(
    name: string,
    shape: Shape,
    initialize: Parameter['initialize'],
    options: Partial<Pick<Parameter, 'trainable' | 'decay' | 'rate'>> = {},
  ): Value {
    const value: Value = { name, dtype: 'float32', shape };
    const { trainable = true, decay = false, rate = 1 } = options;
    this.parameters.push({ value, trainable, decay, rate, initialize });
    return value;
  }

  constant(tensor: Tensor, hint = 'constant'): Value {
    const value = { name: this.#fresh(hint), dtype: tensor.dtype, shape: tensor.shape };
    this.#constants.set(value, tensor);
    return value;
  }

  /** A float32 scalar; equal numbers share one constant. */
  scalar(number: number): Value {
    const known = this.#scalars.get(number);
    if (known) return known;
    const value = this.constant(scalar(number), 'scalar');
    this.#scalars.set(number, value);
    return value;
  }

  /** Adds a node and returns all its outputs. */
  node<Op extends OpType>(
    op: Op,
    inputs: readonly Value[],
    attributes: OpAttributes[Op],
  ): readonly Value[] {
    const rule = shapeRules[op] as ShapeRule<Op>;
    const outputs = rule(inputs, attributes).map(({ dtype, shape }) => ({
      name: this.#fresh(op),
      dtype,
      shape,
    }));
    this.nodes.push({ op, inputs, outputs, attributes } as Node);
    return outputs;
  }

  /** Adds a node and returns its first output. */
  apply<Op extends OpType>(
    op: Op,
    inputs: readonly Value[],
    ...[attributes]: Record<string, never> extends OpAttributes[Op]
      ? [attributes?: OpAttributes[Op]]
      : [attributes: OpAttributes[Op]]
  ): Value {
    return this.node(op, inputs, (attributes ?? {}) as OpAttributes[Op])[0] as Value;
  }

  constants(): Iterable<Value> {
    return this.#constants.keys();
  }

  output(name: string, value: Value): void {
    this.#outputs.push({ name, value });
  }

  build(): Graph {
    return {
      inputs: this.#inputs,
      parameters: this.parameters,
      constants: this.#constants,
      nodes: this.nodes,
      outputs: this.#outputs,
    };
  }

  #fresh(hint: string): string {
    const count = (this.#counts.get(hint) ?? 0) + 1;
    this.#counts.set(hint, count);
    return `${this.#prefix}${hint}_${count}`;
  }
}
