/** The bias of a convolution that has none but is given an addend, which stands behind the bias. */

import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import { float32 } from '../../tensor/tensor.ts';

/** @returns [channels] zeros */
export const noBias = (b: GraphBuilder, channels: number): Value =>
  b.constant(float32([channels], new Float32Array(channels)), 'no_bias');
