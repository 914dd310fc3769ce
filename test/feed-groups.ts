/** For tests that run a training graph by hand, as a training session lays out its memory. */
import { partsOf, type WeightGroup } from '../src/engine/nn/weight-groups.ts';
import { sizeOf } from '../src/engine/tensor/shape.ts';
import { float32, type Tensor } from '../src/engine/tensor/tensor.ts';

/** Adds the groups' vectors, and lays their members' arrays into the vectors' memory. */
export const feedGroups = (feeds: Record<string, Tensor>, groups: readonly WeightGroup[]): void => {
  for (const group of groups) {
    const memory = new Float32Array(sizeOf(group.vector.shape));
    partsOf(group, memory).forEach((part, index) => {
      const name = group.members[index]?.name as string;
      const { shape, data } = feeds[name] as Tensor<'float32'>;
      part.set(data);
      feeds[name] = float32(shape, part);
    });
    feeds[group.vector.name] = float32(group.vector.shape, memory);
  }
};

/** Writes what a step put out as `next/<name>` over what it was fed. */
export const feedNext = (
  feeds: Readonly<Record<string, Tensor>>,
  outputs: Readonly<Record<string, Tensor>>,
): void => {
  for (const [name, { data }] of Object.entries(feeds)) {
    const next = outputs[`next/${name}`];
    if (next) (data as Float32Array).set(next.data as Float32Array);
  }
};
