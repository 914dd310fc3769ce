/**
 * A store in a bucket: the port's calls as requests of S3 or OSS. Every object carries the hash of
 * its bytes, so that a damaged answer is noticed, and the id of the write that made it: by it a
 * writer recognises its own object where the answer to its first try was lost.
 */
import { RelearnError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { checkKey, isKey, whyNoKey } from '../object-key.ts';
import type { ObjectInfo, ObjectStore } from '../object-store.ts';
import { leavesOpen, meaningOfError, Refusal } from './answers.ts';
import type { BucketClient } from './bucket-client.ts';
import { type Attempt, ambiguousWrite, bucketError } from './bucket-error.ts';
import { readListPage, toWholeSeconds } from './list-page.ts';
import type { Answer, Dialect } from './request.ts';
import { readXml, textOf } from './xml.ts';

export interface BucketStoreOptions {
  readonly client: BucketClient;
  readonly dialect: Dialect;
  /** For people, without secrets. */
  readonly location: string;
  readonly bucket: string;
  /** Before every key: empty, or ending in a slash. */
  readonly prefix: string;
  /** Unique names. */
  newId(): string;
  /** As the port has it. */
  above(): Promise<readonly ObjectStore[]>;
}

const mostInPage = 1000;

export const createBucketStore = (options: BucketStoreOptions): ObjectStore => {
  const { client, dialect, location, bucket, prefix, newId, above } = options;
  const hashHeader = `${dialect.metadataPrefix}sha256`;
  const writeIdHeader = `${dialect.metadataPrefix}write-id`;

  const attempting = (doing: Attempt['doing'], key: string): Attempt => ({
    location,
    bucket,
    doing,
    key,
  });

  /** Runs a call and says what went wrong in the port's words. */
  const explain = async <T>(attempt: Attempt, call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      throw bucketError(error, attempt);
    }
  };

  /** Undefined where there is no such object. A missing bucket stays an error. */
  const ifFound = async (call: () => Promise<Answer>): Promise<Answer | undefined> => {
    try {
      return await call();
    } catch (error) {
      if (meaningOfError(error) === 'no-object') return undefined;
      throw error;
    }
  };

  const send = (key: string, body: Uint8Array, writeId: string, more = {}): Promise<Answer> =>
    client({
      method: 'PUT',
      key: prefix + key,
      body,
      headers: {
        'content-type': 'application/octet-stream',
        ...dialect.integrityOf(body),
        [hashHeader]: sha256(body),
        [writeIdHeader]: writeId,
        ...more,
      },
    });

  const look = (key: string, patience?: number) =>
    ifFound(() => client({ method: 'HEAD', key: prefix + key }, patience));

  /** Whose object lies there, after a put that was refused or whose outcome is unknown. */
  const whoWon = async (key: string, writeId: string, cause: unknown) => {
    // After a put that was tried again and again in vain, one more call decides.
    const found = await look(key, leavesOpen(cause) ? 0 : undefined).catch(() => {
      throw ambiguousWrite(key, cause);
    });
    if (found) return found.headers[writeIdHeader] === writeId ? 'created' : 'exists';
    if (leavesOpen(cause)) throw ambiguousWrite(key, cause);
    return 'exists'; // taken at the time, and deleted since
  };

  const checkBytes = (key: string, { headers, body }: Answer): Uint8Array => {
    const expected = headers[hashHeader];
    if (expected === undefined || sha256(body) === expected) return body;
    throw new RelearnError('corrupt', 'object_damaged', `${key} is not what was stored.`, {
      hint: 'Read it again; if it stays so, restore it from a backup.',
      details: { key },
    });
  };

  async function* listPages(start: string, startAfter: string, pageSize: number) {
    for (let last = startAfter; ; ) {
      const answer = await client({
        method: 'GET',
        query: {
          'list-type': '2',
          'encoding-type': 'url',
          'max-keys': String(pageSize),
          // Left out where it is empty: clients of OSS do not agree on how to sign that.
          ...(start === '' ? {} : { prefix: start }),
          ...(last === '' ? {} : { 'start-after': last }),
        },
      });
      const page = readListPage(answer.body);
      if (!page) throw new Refusal({ ...answer, status: 502 });
      yield page.objects;
      const next = page.objects.at(-1)?.key;
      if (!page.hasMore || next === undefined) return;
      last = next;
    }
  }

  return {
    location,
    async get(key) {
      checkKey(key);
      const found = await explain(attempting('read', key), () =>
        ifFound(() => client({ method: 'GET', key: prefix + key })),
      );
      return found && checkBytes(key, found);
    },
    async head(key) {
      checkKey(key);
      const found = await explain(attempting('read', key), () => look(key));
      if (!found) return undefined;
      const { 'content-length': size, 'last-modified': time = '' } = found.headers;
      return { key, size: Number(size), modifiedAt: toWholeSeconds(time) };
    },
    async put(key, bytes) {
      checkKey(key);
      await explain(attempting('write', key), () => send(key, bytes, newId()));
    },
    async putIfAbsent(key, bytes) {
      checkKey(key);
      const writeId = newId();
      return explain(attempting('write', key), async () => {
        try {
          await send(key, bytes, writeId, dialect.createOnly);
          return 'created';
        } catch (error) {
          if (meaningOfError(error) !== 'exists' && !leavesOpen(error)) throw error;
          return whoWon(key, writeId, error);
        }
      });
    },
    async *list(start, { startAfter = '', limit = Number.POSITIVE_INFINITY } = {}) {
      // What is no key (a console's folder marker, a name with control characters) is not ours.
      const toInfo = (found: ObjectInfo): readonly ObjectInfo[] => {
        const key = found.key.slice(prefix.length);
        return isKey(key) ? [{ ...found, key }] : [];
      };
      let left = limit;
      if (left <= 0) return;
      try {
        const after = startAfter === '' ? '' : prefix + startAfter;
        const pageSize = Math.min(mostInPage, limit);
        for await (const objects of listPages(prefix + start, after, pageSize)) {
          for (const info of objects.flatMap(toInfo)) {
            yield info;
            if (--left <= 0) return;
          }
        }
      } catch (error) {
        throw bucketError(error, attempting('list', start));
      }
    },
    async *misnamed(start) {
      try {
        for await (const objects of listPages(prefix + start, '', mostInPage)) {
          for (const { key: full, size, modifiedAt } of objects) {
            const name = full.slice(prefix.length);
            const fault = whyNoKey(name);
            if (!fault) continue;
            const call = (method: 'GET' | 'DELETE') =>
              explain(attempting(method === 'GET' ? 'read' : 'write', name), () =>
                ifFound(() => client({ method, key: full })),
              );
            const read = async () => (await call('GET'))?.body;
            const remove = async () => void (await call('DELETE'));
            yield { name, size, modifiedAt, fault, read, remove };
          }
        }
      } catch (error) {
        throw bucketError(error, attempting('list', start));
      }
    },
    async delete(key) {
      checkKey(key);
      await explain(attempting('write', key), () =>
        ifFound(() => client({ method: 'DELETE', key: prefix + key })),
      );
    },
    above,
    async whyUnfit() {
      if (dialect.name !== 'OSS') return undefined;
      const answer = await client({ method: 'GET', query: { versioning: null } }).catch(() => null);
      const root = answer && readXml(answer.body);
      const status = root && textOf(root, 'Status');
      if (!status) return undefined;
      return new RelearnError(
        'unavailable',
        'storage_versioned',
        `The bucket ${bucket} has versioning (${status}), with which OSS lets a create-only write replace.`,
        {
          hint: 'Use a bucket on which versioning was never enabled; suspending it is not enough.',
        },
      );
    },
  };
};
