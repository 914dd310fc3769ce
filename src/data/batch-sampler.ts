/** Which pictures stand in which batch: an endless sequence of picture numbers. */
import type { Random } from '../base/random.ts';

/** An endless sequence of the items, shuffled anew each time all of them have been drawn. */
const cycle = (items: readonly number[], random: Random): (() => number) => {
  const order = [...items];
  let at = order.length;
  return () => {
    if (at === order.length) {
      random.shuffle(order);
      at = 0;
    }
    return order[at++] as number;
  };
};

/**
 * Draws picture numbers one after the other.
 * @param labels class index of each picture, at least one picture
 * @param balanced true = classes take turns, so that any run of pictures holds them equally, and a
 *   small class is repeated; false = every picture once in each epoch
 */
export const createBatchSampler = (
  labels: readonly number[],
  balanced: boolean,
  random: Random,
): (() => number) => {
  if (!balanced) return cycle([...labels.keys()], random);
  const byClass = new Map<number, number[]>();
  for (const [index, label] of labels.entries()) {
    const members = byClass.get(label);
    if (members) members.push(index);
    else byClass.set(label, [index]);
  }
  const classes = [...byClass.keys()].sort((left, right) => left - right);
  const draws = classes.map((label) =>
    cycle(byClass.get(label) as number[], random.fork(`class ${label}`)),
  );
  let turn = 0;
  return () => {
    const draw = draws[turn] as () => number;
    turn = (turn + 1) % draws.length;
    return draw();
  };
};
