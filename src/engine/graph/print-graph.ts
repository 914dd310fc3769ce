/** A graph as stable text that a person can read and a test can compare. */
import type { Graph, Value } from './graph.ts';

const describe = (value: Value): string =>
  `${value.name}: ${value.dtype}[${value.shape.join(',')}]`;

const isBody = (value: unknown): value is Graph =>
  typeof value === 'object' && value !== null && 'nodes' in value;

/** Numbers and names in braces, then graphs, indented. */
const attributesText = (attributes: object): string => {
  const entries = Object.entries(attributes);
  const bodies = entries.flatMap(([name, value]) =>
    isBody(value) ? [[name, value] as const] : [],
  );
  const parts = entries
    .filter(([, value]) => !isBody(value))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [
    parts.length === 0 ? '' : ` {${parts.join(' ')}}`,
    ...bodies.map(([name, body]) => `\n  ${name}:\n${printGraph(body).replace(/^/gm, '    ')}`),
  ].join('');
};

/** One line for each input, weight, node and output, in that order; bodies of nodes follow them. */
export const printGraph = (graph: Graph): string => {
  const constantText = (value: Value): string => {
    const tensor = graph.constants.get(value);
    return tensor?.data.length === 1 ? String(tensor.data[0]) : value.name;
  };
  return [
    ...graph.inputs.map((value) => `input ${describe(value)}`),
    ...graph.parameters.map(
      ({ value, trainable }) => `${trainable ? 'weight' : 'statistic'} ${describe(value)}`,
    ),
    ...graph.nodes.map(
      ({ op, inputs, outputs, attributes }) =>
        `${outputs.map(describe).join(', ')} = ${op}(${inputs.map(constantText).join(', ')})${attributesText(attributes)}`,
    ),
    ...graph.outputs.map(({ name, value }) => `output ${name} = ${value.name}`),
  ].join('\n');
};
