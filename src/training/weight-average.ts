/**
 * An exponential moving average of the weights (Polyak and Juditsky 1992; decay as in Tarvainen and
 * Valpola 2017). While the learning rate is high, single steps throw the weights about; their
 * average is where they are heading, which makes a better model and a steadier learning curve.
 */
export interface WeightAverage {
  /** Takes the weights of one more step. */
  update(weights: ReadonlyMap<string, Float32Array>): void;
  /** A copy of the average so far, by name. */
  weights(): ReadonlyMap<string, Float32Array>;
  /** Steps taken in so far. */
  readonly updates: number;
}

/**
 * @param decay share of the old average that each step keeps; less in the first steps
 * @param taken how many steps `initial` is the average of already
 */
export const createWeightAverage = (
  initial: ReadonlyMap<string, Float32Array>,
  decay: number,
  taken = 0,
): WeightAverage => {
  const average = new Map([...initial].map(([name, data]) => [name, data.slice()]));
  let updates = taken;
  return {
    update: (weights) => {
      updates += 1;
      const kept = Math.min(decay, updates / (updates + 9));
      for (const [name, fresh] of weights) {
        const data = average.get(name) as Float32Array;
        for (let i = 0; i < data.length; i++)
          data[i] = kept * (data[i] as number) + (1 - kept) * (fresh[i] as number);
      }
    },
    weights: () => new Map([...average].map(([name, data]) => [name, data.slice()])),
    get updates() {
      return updates;
    },
  };
};
