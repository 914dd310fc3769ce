/**
 * Remembers which pictures a server has answered, so that a stopped `relearn feedback` goes on where
 * it was. It only saves time: a picture sent twice is a duplicate and harmless. A run that got
 * through removes its journal.
 */
import { createWriteStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../base/hash.ts';
import { makeDirectoryPath } from '../storage/durable-directory.ts';

export interface FeedbackJournal {
  /** Answered in an earlier run; the newest last. */
  readonly answered: ReadonlySet<string>;
  remember(entry: string): void;
  /** Writes what is still in memory; the journal stays for the next run. */
  close(): Promise<void>;
  /** Closes and removes it. */
  finish(): Promise<void>;
}

/** One picture with one label, as a line of the journal. */
export const journalEntry = (picture: Uint8Array, label: string): string =>
  `${sha256(picture)} ${sha256(Buffer.from(label))}`;

/** The user's folder for state, by the XDG base directory rules, and Windows' own. */
export const stateFolder = (
  env: Readonly<Record<string, string | undefined>>,
): string | undefined => {
  if (env.XDG_STATE_HOME) return join(env.XDG_STATE_HOME, 'relearn');
  if (env.LOCALAPPDATA) return join(env.LOCALAPPDATA, 'relearn');
  return env.HOME ? join(env.HOME, '.local', 'state', 'relearn') : undefined;
};

/** A journal that forgets, where there is no folder to write to. */
export const createForgetfulJournal = (): FeedbackJournal => ({
  answered: new Set(),
  remember: () => {},
  close: async () => {},
  finish: async () => {},
});

export const openFeedbackJournal = async (
  folder: string | undefined,
  url: string,
): Promise<FeedbackJournal> => {
  if (folder === undefined) return createForgetfulJournal();
  const file = join(folder, `feedback-${sha256(Buffer.from(url)).slice(0, 32)}.journal`);
  try {
    await makeDirectoryPath(folder);
  } catch {
    return createForgetfulJournal();
  }
  const earlier = await readFile(file, 'utf8').catch(() => '');
  const stream = createWriteStream(file, { flags: 'a' });
  // A full disk costs the journal, never the feedback.
  stream.on('error', () => {});
  const close = () =>
    new Promise<void>((resolve) => {
      if (stream.closed) return resolve();
      stream.once('close', resolve);
      stream.end();
    });
  return {
    // The last line may be cut off by a crash; it is 129 characters or not there.
    answered: new Set(earlier.split('\n').filter((line) => line.length === 129)),
    // An answer may still come in after a stop; writing then would undo the lines before it.
    remember: (entry) => {
      if (!stream.writableEnded) stream.write(`${entry}\n`);
    },
    close,
    finish: async () => {
      await close();
      await rm(file, { force: true });
    },
  };
};
