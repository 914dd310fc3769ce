/**
 * What is asked of a hub, through its own client: how large a file is, what its checksum is, and its
 * bytes from any place on. Every refusal and every silence is one of the two errors below.
 */
import { downloadFile, pathsInfo } from '@huggingface/hub';
import type { Checksum } from './checksum.ts';
import type { HubName } from './hub-name.ts';
import type { HubSettings } from './hub-settings.ts';

/** What the hub says of a file. */
export interface HubFile {
  /** Bytes. */
  readonly size: number;
  readonly checksum: Checksum;
}

/** The hub answered, but not with what was asked for. */
export class HubRefusal extends Error {
  override readonly name = 'HubRefusal';
  /** HTTP's; 404 too where the repository has no such file. */
  readonly status: number;

  constructor(status: number, message = `The hub answers ${status}.`) {
    super(message);
    this.status = status;
  }
}

/** No whole answer came. */
export class HubSilence extends Error {
  override readonly name = 'HubSilence';
}

export interface HubClientOptions extends HubSettings {
  readonly fetch: typeof globalThis.fetch;
  /** Milliseconds without a byte after which a connection counts as dead. */
  readonly idleTimeout: number;
  readonly signal?: AbortSignal;
}

export interface HubClient {
  /** @throws HubRefusal, HubSilence */
  describe(name: HubName): Promise<HubFile>;
  /**
   * The bytes from `start` on, as they come.
   * @throws HubRefusal, HubSilence, which may come after some bytes
   */
  read(name: HubName, file: HubFile, start: number): AsyncGenerator<Uint8Array>;
}

export const createHubClient = (options: HubClientOptions): HubClient => {
  const { endpoint, token } = options;
  const ask = (name: HubName, call: WatchedCall) => ({
    repo: name.repository,
    revision: name.revision,
    hubUrl: endpoint,
    fetch: call.fetch,
    ...(token ? { accessToken: token } : {}),
  });
  return {
    describe: async (name) => {
      const call = watchCall(options);
      try {
        return readInfo(await pathsInfo({ ...ask(name, call), paths: [name.path] }));
      } catch (error) {
        throw call.explain(error);
      } finally {
        call.end();
      }
    },
    read: async function* (name, { size }, start) {
      const call = watchCall(options);
      try {
        // Plain HTTP: the chunk protocol of the hub's own storage needs hosts that mirrors don't have.
        const blob = await downloadFile({ ...ask(name, call), path: name.path, xet: false });
        if (blob?.size !== size) throw new HubRefusal(200, 'The file is of another size now.');
        for await (const chunk of blob.slice(start).stream()) {
          call.alive();
          yield chunk;
        }
      } catch (error) {
        throw call.explain(error);
      } finally {
        call.end();
      }
    },
  };
};

const readInfo = ([info]: Awaited<ReturnType<typeof pathsInfo>>): HubFile => {
  if (info?.type !== 'file') throw new HubRefusal(404);
  const { size, oid = '', lfs } = info;
  const checksum: Checksum = lfs ? { kind: 'sha256', hex: lfs.oid } : { kind: 'git', hex: oid };
  const digits = { sha256: 64, git: 40 }[checksum.kind];
  if (!Number.isSafeInteger(size) || size < 0 || !/^[0-9a-f]+$/.test(checksum.hex))
    throw new HubRefusal(200, unreadable);
  if (checksum.hex.length !== digits) throw new HubRefusal(200, unreadable);
  return { size, checksum };
};

const unreadable = 'The answer is none of a hub.';

/** By the code of what Node throws, beneath the error of fetch. */
const unanswered = (endpoint: string, error: unknown): string => {
  const { cause } = error instanceof Error ? error : {};
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return `No connection to ${new URL(endpoint).host}${code ? ` (${code})` : ''}.`;
};

interface WatchedCall {
  /** Fails where the answer is no success, and where nothing comes for a while. */
  readonly fetch: typeof globalThis.fetch;
  /** Something came. */
  alive(): void;
  /** The reason in this file's words; the client hides some of them. */
  explain(error: unknown): unknown;
  /** Closes what is still open. */
  end(): void;
}

const watchCall = ({ endpoint, fetch, idleTimeout, signal }: HubClientOptions): WatchedCall => {
  const closing = new AbortController();
  let reason: HubRefusal | HubSilence | undefined;
  let timer: NodeJS.Timeout | undefined;
  let answered = false;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      reason = new HubSilence(`Nothing came for ${idleTimeout / 1000} s.`);
      closing.abort(reason);
    }, idleTimeout);
  };
  alive();
  return {
    alive,
    fetch: async (input, init) => {
      const headers = new Headers(init?.headers);
      // The client follows some redirects by itself: what it sends along is for the hub alone.
      const { origin } = new URL(input instanceof Request ? input.url : input);
      if (origin !== new URL(endpoint).origin) headers.delete('authorization');
      const response = await fetch(input, {
        ...init,
        headers,
        signal: AbortSignal.any([closing.signal, ...(signal ? [signal] : [])]),
      });
      alive();
      answered = true;
      const isWhole = response.status === 200 && /^bytes=[1-9]/.test(headers.get('range') ?? '');
      if (response.ok && !isWhole) return response;
      reason = isWhole
        ? new HubRefusal(200, 'The hub gives whole files only.')
        : new HubRefusal(response.status);
      throw reason;
    },
    explain: (error) => {
      if (signal?.aborted) return signal.reason;
      if (reason || error instanceof HubRefusal) return reason ?? error;
      // What goes wrong on the way is a TypeError of fetch, or its mere text.
      const isOnTheWay = !(error instanceof Error) || error instanceof TypeError;
      return isOnTheWay
        ? new HubSilence(answered ? 'The connection broke.' : unanswered(endpoint, error), {
            cause: error,
          })
        : new HubRefusal(200, unreadable);
    },
    end: () => {
      clearTimeout(timer);
      closing.abort();
    },
  };
};
