/**
 * What is done for devices other than the processor. Where this machine has a GPU, training steps
 * are compared on it; the rest holds with and without one.
 */
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../base/random.ts';
import { decodeOnnx } from '../../formats/onnx.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { architectures } from '../nn/architectures.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { openDevice } from './open-device.ts';
import { describePlacement, placeOnDevice } from './place-on-device.ts';
import { type OpenOn, probeNodes } from './probe-nodes.ts';
import { createSession } from './session.ts';
import { createTrainingSession } from './training-session.ts';
import { whereNodesRun, zerosFor } from './where-nodes-run.ts';

/** Two ReLUs of different sizes, a pool and a sum. */
const exampleGraph = () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [1, 2, 4, 4]);
  const pooled = b.apply('MaxPool', [b.apply('Relu', [x])], {
    kernel: [2, 2],
    strides: [2, 2],
    pads: [0, 0, 0, 0],
    dilations: [1, 1],
  });
  b.output('y', b.apply('Add', [b.apply('Relu', [pooled]), b.scalar(1)]));
  return b.build();
};

/** The processor in the role of a device that has no pool and takes ReLU for the identity plus one. */
const faultyDevice: OpenOn = async (model, device) => {
  const ops = decodeOnnx(model).graph.node.map(({ opType }) => opType);
  const session = await createSession(model);
  if (device === 'cpu') return session;
  return {
    ...session,
    run: async (inputs) => {
      if (ops.includes('MaxPool')) throw new Error('pools are not supported yet');
      const outputs = await session.run(inputs);
      if (ops.includes('Relu'))
        for (const { data } of Object.values(outputs)) (data as Float32Array)[0] = 7;
      return outputs;
    },
  };
};

describe('nodes that a device gets wrong', () => {
  it('are found by kind, with the reason', async () => {
    const faults = await probeNodes(exampleGraph(), 'webgpu', faultyDevice);
    expect(faults.map(({ nodes, reason }) => [nodes.map(({ op }) => op), reason])).toEqual([
      [['Relu', 'Relu'], 'other numbers than on the processor'],
      [['MaxPool'], 'pools are not supported yet'],
    ]);
  });

  it('are named in the model, so that they can be kept on the processor', async () => {
    const graph = exampleGraph();
    const { model, onCpu, lines } = await placeOnDevice(
      graph,
      toOnnx(graph),
      'webgpu',
      faultyDevice,
    );
    const { node } = decodeOnnx(model).graph;
    expect(new Set(node.map(({ name }) => name)).size).toBe(node.length);
    const kept = node.filter(({ name }) => onCpu.includes(name ?? ''));
    expect(kept.map(({ opType }) => opType)).toEqual(['Relu', 'MaxPool', 'Relu']);
    expect(lines).toEqual([
      'device: 2 × Relu on the cpu: other numbers than on the processor',
      'device: 1 × MaxPool on the cpu: pools are not supported yet',
    ]);
  });

  it('are none where the device is the processor itself', async () => {
    expect(await probeNodes(exampleGraph(), 'cpu')).toEqual([]);
  });
});

it('ONNX Runtime is asked where it placed each node', async () => {
  const graph = exampleGraph();
  const placement = await whereNodesRun(toOnnx(graph), zerosFor(graph.inputs), { device: 'cpu' });
  expect(placement.onDevice.size).toBe(0);
  expect([...placement.onCpu.keys()]).toContain('MaxPool');
  expect(
    describePlacement('webgpu', {
      onDevice: new Map([['Conv', 3]]),
      onCpu: new Map([
        ['Cast', 1],
        ['MaxUnpool', 4],
      ]),
    }),
  ).toBe('device: 3 nodes on webgpu, 5 on the cpu (MaxUnpool × 4, Cast × 1)');
});

describe('webgpu', () => {
  const losses = async (device: 'cpu' | 'webgpu') => {
    const lines: string[] = [];
    const session = await createTrainingSession({
      architecture: architectures.compact,
      classes: 2,
      batchSize: 4,
      imageSize: 32,
      optimizer: { kind: 'sgd', momentum: 0.9, weightDecay: 0 },
      random: createRandom(1),
      threads: 1,
      device,
      onLine: (line) => lines.push(line),
    });
    const random = createRandom(2);
    const seen: number[] = [];
    for (let step = 0; step < 3; step++) {
      const pixels = Uint8Array.from({ length: 4 * 32 * 32 * 3 }, () => random.integer(256));
      const { loss } = await session.step(pixels, Float32Array.of(1, 0, 0, 1, 1, 0, 0, 1), 0.01);
      seen.push(loss);
    }
    await session.close();
    return { seen, lines };
  };

  it('trains as the processor does, on a GPU where there is one', {
    timeout: 120_000,
  }, async () => {
    const { device, fallback } = await openDevice('webgpu');
    const [cpu, webgpu] = [await losses('cpu'), await losses('webgpu')];
    expect(cpu.lines).toEqual([]);
    webgpu.seen.forEach((loss, step) => {
      expect(loss).toBeCloseTo(cpu.seen[step] as number, device === 'cpu' ? 10 : 2);
    });
    if (device === 'cpu') {
      console.log('skipped: no WebGPU adapter; the fallback was tested');
      expect(fallback).toMatch(/^webgpu is not available here: \S/);
      expect(webgpu.lines).toEqual([`device: ${fallback}; training on the cpu`]);
    } else {
      expect(fallback).toBeNull();
      expect(webgpu.lines.at(-1)).toMatch(/^device: \d+ nodes on webgpu, /);
    }
  });
});
