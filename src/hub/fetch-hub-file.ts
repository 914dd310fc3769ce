/**
 * A file of a hub as bytes on this machine. What was downloaded is kept in a cache folder under its
 * checksum and held against it at every use; a download that was stopped goes on where it was.
 */
import { constants } from 'node:fs';
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pRetry from 'p-retry';
import { RelearnError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { makeDirectoryPath } from '../storage/durable-directory.ts';
import { matchesChecksum } from './checksum.ts';
import {
  createHubClient,
  type HubClient,
  type HubFile,
  HubRefusal,
  HubSilence,
} from './hub-client.ts';
import { type HubName, parseHubName } from './hub-name.ts';
import type { HubSettings } from './hub-settings.ts';

export interface HubDownload {
  /** Bytes that are here, those of an earlier run too. */
  readonly done: number;
  readonly total: number;
}

export interface FetchHubFileOptions extends HubSettings {
  /** Larger files are refused before they are downloaded. Default 1 GiB. */
  readonly mostBytes?: number;
  readonly signal?: AbortSignal;
  onDownload?(progress: HubDownload): void;
  /** What a person should know, such as that an older copy is used. */
  onLine?(line: string): void;
  /** Tests pass their own. */
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds without a byte after which a connection counts as dead. Default 30 s. */
  readonly idleTimeout?: number;
  /** Milliseconds before the first and at most before each further try. */
  readonly pauses?: { readonly first: number; readonly longest: number };
}

const mostRetries = 4;

/**
 * @param text `hf:owner/name/file`, see `parseHubName`
 * @throws RelearnError usage/`invalid_hub_name`, invalid/`hub_file_not_found`, `hub_refused`,
 *   `hub_file_too_large`, unavailable/`hub_unreachable`, corrupt/`hub_checksum`
 */
export const fetchHubFile = async (
  text: string,
  options: FetchHubFileOptions,
): Promise<Uint8Array> => {
  const { fetch = globalThis.fetch, idleTimeout = 30_000, mostBytes = 2 ** 30 } = options;
  const name = parseHubName(text);
  const client = createHubClient({ ...options, fetch, idleTimeout });
  const cache = join(options.cacheFolder, 'hub');
  await makeDirectoryPath(cache);
  const note = join(cache, `${sha256(Buffer.from(`${options.endpoint} ${text}`))}.json`);
  let file: HubFile;
  try {
    file = await retry(() => client.describe(name), options);
  } catch (error) {
    const kept = isTransient(error) ? await recall(cache, note) : undefined;
    if (!kept) throw explain(error, name, options);
    options.onLine?.(`The hub can't be reached: the copy of ${text} that is here already is used.`);
    return kept;
  }
  if (file.size > mostBytes) {
    throw new RelearnError(
      'invalid',
      'hub_file_too_large',
      `${text} has ${file.size} bytes; at most ${mostBytes} can be used.`,
      { hint: 'Choose a smaller network.' },
    );
  }
  const path = pathOf(cache, file);
  if (!(await isWhole(path, file))) {
    try {
      await download(client, name, file, path, options);
    } catch (error) {
      throw explain(error, name, options);
    }
  }
  await writeFile(note, JSON.stringify(file));
  return readFile(path);
};

const pathOf = (cache: string, { checksum }: HubFile): string => join(cache, checksum.hex);

/** False too where it is not there, or not any more. */
const isWhole = async (path: string, { size, checksum }: HubFile): Promise<boolean> => {
  try {
    return (await stat(path)).size === size && (await matchesChecksum(path, size, checksum));
  } catch {
    return false;
  }
};

/** What an earlier run left of this name, unless it is damaged. */
const recall = async (cache: string, note: string): Promise<Uint8Array | undefined> => {
  try {
    const file = JSON.parse(await readFile(note, 'utf8')) as HubFile;
    const path = pathOf(cache, file);
    return (await isWhole(path, file)) ? await readFile(path) : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Writes every byte at its own place, so that two processes that download the same file at the same
 * time write the same and neither harms the other.
 */
const download = async (
  client: HubClient,
  name: HubName,
  file: HubFile,
  path: string,
  options: FetchHubFileOptions,
): Promise<void> => {
  const part = `${path}.part`;
  const handle = await open(part, constants.O_RDWR | constants.O_CREAT);
  try {
    let done = Math.min((await handle.stat()).size, file.size);
    options.onDownload?.({ done, total: file.size });
    const readOn = async () => {
      const before = done;
      try {
        for await (const chunk of client.read(name, file, done)) {
          if (done + chunk.length > file.size) throw new HubSilence('More came than there is.');
          await handle.write(chunk, 0, chunk.length, done);
          done += chunk.length;
          options.onDownload?.({ done, total: file.size });
        }
      } catch (error) {
        // As long as something comes a line that breaks again and again gets there too.
        if (done === before || !isTransient(error)) throw error;
      }
      if (done === before) throw new HubSilence('Nothing came.');
    };
    while (done < file.size) await retry(readOn, options);
    await handle.sync();
  } finally {
    await handle.close();
  }
  // Another process may have been first.
  if (await isWhole(part, file)) await rename(part, path).catch(() => {});
  if (await isWhole(path, file)) return;
  await rm(part, { force: true });
  throw new RelearnError(
    'corrupt',
    'hub_checksum',
    `What was downloaded as ${name.text} is not what the hub says it is: its checksum differs. It was deleted.`,
    { hint: 'Run the command again; if that does not help, ask another mirror (--hub).' },
  );
};

const retry = <Result>(
  run: () => Promise<Result>,
  { signal, pauses = { first: 500, longest: 8_000 } }: FetchHubFileOptions,
): Promise<Result> =>
  pRetry(run, {
    retries: mostRetries,
    minTimeout: pauses.first,
    maxTimeout: pauses.longest,
    randomize: true,
    shouldRetry: ({ error }) => isTransient(error),
    ...(signal ? { signal } : {}),
  });

const isTransient = (error: unknown): boolean =>
  error instanceof HubSilence ||
  (error instanceof HubRefusal && (error.status >= 500 || error.status === 429));

const refusals: Readonly<Record<number, readonly [code: string, message: string, hint: string]>> = {
  401: [
    'hub_refused',
    'may not be read, or is not there',
    'Check the name; where the file is private, set HF_TOKEN to a token that may read it.',
  ],
  403: [
    'hub_refused',
    'may not be read',
    "Accept the repository's terms on its page, and set HF_TOKEN to a token that may read it.",
  ],
  404: ['hub_file_not_found', 'is not there', 'Check owner, name, revision and path.'],
};

/** In words for the person who wrote the name. */
const explain = (error: unknown, name: HubName, { endpoint }: HubSettings): unknown => {
  if (error instanceof HubRefusal && !isTransient(error)) {
    const [code, what, hint] = refusals[error.status] ?? [
      'hub_refused',
      `can't be downloaded: ${error.message}`,
      'Check that this address is that of a hub or a mirror: HF_ENDPOINT, --hub.',
    ];
    return new RelearnError('invalid', code, `${name.text} ${what} at ${endpoint}.`, {
      hint,
      cause: error,
    });
  }
  if (!isTransient(error)) return error;
  const { repository, revision, path } = name;
  return new RelearnError(
    'unavailable',
    'hub_unreachable',
    `${name.text} can't be downloaded from ${endpoint}: ${(error as Error).message}`,
    {
      hint: `Run the command again, and it goes on where it stopped. Or name a mirror that answers here (--hub URL, or HF_ENDPOINT), or download ${endpoint}/${repository}/resolve/${revision}/${path} elsewhere and name the file: --architecture FILE.onnx`,
      cause: error,
    },
  );
};
