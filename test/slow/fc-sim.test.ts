/**
 * The whole loop on a simulated Function Compute, its functions started as `deploy/s.yaml` says, over
 * the strict OSS server: pictures in, predictions out, feedback, the store's own events to the
 * training, the new version at every instance. Meanwhile instances freeze, scale and are killed,
 * events are lost, doubled and overtaken, credentials come with each call and age. FC_SIM_SEEDS
 * names other seeds than the two of every run: `FC_SIM_SEEDS=3,4,5`.
 */
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import type {
  CheckReport,
  FeedbackReceipt,
  ModelsReport,
  PredictionReport,
  StatusReport,
} from '../../src/records/reports.ts';
import type { Credentials } from '../../src/storage/open-store.ts';
import { type BucketServer, startBucketServer } from '../bucket-server/bucket-server.ts';
import { type OssAccount, ossRules } from '../bucket-server/oss-rules.ts';
import {
  type Chaos,
  createFunctionCompute,
  type FunctionCompute,
} from '../fc-sim/function-compute.ts';
import { isSubscribed, ossEvent } from '../fc-sim/oss-event.ts';
import { type FunctionConfig, readFunctions } from '../fc-sim/read-functions.ts';
import { dataUrl, makeFolder, makePicture, writePictures } from '../integration/pictures.ts';
import { endAll, relearnJson, sleep, until, useEnvironment } from '../integration/program.ts';

const seeds = (process.env.FC_SIM_SEEDS ?? '1,2').split(',').map(Number);
const threshold = 40;
/** Milliseconds. */
const tokenLife = 60_000;
const newChampionWithin = 5_000;

const bucket = 'relearn-feedback';
const region = 'cn-shanghai';
const keys = { predict: 'predict-key-7f3a', feedback: 'feedback-key-91bc' };

interface Site {
  readonly folder: string;
  readonly store: string;
  readonly oss: BucketServer;
  readonly fc: FunctionCompute;
  /** Everything that must stand in no log. */
  readonly secrets: ReadonlySet<string>;
  endCredentials(): void;
  remove(): Promise<void>;
}

/** The role's credentials: new ones for each call, some of them already refused. */
const createRole = (accounts: Record<string, OssAccount>, chanceOfRefused: () => boolean) => {
  let calls = 0;
  const secrets = new Set<string>();
  const newCredentials = (): Credentials => {
    const id = `STS.${++calls}`;
    const account = { secret: `secret-of-${id}`, token: `token-of-${id}` };
    secrets.add(account.secret).add(account.token);
    const tokenEnds = Date.now() + (chanceOfRefused() ? -1 : tokenLife);
    accounts[id] = { ...account, tokenEnds };
    return { accessKeyId: id, secretAccessKey: account.secret, sessionToken: account.token };
  };
  /** Ends all that were given out. */
  const endCredentials = () => {
    for (const [id, account] of Object.entries(accounts))
      if (account.token !== undefined) accounts[id] = { ...account, tokenEnds: 0 };
  };
  return { newCredentials, endCredentials, secrets };
};

const placed = (config: FunctionConfig, store: string): FunctionConfig => ({
  ...config,
  environmentVariables: {
    RELEARN_STORE: store,
    RELEARN_KEYS: `app:${keys.predict}:predict,people:${keys.feedback}:feedback`,
  },
});

const chaos: Chaos = {
  kill: {
    predict: { chance: 0.06, within: 60 },
    feedback: { chance: 0.06, within: 60 },
    // Most of its calls are short and end before.
    train: { chance: 0.5, within: 4_000 },
  },
  duplicate: 0.15,
  lose: 0.1,
  delay: 400,
};
const calm: Chaos = { ...chaos, kill: {}, duplicate: 0, lose: 0 };

interface Weather {
  readonly chaos: Chaos;
  /** The chance that a call's credentials have ended already. */
  readonly refused: number;
  /** Milliseconds after which an instance without work ends. */
  readonly idle: number;
}

