/** Where a graph can be cut in two: the values through which everything flows. */

interface Step<Key> {
  readonly inputs: readonly Key[];
  readonly outputs: readonly Key[];
}

/**
 * The values that every path from `start` to `ends` passes, in order, `start` left out.
 * @param steps in an order in which they can run; those that `ends` do not need are ignored
 */
export const findBoundaries = <Key>(
  steps: readonly Step<Key>[],
  start: Key,
  ends: readonly Key[],
): Key[] => {
  const needed = new Set(ends);
  for (const { inputs, outputs } of [...steps].reverse())
    if (outputs.some((output) => needed.has(output))) for (const input of inputs) needed.add(input);
  const flowing = new Set([start]);
  const chain = steps.filter(({ inputs, outputs }) => {
    const counts =
      outputs.some((output) => needed.has(output)) && inputs.some((input) => flowing.has(input));
    if (counts) for (const output of outputs) flowing.add(output);
    return counts;
  });
  const lastReader = new Map<Key, number>();
  chain.forEach(({ inputs }, index) => {
    for (const input of inputs) lastReader.set(input, index);
  });
  for (const end of ends) lastReader.set(end, chain.length);

  const boundaries: Key[] = [];
  const live = new Set([start]);
  chain.forEach(({ inputs, outputs }, index) => {
    for (const output of outputs) if (lastReader.has(output)) live.add(output);
    for (const input of inputs) if (lastReader.get(input) === index) live.delete(input);
    const [only] = live;
    if (live.size === 1 && only !== undefined && only !== boundaries.at(-1) && only !== start)
      boundaries.push(only);
  });
  return boundaries;
};
