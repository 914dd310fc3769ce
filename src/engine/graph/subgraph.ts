/** Parts of a graph as graphs of their own, and a graph put into another. */
import { RelearnError } from '../../base/errors.ts';
import { findBoundaries } from './boundaries.ts';
import type { GraphBuilder } from './builder.ts';
import type { Graph, Value } from './graph.ts';
import { simplify } from './simplify.ts';

/** The values through which everything flows to an output, in order: where blocks of layers end. */
export const blockBoundaries = (graph: Graph, outputName: string): readonly Value[] => {
  const [input] = graph.inputs;
  return input ? findBoundaries(graph.nodes, input, [outputOf(graph, outputName)]) : [];
};

/** @throws RelearnError internal/`no_such_output` */
export const outputOf = (graph: Graph, name: string): Value => {
  const output = graph.outputs.find((candidate) => candidate.name === name);
  if (output) return output.value;
  throw new RelearnError('internal', 'no_such_output', `the graph has no output "${name}"`);
};

/** The part of a graph that makes `value`, its only output, with the weights that this needs. */
export const cutAt = (graph: Graph, value: Value, name = 'features'): Graph =>
  onlyNeeded({ ...graph, outputs: [{ name, value }] });

/**
 * The part of a graph that comes after `value`, which becomes its only input.
 * @throws RelearnError invalid/`not_a_boundary` where an output also depends on something before it
 */
export const continueFrom = (graph: Graph, value: Value): Graph => {
  const rest = onlyNeeded({
    ...graph,
    inputs: [value],
    nodes: graph.nodes.filter(({ outputs }) => !outputs.includes(value)),
  });
  const made = new Set(rest.nodes.flatMap(({ outputs }) => outputs));
  const around = graph.inputs.filter(
    (input) => input !== value && rest.nodes.some(({ inputs }) => inputs.includes(input)),
  );
  if (around.length > 0 || !(made.size > 0))
    throw new RelearnError(
      'invalid',
      'not_a_boundary',
      `The graph cannot be cut at ${value.name}: ${around.length > 0 ? 'a path leads around it' : 'nothing follows it'}.`,
      { hint: 'Cut at a value through which everything flows, such as the end of a block.' },
    );
  return rest;
};

/** A graph without the nodes, constants and weights that its outputs do not need. */
export const onlyNeeded = (graph: Graph): Graph => {
  const simple = simplify(graph);
  const used = new Set([
    ...simple.nodes.flatMap(({ inputs }) => inputs),
    ...simple.outputs.map(({ value }) => value),
  ]);
  return { ...simple, parameters: simple.parameters.filter(({ value }) => used.has(value)) };
};

/**
 * Repeats a graph's nodes in another graph that is being built. Weights keep their names.
 * @param inputs what stands for each of the graph's inputs, of the same shape
 * @returns the outputs by name
 */
export const inlineGraph = (
  builder: GraphBuilder,
  graph: Graph,
  inputs: readonly Value[],
): ReadonlyMap<string, Value> => {
  const own = new Map<Value, Value>(
    graph.inputs.map((input, index) => [input, inputs[index] as Value]),
  );
  for (const { value, initialize, ...options } of graph.parameters)
    own.set(value, builder.parameter(value.name, value.shape, initialize, options));
  for (const [value, tensor] of graph.constants) own.set(value, builder.constant(tensor));
  for (const { op, inputs: operands, outputs, attributes } of graph.nodes) {
    const made = builder.node(
      op,
      operands.map((value) => own.get(value) as Value),
      attributes,
    );
    outputs.forEach((output, index) => {
      own.set(output, made[index] as Value);
    });
  }
  return new Map(graph.outputs.map(({ name, value }) => [name, own.get(value) as Value]));
};
