import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInMemoryRelearn } from '../../test/in-memory-relearn.ts';
import { RelearnError } from '../base/errors.ts';
import { createRandom } from '../base/random.ts';
import { encodeJpeg } from '../data/decode-image.ts';
import { paintPicture } from '../demo/paint-picture.ts';
import type { RelearnOptions } from '../loop/components.ts';
import type { Relearn, TrainOptions } from '../loop/relearn-api.ts';
import type { InitOptions } from '../loop/store/init-store.ts';
import type { CopyReport, ExportReport } from '../records/reports.ts';
import type { CliContext } from './context.ts';
import { runProgram } from './program.ts';

const instantClock = { now: () => 0, monotonic: () => 0, sleep: async () => {} };

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const copyReport: CopyReport = {
  objects: 156,
  copied: 156,
  bytes: 30_000,
  seconds: 1,
  verified: 156,
  damaged: [],
  misnamed: [],
  leftOut: [],
};

/** Runs the program in this process with everything from outside replaced. */
const relearn = async (
  line: string | readonly string[],
  replaced: Partial<CliContext> & { readonly relearn?: Partial<Relearn> } = {},
): Promise<Outcome> => {
  let [stdout, stderr] = ['', ''];
  const context: CliContext = {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env: {},
    clock: instantClock,
    signal: new AbortController().signal,
    version: '1.2.3',
    fetch: () => Promise.reject(new TypeError('fetch failed')),
    openRelearn: async () => ({
      ...createInMemoryRelearn({ clock: instantClock }),
      ...replaced.relearn,
    }),
    copyStore: async () => copyReport,
    initStore: async ({ store: _, ...settings }) => ({
      aliases: {},
      architecture: 'compact',
      imageSize: 96,
      threshold: 1000,
      holdout: 0.15,
      validation: 0.05,
      ...settings,
    }),
    ...replaced,
  };
  const code = await runProgram(typeof line === 'string' ? line.split(' ') : line, context);
  return { code, stdout, stderr };
};

const exportReport: ExportReport = {
  version: 1,
  format: 'onnx',
  bytes: 3,
  originalBytes: 3,
  sha256: 'a'.repeat(64),
  n: 100,
  accuracy: 0.92,
  interval: [0.85, 0.96],
  originalAccuracy: 0.93,
  disagreements: 1,
  onlyExported: 0,
  onlyOriginal: 1,
  msPerPicture: { batch1: 1, batch8: 1 },
  originalMsPerPicture: { batch1: 1, batch8: 1 },
  forced: false,
};

let folder = '';
let picture = '';
let broken = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relearn-cli-'));
  picture = join(folder, 'cat.1.jpg');
  broken = join(folder, 'dog.1.jpg');
  await writeFile(picture, await encodeJpeg(paintPicture('cat', createRandom(1), 32)));
  await writeFile(broken, 'not a picture');
});
afterAll(() => rm(folder, { recursive: true }));

const commands = [
  'init',
  'import',
  'train',
  'evaluate',
  'predict',
  'serve',
  'feedback',
  'models',
  'status',
  'quarantine',
  'dataset',
  'demo',
];

describe('help and version', () => {
  it('lists every command', async () => {
    const { code, stdout, stderr } = await relearn('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const name of commands) expect(stdout).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
  });

  it.each(commands)('%s --help shows an example and the shared options', async (name) => {
    const { code, stdout } = await relearn(`${name} --help`);
    expect(code).toBe(0);
    expect(stdout).toContain(`relearn ${name}`);
    expect(stdout).toMatch(/Examples?:/);
    expect(stdout).toContain('--store <URL>');
  });

  it.each(['help train', 'train --help'])('%s shows what training takes', async (line) => {
    const { code, stdout } = await relearn(line);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('--fine-tune') });
  });

  it('--version prints the version of the program, wherever it stands', async () => {
    expect(await relearn('--version')).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' });
    expect(await relearn('status --version')).toMatchObject({ code: 0, stdout: '1.2.3\n' });
  });
});