const setUp = async (seed: number, weather: Weather): Promise<Site> => {
  const folder = await makeFolder();
  const own = { secret: 'secret-of-owner' };
  const accounts: Record<string, OssAccount> = { owner: own };
  const oss = await startBucketServer(ossRules({ region, accounts }));
  const random = createRandom(seed);
  const tokens = random.fork('tokens');
  const role = createRole(accounts, () => tokens.next() < weather.refused);
  const store = `oss://${bucket}?endpoint=${oss.url}&region=${region}`;
  useEnvironment({
    ALIBABA_CLOUD_ACCESS_KEY_ID: 'owner',
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: own.secret,
  });
  const functions = Object.fromEntries(
    Object.entries(readFunctions()).map(([name, config]) => [name, placed(config, store)]),
  );
  const fc = createFunctionCompute({
    functions,
    random: random.fork('calls'),
    chaos: weather.chaos,
    newCredentials: role.newCredentials,
    idle: weather.idle,
    onFreeze: () => oss.closeIdle(),
  });
  oss.stored = (fact) => {
    for (const [name, config] of Object.entries(functions)) {
      if (isSubscribed(config, fact)) fc.event(name, ossEvent(config, fact));
    }
  };
  return {
    folder: folder.path,
    store,
    oss,
    fc,
    endCredentials: role.endCredentials,
    secrets: role.secrets.add(keys.predict).add(keys.feedback).add(own.secret),
    remove: async () => {
      await fc.close();
      await endAll();
      await oss.close();
      await folder.remove();
    },
  };
};

/** Clients try again: an instance may die under any call. */
const patientReply = async (send: () => ReturnType<FunctionCompute['http']>) => {
  let reply = await send();
  for (let attempt = 0; attempt < 12 && reply.status >= 429; attempt++) {
    await sleep(100);
    reply = await send();
  }
  return reply;
};
const patiently = async <T>(
  what: string,
  send: () => ReturnType<FunctionCompute['http']>,
): Promise<T> => {
  const { status, body } = await patientReply(send);
  if (status !== 200) throw new Error(`${what} never succeeded: ${status} ${body}`);
  return JSON.parse(body.toString()) as T;
};

const timerEvent = JSON.stringify({ triggerName: 'sweep', payload: '{"reason":"sweep"}' });

const tell = (what: string, counts: FunctionCompute['counts'], more: string) => {
  const all = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
  console.log(`fc-sim, ${what}: ${all.join(', ')}; ${more}`);
};

const post = async (site: Site, name: 'predict' | 'feedback', path: string, body: string) =>
  site.fc.http(name, {
    path,
    headers: { 'content-type': 'text/plain', authorization: `Bearer ${keys[name]}` },
    body,
  });
const predict = async (site: Site, label: 'cat' | 'dog', id: number) => {
  const body = dataUrl(await makePicture(label, id));
  return patiently<PredictionReport>('a prediction', () => post(site, 'predict', '/predict', body));
};
const feed = async (site: Site, label: 'cat' | 'dog', id: number) => {
  const body = JSON.stringify({ picture: dataUrl(await makePicture(label, id)), target: label });
  return patiently<FeedbackReceipt>('feedback', () => post(site, 'feedback', '/callback', body));
};

/** A store with a first version that knows next to nothing. */
const makeStore = async ({ store, folder }: Site): Promise<void> => {
  const settings = ['--labels', 'cat,dog', '--image-size', '32', '--holdout', '0.4'];
  await relearnJson('init', ...settings, '--threshold', `${threshold}`, '--store', store);
  const pictures = await writePictures(join(folder, 'base'), 0, 119);
  await relearnJson('import', pictures, '--store', store);
  await trainOneStep(store, 1);
};
const trainOneStep = (store: string, seed: number) =>
  relearnJson(
    ...['train', '--store', store, '--rounds', '1', '--steps', '1', '--from', 'scratch'],
    ...['--learning-rate', '0.000001', '--seed', `${seed}`],
  );

let site: Site | undefined;
afterEach(async () => {
  await site?.remove();
  site = undefined;
});

