/** Building, printing, simplifying and writing graphs. */
import { describe, expect, it } from 'vitest';
import { decodeOnnx } from '../../formats/onnx.ts';
import { differentiate } from '../autodiff/differentiate.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { createSession } from '../runtime/session.ts';
import { float32, scalar } from '../tensor/tensor.ts';
import { GraphBuilder } from './builder.ts';
import { printGraph } from './print-graph.ts';
import { simplify } from './simplify.ts';

const line = () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [2, 3]);
  const w = b.parameter('w', [1, 3], () => new Float32Array(3));
  const y = b.apply('Gemm', [x, w], { transA: false, transB: true, alpha: 1, beta: 0 });
  const loss = b.apply('ReduceMean', [y], { axes: [0, 1], keepDimensions: false });
  b.output('loss', loss);
  return { b, x, w, loss };
};

describe('building', () => {
  it('says at once which shapes do not fit', () => {
    const b = new GraphBuilder();
    const [x, y] = [b.input('x', 'float32', [2, 3]), b.input('y', 'float32', [4])];
    expect(() => b.apply('Add', [x, y])).toThrow('[2,3] and [4] do not broadcast: 3 against 4');
  });

  it('says which channels a convolution expects', () => {
    const b = new GraphBuilder();
    const [x, w] = [b.input('x', 'float32', [1, 3, 8, 8]), b.input('w', 'float32', [4, 2, 3, 3])];
    const attributes = {
      strides: [1, 1],
      pads: [1, 1, 1, 1],
      dilations: [1, 1],
      group: 1,
    } as const;
    expect(() => b.apply('Conv', [x, w], attributes)).toThrow('3 channels, the kernel takes 2');
  });
});

describe('printing', () => {
  it('shows a graph and its gradient as text', () => {
    const { b, w, loss } = line();
    b.output('gradient', differentiate(b, loss, [w])[0] as never);
    expect(printGraph(simplify(b.build()))).toMatchInlineSnapshot(`
      "input x: float32[2,3]
      weight w: float32[1,3]
      Gemm_1: float32[2,1] = Gemm(x, w) {transA=false transB=true alpha=1 beta=0}
      ReduceMean_1: float32[] = ReduceMean(Gemm_1) {axes=[0,1] keepDimensions=false}
      Mul_1: float32[] = Mul(1, 0.5)
      Reshape_1: float32[1,1] = Reshape(Mul_1) {shape=[1,1]}
      Expand_1: float32[2,1] = Expand(Reshape_1) {shape=[2,1]}
      Gemm_2: float32[1,3] = Gemm(Expand_1, x) {transA=true transB=false alpha=1 beta=0}
      output loss = ReduceMean_1
      output gradient = Gemm_2"
    `);
  });
});

describe('simplifying', () => {
  it('drops what nobody reads and computes equal things once', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [3]);
    b.apply('Exp', [b.apply('Neg', [x])]);
    const twice = b.apply('Add', [b.apply('Exp', [x]), b.apply('Exp', [x])]);
    b.output('y', twice);
    expect(simplify(b.build()).nodes.map(({ op }) => op)).toEqual(['Exp', 'Add']);
  });

  it('takes constants with the same bytes for one', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [2]);
    const plus = (numbers: number[]) => b.apply('Add', [x, b.constant(float32([2], numbers))]);
    b.output('y', b.apply('Mul', [plus([1, 2]), plus([1, 2])]));
    b.output('z', plus([2, 1]));
    const graph = simplify(b.build());
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Add', 'Mul', 'Add']);
    expect(graph.constants.size).toBe(2);
  });

  it('sees through identities', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [2, 3]);
    const back = (v: typeof x) => b.apply('Transpose', [v], { permutation: [1, 0] });
    const same = b.apply('Mul', [b.apply('Add', [back(back(x)), b.scalar(0)]), b.scalar(1)]);
    b.output(
      'y',
      b.apply('Neg', [b.apply('Neg', [b.apply('Reshape', [same], { shape: [2, 3] })])]),
    );
    const graph = simplify(b.build());
    expect(graph.nodes).toEqual([]);
    expect(graph.outputs[0]?.value).toBe(x);
  });

  it('keeps an addition of zero that widens the shape', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [3]);
    const zeros = b.constant(float32([1, 1], [0]));
    b.output('y', b.apply('Add', [x, zeros]));
    expect(simplify(b.build()).nodes).toHaveLength(1);
  });
});

describe('writing ONNX', () => {
  it('stores the weights that are given and asks for the others', async () => {
    const { b } = line();
    const graph = b.build();
    const open = decodeOnnx(toOnnx(graph)).graph;
    expect(open.input.map(({ name }) => name)).toEqual(['x', 'w']);
    const closed = toOnnx(graph, { weights: new Map([['w', Float32Array.from([1, 2, 3])]]) });
    const session = await createSession(closed);
    expect(session.inputNames).toEqual(['x']);
    const { loss } = await session.run({ x: float32([2, 3], [1, 0, 0, 0, 0, 1]) });
    expect(loss?.data[0]).toBe(2);
    await session.close();
  });

  it('leaves the batch open where asked', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [1, 2, 2]);
    b.output('y', b.apply('Reshape', [x], { shape: [1, 4] }));
    const session = await createSession(toOnnx(b.build(), { openBatch: true }));
    const { y } = await session.run({ x: float32([3, 2, 2], new Float32Array(12)) });
    expect(y?.shape).toEqual([3, 4]);
    await session.close();
  });

  it('names an output that is itself an input', async () => {
    const b = new GraphBuilder();
    b.output('y', b.input('x', 'float32', []));
    const session = await createSession(toOnnx(b.build()));
    expect((await session.run({ x: scalar(4) })).y?.data[0]).toBe(4);
    await session.close();
  });

  it('keeps metadata', () => {
    const bytes = toOnnx(line().b.build(), { metadata: { key: 'value' } });
    expect(decodeOnnx(bytes).metadataProps).toEqual([{ key: 'key', value: 'value' }]);
  });

  it('says what is wrong with a file that is not a model', async () => {
    expect(() => decodeOnnx(Buffer.from('not a model at all'))).toThrow('not an ONNX model');
    await expect(createSession(Buffer.from('neither'))).rejects.toMatchObject({
      code: 'invalid_model_file',
    });
  });
});
