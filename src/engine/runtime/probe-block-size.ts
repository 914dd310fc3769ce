/**
 * How many channels a block of ONNX Runtime's blocked layout has on this machine: 16 with AVX-512, 8
 * with AVX2. Found by rearranging a small picture, which also finds out whether the operators exist.
 */
import { GraphBuilder } from '../graph/builder.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { createSession } from './session.ts';

/** More channels than any known block. */
const channels = 64;

/** @returns null where ONNX Runtime has no blocked layout */
export const probeBlockSize = async (): Promise<number | null> => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [1, channels, 1, 2]);
  b.output('y', b.apply('ToBlocked', [x]));
  try {
    const session = await createSession(toOnnx(b.build()));
    // Two pixels of every channel, numbered as they lie in plain layout.
    const numbered = Float32Array.from({ length: 2 * channels }, (_, i) => i);
    const { y } = await session.run({ x: float32([1, channels, 1, 2], numbered) });
    await session.close();
    // The first channel's second pixel comes after all channels of its block.
    const blockSize = (y as Tensor<'float32'>).data.indexOf(1);
    return blockSize > 1 && channels % blockSize === 0 ? blockSize : null;
  } catch {
    return null;
  }
};
