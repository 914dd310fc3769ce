/** A graph as stable text that a person can read and a test can compare. */
import type { Graph, Value } from './graph.ts';

const describe = (value: Value): string =>
  `${value.name}: ${value.dtype}[${value.shape.join(',')}]`;

const attributesText = (attributes: object): string => {
  const parts = Object.entries(attributes).map(
    ([name, value]) => `${name}=${JSON.stringify(value)}`,
  );
  return parts.length === 0 ? '' : ` {${parts.join(' ')}}`;
};

/** One line for each input, weight, node and output, in that order. */
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
