/**
 * A picture at which the decoder's native code dies: the training process ends by a signal, three
 * times, is then watched picture by picture, and the batch goes on without that one. The program is
 * the built one; the fault is put between it and sharp by Node's own `--require`.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { sha256 } from '../../src/base/hash.ts';
import { createRelearn } from '../../src/loop/relearn.ts';
import { decodeFeedbackItem } from '../../src/records/feedback-item.ts';
import type {
  CheckReport,
  RetryReport,
  StatusReport,
  TrainReport,
} from '../../src/records/reports.ts';
import { makeFolder, makePicture } from '../integration/pictures.ts';
import { endAll, relearnError, relearnJson, useEnvironment } from '../integration/program.ts';
import { briefly, fillSmallStore, writeSmallSet } from '../integration/small-store.ts';

/** The process gets the signal when it hands sharp the picture with this hash. */
const poisonFor = (hash: string, signal: NodeJS.Signals): string => `
  const sharp = require(${JSON.stringify(createRequire(import.meta.url).resolve('sharp'))});
  const { createHash } = require('node:crypto');
  require.cache[require.resolve(${JSON.stringify(createRequire(import.meta.url).resolve('sharp'))})].exports =
    new Proxy(sharp, {
      apply: (target, self, [input, ...rest]) => {
        const isPoison = ArrayBuffer.isView(input) &&
          createHash('sha256').update(input).digest('hex') === ${JSON.stringify(hash)};
        if (isPoison) process.kill(process.pid, ${JSON.stringify(signal)});
        return Reflect.apply(target, self, [input, ...rest]);
      },
    });
`;

let folder: Awaited<ReturnType<typeof makeFolder>>;

beforeAll(async () => {
  folder = await makeFolder();
});
afterEach(() => useEnvironment({}));
afterAll(async () => {
  await endAll();
  await folder.remove();
});

test.each(['SIGABRT', 'SIGSEGV'] as const)(
  'a picture at which the training process dies of %s is set aside after three failures',
  async (signal) => {
    const store = join(folder.path, signal);
    await fillSmallStore(store, await writeSmallSet(folder.path));
    await relearnJson('train', '--store', store, ...briefly);
    const relearn = await createRelearn({ store });
    for (let seed = 0; seed < 4; seed++) {
      const target = seed % 2 === 0 ? 'cat' : 'dog';
      const picture = await makePicture(target, 7_000 + seed);
      await relearn.collectFeedback({ picture, target, source: 'test' });
    }
    await relearn.close();

    const cats = join(store, 'feedback', 'cat');
    const [poison = ''] = await readdir(cats);
    const { image } = decodeFeedbackItem(await readFile(join(cats, poison)), poison);
    const hook = join(folder.path, `${signal}.cjs`);
    await writeFile(hook, poisonFor(sha256(image), signal));
    useEnvironment({ NODE_OPTIONS: `--require ${hook}` });

    const quarantined = () => readdir(join(store, 'quarantine')).catch(() => []);
    for (let failure = 1; failure <= 4; failure++) {
      expect(await quarantined()).toEqual([]);
      const error = await relearnError('train', '--store', store, ...briefly);
      expect(error).toMatchObject({ exitCode: 1, code: 'training_crashed' });
      expect(error.message).toContain(signal);
    }
    const inside = await readdir(join(store, 'quarantine'), { recursive: true });
    const note = inside.find((name) => name.endsWith('.json')) ?? '';
    expect(JSON.parse(await readFile(join(store, 'quarantine', note), 'utf8'))).toMatchObject({
      key: `feedback/cat/${poison}`,
      reason: 'the decoder died of it',
    });
    expect(await readdir(cats)).toHaveLength(1);

    const report = await relearnJson<TrainReport>('train', '--store', store, ...briefly);
    expect(report.version).toBe(2);
    const status = await relearnJson<StatusReport>('status', '--store', store);
    expect(status).toMatchObject({ training: null, pending: { cat: 0, dog: 0 } });
    const check = await relearnJson<CheckReport>('fsck', '--store', store);
    const setAside = { 'the decoder died of it': 1 };
    expect(check).toMatchObject({ ok: true, problems: [] });
    expect(check.quarantined).toEqual(setAside);
    expect(status.quarantined).toEqual(setAside);

    // The decoder was mended: it comes back, and is learnt.
    useEnvironment({});
    const key = `feedback/cat/${poison}`;
    const retry = await relearnJson<RetryReport>('quarantine', 'retry', key, '--store', store);
    expect(retry).toEqual({ returned: [key], failed: [] });
    expect(await relearnJson<StatusReport>('status', '--store', store)).toMatchObject({
      pending: { cat: 1, dog: 0 },
      quarantined: {},
    });
    await relearnJson<TrainReport>('train', '--store', store, ...briefly);
    expect(await relearnJson('quarantine', '--store', store)).toEqual({ items: [] });
    expect(await readdir(cats)).toEqual([poison]);
  },
);
