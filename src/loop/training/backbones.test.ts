import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  createTestStore,
  createTestTrainer,
  openTestClassifier,
} from '../../../test/loop-store.ts';
import { described, onnxFile, smallClassifier } from '../../../test/onnx-file.ts';
import { sha256 } from '../../base/hash.ts';
import { backboneKey } from '../../records/keys.ts';
import { openComponents } from '../components.ts';
import { importArchitecture, keepBackbone } from './backbones.ts';
import { claimTraining } from './claim-training.ts';

it('names an imported network that something names already; any other lies in a new place', async () => {
  const { store, clock, newId } = await createTestStore();
  const components = await openComponents({
    store,
    clock,
    newId,
    trainer: createTestTrainer(store, clock),
    openClassifier: openTestClassifier,
  });
  const file = Buffer.from('a network');
  const hash = sha256(file);
  // What a training left behind that died: a delete may be on its way to it.
  await store.put(backboneKey(hash), file);
  const { lease } = await components.leases.tryAcquire();
  if (!lease) throw new Error('the lease is taken');

  const backbone = await keepBackbone(components, lease, file);
  expect(backbone).toEqual({ key: backboneKey(hash, lease.epoch), sha256: hash });
  expect(sha256((await store.get(backbone.key)) ?? new Uint8Array())).toBe(hash);

  await claimTraining(components, lease, {
    formatVersion: 1,
    runId: 'run-1',
    createdAt: new Date(clock.now()).toISOString(),
    parent: null,
    architecture: 'network.onnx',
    backbone,
    seed: 1,
    options: {},
    base: [],
    feedback: [],
    replay: [],
  });
  const later = { ...lease, epoch: lease.epoch + 100 };
  expect(await keepBackbone(components, later, file)).toEqual(backbone);
});

it.each([
  ['left open', ['N', 3, 'H', 'W'], 32, 1],
  ['left open', ['N', 3, 'H', 'W'], 160, 0],
  ['left open', ['N', 3, 'H', 'W'], undefined, 0],
  ['in the file', ['N', 3, 8, 8], 8, 0],
] as const)(
  'a picture size %s in %j, and %s given: %d hints',
  async (_, dims, imageSize, hints) => {
    const folder = await mkdtemp(join(tmpdir(), 'relearn-size-'));
    const lines: string[] = [];
    try {
      const path = join(folder, 'small.onnx');
      await writeFile(path, onnxFile({ ...smallClassifier, inputs: [described('images', dims)] }));
      await importArchitecture(path, {
        imageSize,
        env: {},
        from: { onLine: (line) => lines.push(line) },
      });
    } finally {
      await rm(folder, { recursive: true });
    }
    expect(lines).toHaveLength(hints);
    if (hints > 0) expect(lines[0]).toContain('Without --image-size it is 224.');
  },
);
