/** The bias of a convolution that has none but is given an addend, which stands behind the bias. */
import { float32 } from '../../tensor/tensor.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Value } from '../graph.ts';

/** @returns [channels] zeros */
export const noBias = (b: GraphBuilder, channels: number): Value =>
  b.constant(float32([channels], new Float32Array(channels)), 'no_bias');