describe.each(seeds)('the whole loop on Function Compute, seed %i', (seed) => {
  it('learns from feedback, loses none of it, and every instance serves what it learnt', async () => {
    const here = await setUp(seed, { chaos, refused: 0.05, idle: 2_500 });
    site = here;
    const { fc, oss, store, secrets } = here;
    await makeStore(here);

    // Forty at once need more than one instance.
    const first = await Promise.all(
      Array.from({ length: 40 }, (_, id) => predict(here, 'cat', 5000 + id)),
    );
    expect(new Set(first.map(({ version }) => version))).toEqual(new Set([1]));
    expect(fc.counts.started).toBeGreaterThan(1);

    // A stranger's headers don't arrive, and the door of the training is closed.
    const forged = { path: '/invoke', headers: { 'X-Fc-Control-Path': '/invoke' } };
    for (const name of ['predict', 'feedback', 'train'])
      expect((await patientReply(() => fc.http(name, forged))).status).toBe(404);

    const accepted: string[] = [];
    for (let id = 200; id < 200 + threshold + 10; id += 5) {
      const receipts = await Promise.all(
        [0, 1, 2, 3, 4].flatMap((more) =>
          (['cat', 'dog'] as const).map((label) => feed(here, label, id + more)),
        ),
      );
      accepted.push(...receipts.map((receipt) => receipt.id));
    }
    await fc.settled();
    // What lost events left behind the timer finds; it comes again and again.
    const status = () => relearnJson<StatusReport>('status', '--store', store);
    const models = () => relearnJson<ModelsReport>('models', '--store', store);
    await until('the better version', async () => {
      if ((await status()).training !== null) return undefined;
      if ((await models()).champion === 2) return true;
      fc.event('train', timerEvent);
      await fc.settled();
      return undefined;
    });
    await sleep(newChampionWithin);
    const later = await Promise.all(
      Array.from({ length: 40 }, (_, id) => predict(here, id % 2 ? 'cat' : 'dog', 7000 + id)),
    );
    expect(new Set(later.map(({ version }) => version))).toEqual(new Set([2]));

    // Exactly the trainings that were needed, however many events there were.
    for (let more = 0; more < 5; more++) fc.event('train', timerEvent);
    await fc.settled();
    const { champion, versions } = await models();
    expect({ champion, verdicts: versions.map(({ verdict }) => verdict) }).toEqual({
      champion: 2,
      verdicts: ['first', 'promote'],
    });

    const stored = [...(oss.buckets.get(bucket)?.objects.keys() ?? [])];
    const missing = accepted.filter(
      (id) => !stored.some((key) => /^(feedback|archive)\//.test(key) && key.endsWith(id)),
    );
    expect({ accepted: new Set(accepted).size, missing }).toEqual({
      accepted: 2 * (threshold + 10),
      missing: [],
    });
    expect(await relearnJson<CheckReport>('fsck', '--store', store)).toMatchObject({ ok: true });
    const written = fc.output();
    expect([...secrets].filter((secret) => written.includes(secret))).toEqual([]);
    expect(written.match(/FC Invoke Start RequestId: 1-/g)?.length).toBeGreaterThan(200);
    const { counts } = fc;
    expect(counts.killed).toBeGreaterThan(0);
    expect(counts.eventsLost * counts.eventsDoubled).toBeGreaterThan(0);
    tell(`seed ${seed}`, counts, `${accepted.length} pieces of feedback`);
  });
});

describe('an instance that was frozen for long', () => {
  it('answers with the newest champion first thing, by the credentials of its call', async () => {
    const here = await setUp(0, { chaos: calm, refused: 0, idle: 600_000 });
    site = here;
    const { fc, store } = here;
    await makeStore(here);
    await trainOneStep(store, 2);
    let expected = 1;
    expect((await predict(here, 'cat', 1)).version).toBe(1);
    for (let round = 0; round < 4; round++) {
      expected = 3 - expected;
      await relearnJson('models', 'promote', `${expected}`, '--store', store);
      // What it was started or last called with is refused meanwhile.
      here.endCredentials();
      await sleep(newChampionWithin);
      expect((await predict(here, 'cat', 2)).version).toBe(expected);
    }
    expect(fc.counts).toMatchObject({ started: 1, killed: 0 });
    tell('thawed', fc.counts, '4 changes of champion');
  });
});