describe('wrong usage ends in 2, says what is wrong and prints nothing on stdout', () => {
  it.each([
    ['', 'missing_command'],
    ['frobnicate', 'unknown_command'],
    ['frobnicate --help', 'unknown_command'],
    ['help frobnicate', 'unknown_command'],
    ['--frobnicate', 'unknown_option'],
    ['status --frobnicate', 'unknown_option'],
    ['status extra', 'too_many_arguments'],
    ['init', 'missing_option'],
    ['init --labels', 'missing_option_value'],
    ['init --labels cat,,dog', 'invalid_option_value'],
    ['init --labels cat,dog --alias cats', 'invalid_option_value'],
    ['init --labels cat,dog --holdout 1', 'invalid_option_value'],
    ['init --labels cat,dog --threshold 0', 'invalid_option_value'],
    ['init --labels cat,dog --image-size 0x60', 'invalid_option_value'],
    ['import', 'missing_argument'],
    ['import x --ids 9-1', 'invalid_option_value'],
    ['import x --role test', 'invalid_option_value'],
    ['train --rounds 1.5', 'invalid_option_value'],
    ['train --rounds 99999999999999999999', 'invalid_option_value'],
    ['train --batch-size 4097', 'invalid_option_value'],
    ['train --learning-rate -1', 'invalid_option_value'],
    ['train --from champions', 'invalid_option_value'],
    ['train --device tpu', 'invalid_option_value'],
    ['predict', 'missing_argument'],
    ['predict x --model latest', 'invalid_option_value'],
    ['feedback x', 'missing_option'],
    ['feedback x --url localhost', 'invalid_option_value'],
    ['serve --port 99999', 'invalid_option_value'],
    ['serve --functions predict,dance', 'invalid_setting'],
    ['serve --host 0.0.0.0 --port 0', 'keys_required'],
    ['models show', 'missing_argument'],
    ['models promote -1', 'invalid_option_value'],
    ['models promote 0x10', 'invalid_option_value'],
    ['models export 1 --format tflite --out x', 'invalid_option_value'],
    ['models export 1 --format int8', 'missing_option'],
    ['dataset export x --format csv', 'invalid_option_value'],
  ])('relearn %s → %s', async (line, code) => {
    const words = line === '' ? [] : line.split(' ');
    const plain = await relearn(words);
    expect(plain).toMatchObject({ code: 2, stdout: '' });
    expect(plain.stderr).toMatch(/^relearn: \S/);
    expect(plain.stderr).not.toMatch(/^\s+at /m);

    const json = await relearn([...words, '--json']);
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stdout)).toEqual({
      error: { code, message: expect.any(String), hint: expect.any(String) },
    });
  });
});

describe('failures', () => {
  const missingStore = {
    openRelearn: async () => {
      throw new RelearnError('not-found', 'store_not_found', 'There is no store at x.', {
        hint: 'Create it with `relearn init --labels cat,dog`.',
      });
    },
  };

  it('a missing store ends in 1 and names the cure', async () => {
    const { code, stdout, stderr } = await relearn('status', missingStore);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('There is no store at x.');
    expect(stderr).toContain('relearn init --labels');
  });

  it('with --json the failure is one document on stdout', async () => {
    const { stdout } = await relearn('status --json', missingStore);
    expect(JSON.parse(stdout).error.code).toBe('store_not_found');
  });

  it('shows a stack only where RELEARN_DEBUG asks for one', async () => {
    const debug = await relearn('status', { ...missingStore, env: { RELEARN_DEBUG: '1' } });
    expect(debug.stderr).toMatch(/^\s+at /m);
  });

  it.each([
    ['an interruption', new DOMException('SIGINT', 'AbortError')],
    ['any error after it', new Error('cut off')],
  ])('Ctrl-C ends in 130: %s', async (_, error) => {
    const stop = new AbortController();
    const train = async () => {
      stop.abort(new DOMException('SIGINT', 'AbortError'));
      throw error;
    };
    const outcome = await relearn('train --json', { signal: stop.signal, relearn: { train } });
    expect(outcome.code).toBe(130);
    expect(JSON.parse(outcome.stdout).error).toMatchObject({
      code: 'interrupted',
      hint: expect.stringContaining('train --resume'),
    });
  });
});

