/** For tests that run a training graph by hand, as a training session lays out its memory. */
import { type BlockedTensor, intoBlocks, outOfBlocks } from '../src/engine/nn/blocked-dense.ts';
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

/** Puts weights and states in blocked layout in the place of the plain ones. */
export const feedBlocked = (
  feeds: Record<string, Tensor>,
  tensors: readonly BlockedTensor[],
): void => {
  for (const tensor of tensors) {
    const { plain, blocked } = tensor;
    const { data } = feeds[plain.name] as Tensor<'float32'>;
    feeds[blocked.name] = float32(blocked.shape, intoBlocks(tensor, data));
    delete feeds[plain.name];
  }
};

/** The numbers of a weight or a state in plain layout, whatever layout was fed. */
export const plainData = (
  feeds: Readonly<Record<string, Tensor>>,
  tensors: readonly BlockedTensor[],
  name: string,
): Float32Array => {
  const inBlocks = tensors.find(({ plain }) => plain.name === name);
  const { data } = feeds[inBlocks?.blocked.name ?? name] as Tensor<'float32'>;
  return inBlocks ? outOfBlocks(inBlocks, data) : data;
};
