/**
 * Whether the store can be read and written now, for hosts that ask every second. An answer is kept
 * for some seconds and looked for anew in the background, so that asking costs next to nothing and a
 * store that is merely slow stays ready.
 */
import { isRelearnError } from '../../base/errors.ts';
import { probeKey } from '../../records/keys.ts';
import type { Components } from '../components.ts';

/** Milliseconds after which a good or a bad answer is looked for anew. */
const renewedAfter = { good: 10_000, bad: 3_000 };
/** Milliseconds after which a good answer is no answer any more: the look after it hangs. */
const oldestAnswer = 20_000;
/** About as large as a piece of feedback, so that a full disk is noticed. */
const sample = new Uint8Array(64 * 1024);

interface Answer {
  /** The error's code; null = all is well. */
  readonly code: string | null;
  readonly at: number;
}

/** Answers with the code of what is wrong; null = the store can be read and written. */
export type StoreReadiness = () => Promise<string | null>;

export const createStoreReadiness = ({
  store,
  registry,
  clock,
  newId,
  log,
}: Pick<Components, 'store' | 'registry' | 'clock' | 'newId' | 'log'>): StoreReadiness => {
  let last: Answer | undefined;
  let looking: Promise<Answer> | undefined;

  const tryIt = async (): Promise<string | null> => {
    const key = probeKey(newId());
    try {
      await registry.read();
      await store.put(key, sample);
      await store.delete(key);
      return null;
    } catch (error) {
      const code = isRelearnError(error) ? error.code : 'internal';
      if (last?.code !== code)
        log('warn', 'The store can not be read and written.', { code, error: String(error) });
      return code;
    }
  };

  const look = async (): Promise<Answer> => {
    const code = await tryIt();
    if (code === null && last && last.code !== null)
      log('info', 'The store can be read and written again.');
    last = { code, at: clock.monotonic() };
    return last;
  };

  return async () => {
    const age = last ? clock.monotonic() - last.at : Number.POSITIVE_INFINITY;
    const isGood = last?.code === null;
    if (age >= renewedAfter[isGood ? 'good' : 'bad'])
      looking ??= look().finally(() => {
        looking = undefined;
      });
    const isUsable = last && (!isGood || age < oldestAnswer);
    return (isUsable ? last : await looking)?.code ?? null;
  };
};
