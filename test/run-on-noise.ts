/** Runs a graph on inputs between -0.5 and 0.5 that are the same for every graph of the same inputs. */
import { createRandom } from '../src/base/random.ts';
import type { Graph } from '../src/engine/graph/graph.ts';
import { toOnnx } from '../src/engine/onnx/to-onnx.ts';
import { createSession } from '../src/engine/runtime/session.ts';
import { sizeOf } from '../src/engine/tensor/shape.ts';
import { float32 } from '../src/engine/tensor/tensor.ts';

/** @param graph lowered already */
export const runOnNoise = async (graph: Graph, threads = 1) => {
  const session = await createSession(toOnnx(graph), { threads });
  const random = createRandom(3);
  const feeds = Object.fromEntries(
    graph.inputs.map(({ name, shape }) => [
      name,
      float32(
        shape,
        Float32Array.from({ length: sizeOf(shape) }, () => random.next() - 0.5),
      ),
    ]),
  );
  const outputs = await session.run(feeds);
  await session.close();
  return outputs;
};
