/** Opens the store for a command that only shows something: whoever looks wants an answer soon. */
import type { Relearn } from '../loop/relearn-api.ts';
import type { Run } from './session.ts';

/** Milliseconds of all tries of one call; a bucket that hangs is given up after 5 s. */
const patience = 3_000;
/** Milliseconds after which it is said what takes so long. */
const silence = 1_000;

/** @throws what opening a store throws; a bucket that is away within about 5 s */
export const openForReading = async ({ open, output, context }: Run): Promise<Relearn> => {
  const opened = new AbortController();
  context.clock.sleep(silence, opened.signal).then(
    () => output.note('Waiting for the store …'),
    () => {},
  );
  try {
    return await open({ patience });
  } finally {
    opened.abort();
  }
};
