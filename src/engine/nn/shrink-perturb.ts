/**
 * Prepares trained weights for more training (shrink and perturb, Ash and Adams 2020): made smaller,
 * they keep what they know and can be moved again; noise gives units that died or doubled another
 * chance. The running statistics after a kernel shrink with it, so that only the noise and the last
 * layer's smaller logits change what the network answers.
 */
import type { Random } from '../../base/random.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Architecture } from './architectures.ts';
import { createContext } from './layers.ts';

export interface ShrinkPerturb {
  /** What kernels are multiplied with, 0..1. */
  readonly keep: number;
  /** Deviation of the added normal noise, as a share of the kernel's own deviation before. */
  readonly noise: number;
}

type Weights = ReadonlyMap<string, Float32Array>;

/** Names of the weights that decay: kernels of convolutions and dense layers. */
const kernelsOf = (architecture: Architecture, classes: number): readonly string[] => {
  const b = new GraphBuilder();
  const { channels, imageSize } = architecture;
  const images = b.input('images', 'float32', [1, channels, imageSize, imageSize]);
  architecture.build(createContext(b, false), images, classes);
  return b.parameters.filter(({ decay }) => decay).map(({ value }) => value.name);
};

const deviation = (data: Float32Array): number => {
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
  return Math.sqrt(data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length);
};

/** @returns new arrays where it changes something */
export const shrinkPerturb = (
  weights: Weights,
  { keep, noise }: ShrinkPerturb,
  {
    architecture,
    classes,
    random,
  }: { architecture: Architecture; classes: number; random: Random },
): Weights => {
  const changed = new Map(weights);
  const factors = { mean: keep, variance: keep ** 2 + noise ** 2 };
  for (const [name, data] of weights) {
    for (const [statistic, factor] of Object.entries(factors)) {
      if (name.endsWith(`/norm/${statistic}`))
        changed.set(
          name,
          data.map((x) => factor * x),
        );
    }
  }
  for (const name of kernelsOf(architecture, classes)) {
    const data = weights.get(name);
    if (!data) continue;
    const draws = random.fork(name);
    const spread = noise * deviation(data);
    changed.set(
      name,
      data.map((x) => keep * x + spread * draws.normal()),
    );
  }
  return changed;
};
