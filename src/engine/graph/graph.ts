/**
 * The graph: values, the nodes that make them, and what comes in and goes out. A plain value in
 * static single assignment form: every value has one producer and nodes stand in an order in which
 * they can run. Shapes are static.
 */
import type { Shape } from '../tensor/shape.ts';
import type { Dtype, Tensor } from '../tensor/tensor.ts';
import type { OpAttributes, OpType } from './ops.ts';

export interface Value {
  /** Unique within a graph; also its name in ONNX. */
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: Shape;
}

export interface Node<Op extends OpType = OpType> {
  readonly op: Op;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: OpAttributes[Op];
}

/** A named weight. Those that are not trainable (running statistics) are updated by other means. */
export interface Parameter {
  readonly value: Value;
  readonly trainable: boolean;
  /** Whether weight decay applies: matrices and kernels, not biases and scales. */
  readonly decay: boolean;
  /** Multiplies the learning rate for this weight. */
  readonly rate: number;
  initialize(random: { normal(): number; next(): number }): Float32Array;
}

export interface Graph {
  readonly inputs: readonly Value[];
  readonly parameters: readonly Parameter[];
  readonly constants: ReadonlyMap<Value, Tensor>;
  readonly nodes: readonly Node[];
  readonly outputs: readonly { readonly name: string; readonly value: Value }[];
}