describe('the store', () => {
  it.each([
    ['status', {}, './relearn-store'],
    ['status', { RELEARN_STORE: '/data/s' }, '/data/s'],
    ['status --store s3://bucket/x', { RELEARN_STORE: '/data/s' }, 's3://bucket/x'],
    ['--store here status', {}, 'here'],
  ])('relearn %s with %o opens %s', async (line, env, store) => {
    const asked: RelearnOptions[] = [];
    const openRelearn = async (options: RelearnOptions) => {
      asked.push(options);
      return createInMemoryRelearn({ clock: instantClock });
    };
    await relearn(line, { env, openRelearn });
    expect(asked).toMatchObject([{ store }]);
  });

  it('is closed when the command ends, failed or not', async () => {
    let closed = 0;
    const close = async () => void closed++;
    await relearn('status', { relearn: { close } });
    await relearn('train', { relearn: { close, train: () => Promise.reject(new Error('no')) } });
    expect(closed).toBe(2);
  });
});

describe('commands', () => {
  it('init passes the settings on and prints them', async () => {
    const asked: InitOptions[] = [];
    const initStore: CliContext['initStore'] = async (options) => {
      asked.push(options);
      return {
        labels: options.labels,
        aliases: options.aliases ?? {},
        architecture: 'compact',
        imageSize: 64,
        threshold: 200,
        holdout: 0.2,
        validation: 0.05,
      };
    };
    const { code, stdout } = await relearn(
      'init --labels cat,dog --alias kitty=cat --image-size 64 --threshold 200 --holdout 0.2 --json --store s',
      { initStore },
    );
    expect(code).toBe(0);
    expect(asked).toEqual([
      {
        store: 's',
        labels: ['cat', 'dog'],
        aliases: { kitty: 'cat' },
        imageSize: 64,
        threshold: 200,
        holdout: 0.2,
        env: {},
        signal: expect.any(AbortSignal),
        onBucketCreated: expect.any(Function),
        onDownload: expect.any(Function),
        onLine: expect.any(Function),
      },
    ]);
    expect(JSON.parse(stdout)).toEqual({
      labels: ['cat', 'dog'],
      aliases: { kitty: 'cat' },
      architecture: 'compact',
      imageSize: 64,
      threshold: 200,
      holdout: 0.2,
      validation: 0.05,
    });
  });

  it('import lists the first rejected pictures and makes their names harmless', async () => {
    const importPictures: Relearn['importPictures'] = async (paths, options) => {
      expect([paths, options?.ids, options?.role]).toEqual([['a', 'b.zip'], [0, 9], 'holdout']);
      return {
        imported: 2,
        duplicates: 1,
        conflicts: [],
        rejected: [{ path: 'evil\u001b[2J.jpg', reason: 'not a picture' }],
        perLabel: { cat: { train: 1, validation: 0, holdout: 1 } },
      };
    };
    const { code, stdout } = await relearn('import a b.zip --ids 0-9 --role holdout', {
      relearn: { importPictures },
    });
    expect(code).toBe(0);
    expect(stdout).toContain('Imported 2 new pictures; 1 was there already; 1 rejected.');
    expect(stdout).toContain('evil�[2J.jpg: not a picture');
    expect(stdout).not.toContain('\u001b');
  });

  it('import names pictures that are known under another label, and the cure', async () => {
    const conflicts = Array.from({ length: 12 }, (_, n) => ({
      path: `dog/${n}.jpg`,
      label: 'dog',
      knownAs: 'cat',
      heldBack: n === 1,
    }));
    const importing = (count: number) => async () => ({
      imported: 0,
      duplicates: 12,
      conflicts: conflicts.slice(0, count),
      rejected: [],
      perLabel: {},
    });
    const many = await relearn('import a', { relearn: { importPictures: importing(12) } });
    expect(many.code).toBe(0);
    expect(many.stdout).toContain('12 pictures are known under another label, which stays:');
    expect(many.stdout).toContain('  dog/0.jpg: dog now, known as cat\n');
    expect(many.stdout).toContain('  dog/1.jpg: dog now, known as cat (judges models)\n');
    expect(many.stdout).toContain('… and 2 more');
    expect(many.stdout).toContain('relearn import --role feedback PATH');
    expect(many.stdout).toContain('only a new store takes another');
    const one = await relearn('import a', { relearn: { importPictures: importing(1) } });
    expect(one.stdout).toContain('1 picture is known under another label');
    expect(one.stdout).not.toContain('only a new store');
    const json = await relearn('import a --json', { relearn: { importPictures: importing(12) } });
    expect(JSON.parse(json.stdout)).toMatchObject({ conflicts });
  });

  it.each([
    ['all were rejected', { rejected: 2 }, 1],
    ['some were', { imported: 1, rejected: 2 }, 0],
    ['all else was there already', { duplicates: 1, rejected: 2 }, 0],
  ])('import where %s', async (_, counts, exit) => {
    const {
      imported = 0,
      duplicates = 0,
      rejected: bad = 0,
    } = { ...counts } as Record<string, number>;
    const rejected = Array.from({ length: bad }, (__, n) => ({ path: `${n}.jpg`, reason: 'odd' }));
    const importPictures = async () => ({
      imported,
      duplicates,
      conflicts: [],
      rejected,
      perLabel: {},
    });
    const text = await relearn('import a', { relearn: { importPictures } });
    expect(text.code).toBe(exit);
    expect(text.stdout).toContain('2 rejected');
    expect(text.stdout).toContain('1.jpg: odd');
    expect(text.stderr.includes('every picture was rejected')).toBe(exit === 1);
    const json = await relearn('import a --json --quiet', { relearn: { importPictures } });
    expect(json.code).toBe(exit);
    expect(JSON.parse(json.stdout)).toMatchObject({ imported, duplicates, rejected });
  });

  it('train passes its options on; lines go to stderr, the report to stdout', async () => {
    const asked: (TrainOptions | undefined)[] = [];
    const memory = createInMemoryRelearn({ clock: instantClock });
    const train: Relearn['train'] = async (options) => {
      asked.push(options);
      options?.onLine?.('round 1, best 0.8, left 5');
      return memory.train(options);
    };
    const line =
      'train --from scratch --rounds 3 --steps 20 --patience 5 --target-accuracy .9 --max-minutes 1.5 --batch-size 16 --learning-rate 1e-3 --seed 0';
    const { code, stdout, stderr } = await relearn(line, { relearn: { train } });
    expect(code).toBe(0);
    expect(asked[0]).toMatchObject({
      from: 'scratch',
      rounds: 3,
      steps: 20,
      patience: 5,
      targetAccuracy: 0.9,
      maxMinutes: 1.5,
      batchSize: 16,
      learningRate: 0.001,
      seed: 0,
    });
    expect(stderr).toBe('round 1, best 0.8, left 5\n');
    expect(stdout).toContain('Gate: promoted: better than the champion');
    expect(stdout).toMatch(/truth ↓ {2}predicted → {2}cat {2}dog/);

    const quiet = await relearn(`${line} --quiet --json`, { relearn: { train } });
    expect(quiet.stderr).toBe('');
    expect(JSON.parse(quiet.stdout)).toMatchObject({ gate: { verdict: 'promote' } });
  });

  it('predict answers for each picture; a bad one fails alone and ends in 1', async () => {
    const good = await relearn(['predict', picture, '--json']);
    expect(good.code).toBe(0);
    expect(JSON.parse(good.stdout)).toEqual({
      results: [
        {
          path: picture,
          result: { cat: expect.any(Number), dog: expect.any(Number) },
          label: expect.stringMatching(/^(cat|dog)$/),
          version: 1,
        },
      ],
    });
    const missing = join(folder, 'missing.jpg');
    const mixed = await relearn(['predict', picture, broken, missing, '--json']);
    expect(mixed.code).toBe(1);
    const { results } = JSON.parse(mixed.stdout);
    expect(results.map((one: { error?: { code: string } }) => one.error?.code)).toEqual([
      undefined,
      'unsupported_image',
      'path_not_found',
    ]);
  });

  it('RELEARN_THREADS holds for every command, and a wrong one is wrong usage', async () => {
    const asked: unknown[] = [];
    const openRelearn = async ({ threads }: RelearnOptions) => {
      asked.push(threads);
      return createInMemoryRelearn({ clock: instantClock });
    };
    const run = (RELEARN_THREADS: string) =>
      relearn('status --json', { openRelearn, env: { RELEARN_THREADS } });
    expect((await run('2')).code).toBe(0);
    expect((await run('')).code).toBe(0);
    expect(asked).toEqual([2, undefined]);
    const wrong = await run('many');
    expect(wrong.code).toBe(2);
    expect(JSON.parse(wrong.stdout).error.code).toBe('invalid_setting');
  });

  it('predict without a model fails as a whole', async () => {
    const openRelearn = async () => createInMemoryRelearn({ clock: instantClock, hasModel: false });
    const { code, stdout } = await relearn(['predict', picture, '--json'], { openRelearn });
    expect(code).toBe(1);
    expect(JSON.parse(stdout).error.code).toBe('model_not_ready');
  });

  it('models lists by default, shows, promotes and rolls back', async () => {
    const list = await relearn('models --json');
    expect(JSON.parse(list.stdout)).toMatchObject({ champion: 1, versions: [{ version: 1 }] });
    expect((await relearn('models')).stdout).toContain('← champion');
    expect(JSON.parse((await relearn('models show 1 --json')).stdout)).toMatchObject({
      version: 1,
    });
    const { stdout } = await relearn('models show 1');
    expect(stdout).toMatch(
      /^Version 1, the champion: compact, answering on 96 × 96 pixels in colour, made 1970-01-01 00:00 UTC\.\n/,
    );
    expect(stdout).toContain('Lineage: 1.');
    expect(stdout).toContain('Champion from: 1970-01-01 00:00 as the first version.');
    expect(stdout).toContain('Holdout: 72.0 % of 400');
    expect(stdout).toContain('Gate: promoted');
    expect(stdout).not.toContain('{');
    expect((await relearn('models promote 7 --json')).code).toBe(1);
    expect(JSON.parse((await relearn('models promote 1 --json')).stdout).champion).toBe(1);
    expect((await relearn('models promote 1')).stdout).toMatch(
      /^Version 1 is the champion already; nothing changed\.\n/,
    );
  });

  it('models export leaves no file behind where the version is refused', async () => {
    const out = join(folder, 'refused.onnx');
    const models = {
      ...createInMemoryRelearn({ clock: instantClock }).models,
      export: () =>
        Promise.reject(new RelearnError('invalid', 'export_less_accurate', 'It answers worse.')),
    };
    const refused = await relearn(['models', 'export', '1', '--out', out], { relearn: { models } });
    expect(refused.code).toBe(1);
    await expect(readFile(out)).rejects.toThrow('ENOENT');
  });

  it('models export writes a new file and never over an old one', async () => {
    const out = join(folder, 'model.onnx');
    const models = {
      ...createInMemoryRelearn({ clock: instantClock }).models,
      export: async () => ({ model: Uint8Array.of(1, 2, 3), report: exportReport }),
    };
    const line = ['models', 'export', '1', '--format', 'onnx', '--out', out];
    const written = await relearn(line, { relearn: { models } });
    expect(written).toMatchObject({ code: 0 });
    expect(written.stdout).toContain('92.0 % of 100 (95 % interval 85.0–96.0 %), original 93.0 %');
    expect([...(await readFile(out))]).toEqual([1, 2, 3]);
    const again = await relearn(line, { relearn: { models } });
    expect(again.code).toBe(1);
    expect(again.stderr).toBe(
      `relearn: ${out} exists already.\n  Choose another name; nothing is written over.\n`,
    );
    const nowhere = [
      'models',
      'export',
      '1',
      '--out',
      join(folder, 'none', 'model.onnx'),
      '--json',
    ];
    const lost = await relearn(nowhere, { relearn: { models } });
    expect(lost.code).toBe(1);
    expect(JSON.parse(lost.stdout).error).toEqual({
      code: 'folder_not_found',
      message: `There is no folder ${join(folder, 'none')}.`,
      hint: expect.stringContaining('Create it'),
    });
  });

  it.each([
    ...['init', 'import', 'train', 'evaluate', 'predict', 'serve', 'feedback', 'models', 'status'],
    ...['models list', 'models show', 'models promote', 'models rollback', 'models export'],
    ...['dataset', 'dataset export', 'demo'],
  ])('%s --help shows an example', async (command) => {
    const { code, stdout } = await relearn(`${command} --help`);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?: +relearn ${command}`));
  });

  it('status prints the contract’s fields', async () => {
    const { code, stdout } = await relearn('status --json');
    expect(code).toBe(0);
    expect(Object.keys(JSON.parse(stdout)).sort()).toEqual([
      'base',
      'champion',
      'folders',
      'lastRun',
      'learnt',
      'leaseUntil',
      'misnamed',
      'pending',
      'quarantined',
      'resumable',
      'threshold',
      'training',
      'unread',
    ]);
    const text = (await relearn('status')).stdout;
    expect(text).toContain('2 more of cat and 2 more of dog');
    expect(text).toMatch(/^ +dog +feedback\/dog\/ +.*0 of 2$/m);
  });
});

describe('--quiet', () => {
  const item = { id: 'q/1', key: 'k', reason: null, at: '2026-01-02T03:04', failures: 1, bytes: 1 };
  const untrained = createInMemoryRelearn({ clock: instantClock, hasModel: false });
  const quarantine = { list: async () => ({ items: [item] }), retry: () => Promise.reject() };

  it.each([
    ['init --labels cat,dog', {}, 'Next: relearn import PATH'],
    ['models', untrained, 'Next: relearn train'],
    ['status', untrained, 'Next: relearn '],
    ['store copy a b', {}, 'Next: relearn status'],
    ['quarantine', { quarantine }, 'relearn quarantine retry'],
  ])('relearn %s says the result and not what to do now', async (line, replaced, next) => {
    const loud = await relearn(line, { relearn: replaced });
    const quiet = await relearn(`${line} --quiet`, { relearn: replaced });
    expect(loud.stdout).toContain(next);
    expect(quiet).toMatchObject({ code: 0, stderr: '' });
    expect(quiet.stdout).not.toContain(next);
    expect(quiet.stdout.length).toBeGreaterThan(5);
  });
});

describe('relearn doctor', () => {
  type Report = { ok: boolean; checks: { name: string; ok: boolean; detail: string }[] };
  const report = ({ stdout }: Outcome) => JSON.parse(stdout) as Report;

  it('is content with a machine and a store that work', async () => {
    const outcome = await relearn('doctor --json');
    expect(outcome.code).toBe(0);
    expect(report(outcome)).toMatchObject({ ok: true });
    expect(report(outcome).checks.map(({ name, ok }) => [name, ok])).toEqual([
      ['node', true],
      ['machine', true],
      ['temporary folder', true],
      ['runtime', true],
      ['pictures', true],
      ['settings', true],
      ['store', true],
      ['place', true],
      ['log', true],
      ['model', true],
    ]);
  });

  it('says what is wrong with its cure, goes on, and exits with 1', async () => {
    const openRelearn = () =>
      Promise.reject(
        new RelearnError('not-found', 'store_not_found', 'No store.', { hint: 'Init.' }),
      );
    const env = { RELEARN_KEYS: 'broken' };
    const outcome = await relearn('doctor --json', { openRelearn, env });
    expect(outcome.code).toBe(1);
    const wrong = report(outcome).checks.filter(({ ok }) => !ok);
    expect(wrong.map(({ name }) => name)).toEqual(['settings', 'store', 'place', 'log', 'model']);
    expect(wrong.map(({ detail }) => detail).join(' ')).toMatch(
      /name:key:scope.*No store\. Init\./,
    );
  });

  it('looks at what can be read of a store that can not be written to, and says what it is good for', async () => {
    const openRelearn = async ({ proveStore }: RelearnOptions) => {
      if (proveStore)
        throw new RelearnError('unavailable', 'storage_read_only', "Can't write.", {
          hint: 'Allow.',
        });
      return createInMemoryRelearn({ clock: instantClock });
    };
    const outcome = await relearn('doctor --json', { openRelearn });
    expect(outcome.code).toBe(1);
    const { checks } = report(outcome);
    const bad = checks.filter(({ ok }) => !ok);
    expect(bad).toEqual([
      { name: 'store', ok: false, detail: expect.stringContaining('--functions predict,studio') },
    ]);
    expect(checks.find(({ name }) => name === 'model')?.detail).toMatch(/^version 1 loads/);
  });

  it('says so where another store lies above or below', async () => {
    const checkPlace = () =>
      Promise.reject(new RelearnError('conflict', 'store_overlaps', 'a lies inside b.'));
    const outcome = await relearn('doctor', { relearn: { checkPlace } });
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toMatch(/NOT OK +place +a lies inside b\./);
  });

  it('does not count a missing first model as a fault, but one that does not load', async () => {
    const none = createInMemoryRelearn({ clock: instantClock, hasModel: false });
    expect((await relearn('doctor', { relearn: none })).code).toBe(0);
    const readiness = async () => ({ ready: false, reason: 'the file is damaged' });
    const outcome = await relearn('doctor', { relearn: { readiness } });
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toContain('the file is damaged');
  });
});

describe('relearn store copy', () => {
  it('says how much is new and how much was there', async () => {
    const first = await relearn('store copy a b');
    expect(first).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Copied 156 objects, in'),
    });
    const copyStore = async () => ({ ...copyReport, copied: 6 });
    const second = await relearn('store copy a b', { copyStore });
    expect(second).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Copied 6 objects, 150 were there already, in'),
    });
  });

  it('names what is damaged at the source and exits with 1', async () => {
    const damaged = [{ key: 'models/a', message: 'models/a does not match its hash.' }];
    const copyStore = async () => ({ ...copyReport, damaged });
    const text = await relearn('store copy a b', { copyStore });
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(
      /Damaged or missing at a, and not copied:\n +models\/a does not match its hash\./,
    );
    const json = await relearn('store copy a b --json', { copyStore });
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ objects: 156, damaged });
  });

  it('names what lies under no key at the source, with a cure, and exits with 1', async () => {
    const misnamed = [{ path: 'feedback/cat/..jpg', reason: 'a part begins with a dot' }];
    const copyStore = async () => ({ ...copyReport, misnamed });
    const text = await relearn('store copy a b', { copyStore });
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(/not copied:\n +"?feedback\/cat\/\.\.jpg"?: a part.*\nTrain there/);
  });

  it('names what the target can not hold, with a cure, and exits with 1', async () => {
    const leftOut = [{ path: 'feedback', reason: 'It would be in the way.' }];
    const text = await relearn('store copy a b', {
      copyStore: async () => ({ ...copyReport, leftOut }),
    });
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(/b can't hold, and not copied:\n +feedback: It.*\nGive them other/);
  });
});

describe('relearn quarantine', () => {
  const items = [
    {
      id: 'quarantine/1-2',
      key: 'feedback/cat/a\nb.jpg',
      reason: 'unsupported_image',
      at: '2026-01-02T03:04:05.000Z',
      failures: 3,
      bytes: 20,
    },
  ];
  const list = async () => ({ items });

  it('lists what was set aside: where, when, after how many failures, why', async () => {
    const filled = { relearn: { quarantine: { list, retry: () => Promise.reject() } } };
    const { code, stdout } = await relearn('quarantine', filled);
    expect(code).toBe(0);
    expect(stdout).toMatch(/feedback\/cat\/a�b\.jpg +2026-01-02 03:04 +3 +not a JPEG, PNG or WebP/);
    expect(JSON.parse((await relearn('quarantine --json', filled)).stdout)).toEqual({ items });
    expect((await relearn('quarantine')).stdout).toBe('Nothing is set aside.\n');
  });

  it('brings back what is named, or all, and says what has to stay', async () => {
    const asked: unknown[] = [];
    const retry: Relearn['quarantine']['retry'] = async (wanted) => {
      asked.push(wanted);
      return {
        returned: ['feedback/cat/a'],
        failed: wanted === 'all' ? [{ path: 'quarantine/3-4', reason: 'no note' }] : [],
      };
    };
    const filled = { relearn: { quarantine: { list, retry } } };
    const one = await relearn('quarantine retry feedback/cat/a', filled);
    expect(one).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1 brought back/) });
    const all = await relearn('quarantine retry --all', filled);
    expect(all).toMatchObject({ code: 1, stdout: expect.stringContaining('quarantine/3-4 stays') });
    expect(asked).toEqual([['feedback/cat/a'], 'all']);
    expect((await relearn('quarantine retry', filled)).code).toBe(2);
    expect((await relearn('quarantine retry --all feedback/cat/a', filled)).code).toBe(2);
  });
});

describe('relearn fsck and gc', () => {
  const untouched = createInMemoryRelearn({ clock: instantClock });

  it('is content with a store that keeps its promises', async () => {
    expect(await relearn('fsck')).toMatchObject({
      code: 0,
      stdout: 'The store keeps its promises.\n',
    });
  });

  it('lists what is wrong with its cure and exits with 1', async () => {
    const problems = [{ invariant: 'I4', key: 'models/a/model.onnx', message: 'is missing' }];
    const report = {
      ok: false,
      problems,
      quarantined: { unsupported_image: 2 },
      unread: { 'feedback/猫/': 2 },
      misnamed: [{ path: 'feedback/cat/a\u0007b', reason: 'it holds a control character' }],
      folderMarkers: 1,
    };
    const broken = { check: async () => report };
    const text = await relearn('fsck', { relearn: broken });
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(
      /^I4 models\/a\/model\.onnx is missing\n {3}Restore.*models promote V/,
    );
    const json = await relearn('fsck --json', { relearn: broken });
    expect(JSON.parse(json.stdout)).toEqual(report);
    expect(text.stdout).toContain('feedback/cat/a�b: it holds a control character');
    expect(text.stdout).toContain('1 folder marker is passed over');
    expect(text.stdout).toContain('2 objects put there by hand, to be looked at');
    expect(text.stdout).toContain('2 in feedback/猫/');
    expect(text.stdout).toContain('2 set aside (2 not a JPEG, PNG or WebP): relearn quarantine');
  });

  it('shows of a very long name its beginning and its end', async () => {
    const key = `feedback/cat/${'x'.repeat(900)}.jpg`;
    const problems = [
      { invariant: 'I1', key, message: 'is gone' },
      { invariant: 'I1', key, message: `The object ${key} is gone` },
    ];
    const check = async () => ({ ...(await untouched.check()), ok: false, problems });
    const { stdout } = await relearn('fsck', { relearn: { check } });
    const lines = stdout.split('\n').filter((line) => line.startsWith('I1'));
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(line).toMatch(/feedback\/cat\/x+ … x+\.jpg is gone$/);
      expect(line.length).toBeLessThan(200);
    }
  });

  it('gives each problem the cure that helps it, once for all that it helps', async () => {
    const missing = (key: string) => ({ invariant: 'I4', key, message: 'is missing' });
    const [one, two] = ['base/x/train-00000.tfrecord', 'base/x/train-00001.tfrecord'];
    const problems = [missing(one), missing('base/x/manifest.json'), missing(two)];
    const check = async () => ({ ...(await untouched.check()), ok: false, problems });
    const { stdout } = await relearn('fsck', { relearn: { check } });
    const [shards, manifest, end] = stdout.split('\n\n');
    expect(shards).toMatch(new RegExp(`^I4 ${one} is missing\nI4 ${two} is missing\n`));
    expect(shards).toContain('import the same pictures again');
    expect(manifest).toMatch(/^I4 base\/x\/manifest\.json is missing\n {3}Restore them/);
    expect(manifest).not.toContain('import the same');
    expect(end).toBe('3 problems.\n');
  });

  it('tells what went, and with --dry-run what would go', async () => {
    const asked: unknown[] = [];
    const collectGarbage: Relearn['collectGarbage'] = async (options) => {
      asked.push([options?.olderThan, options?.dryRun]);
      return { removed: 2, bytes: 30, keys: ['probe/1', 'probe/2'] };
    };
    const removed = await relearn('gc --json', { relearn: { collectGarbage } });
    expect(JSON.parse(removed.stdout)).toEqual({ removed: 2, bytes: 30 });
    const dry = await relearn('gc --dry-run --older-than 30', { relearn: { collectGarbage } });
    expect(dry.stdout).toBe('probe/1\nprobe/2\n2 objects, 30 bytes would go.\n');
    expect(asked).toEqual([
      [7, false],
      [30, true],
    ]);
  });
});
