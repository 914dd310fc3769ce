/** Files of a hub, against a server on this machine that answers and fails as the hub does. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HubServer, startHubServer } from '../../test/hub-server.ts';
import { sha256 } from '../base/hash.ts';
import { createRandom } from '../base/random.ts';
import { type FetchHubFileOptions, fetchHubFile } from './fetch-hub-file.ts';

const random = createRandom(1);
const network = Uint8Array.from({ length: 300_000 }, () => random.integer(256));
const other = network.map((byte) => 255 - byte);
const name = 'hf:owner/nets/small.onnx';

let hub: HubServer;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relearn-hub-'));
  hub = await startHubServer({
    repository: 'owner/nets',
    files: {
      'main/small.onnx': network,
      'main/deep/er/small.onnx': network,
      'main/notes.txt': network.subarray(0, 10),
      'v2/small.onnx': other,
    },
  });
});
afterEach(async () => {
  await hub.close();
  await rm(folder, { recursive: true });
});

const get = (text = name, more: Partial<FetchHubFileOptions> = {}) =>
  fetchHubFile(text, {
    endpoint: hub.url,
    cacheFolder: folder,
    idleTimeout: 5_000,
    pauses: { first: 1, longest: 5 },
    ...more,
  });
const ranges = () =>
  hub.requests
    .filter(({ origin, line }) => origin === 'files' && !line.endsWith('bytes=0-0'))
    .map(({ line }) => line.split(' ')[2] ?? 'all');
const kept = () => readdir(join(folder, 'hub'));

describe('a file of a hub', () => {
  it('is downloaded once, then taken from the cache', async () => {
    expect(Buffer.compare(await get(), network)).toBe(0);
    expect(Buffer.compare(await get(), network)).toBe(0);
    expect(ranges()).toEqual(['all']);
    expect(await kept()).toContain(sha256(network));
  });

  it.each([
    ['hf:owner/nets/deep/er/small.onnx', network],
    ['hf:owner/nets@v2/small.onnx', other],
    // Small files lie in Git itself, whose checksum is another.
    ['hf:owner/nets/notes.txt', network.subarray(0, 10)],
  ])('is found as %s', async (text, expected) => {
    expect(Buffer.compare(await get(text), expected)).toBe(0);
  });

  it('tells how far it is', async () => {
    const seen: [number, number][] = [];
    await get(name, { onDownload: ({ done, total }) => void seen.push([done, total]) });
    expect(seen[0]).toEqual([0, network.length]);
    expect(seen.at(-1)).toEqual([network.length, network.length]);
    expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).sort((a, b) => a - b));
  });

  it('arrives over a line that breaks again and again, each byte once', async () => {
    hub.faults.cuts = Array.from({ length: 12 }, () => 20_000);
    const seen: number[] = [];
    const file = await get(name, { onDownload: ({ done }) => void seen.push(done) });
    expect(Buffer.compare(file, network)).toBe(0);
    expect(ranges()).toHaveLength(13);
    expect(ranges()[1]).toBe('bytes=20000-299999');
  });

  it('goes on in the next run where this one was stopped', async () => {
    const stop = new AbortController();
    const stopped = get(name, {
      signal: stop.signal,
      onDownload: ({ done }) => {
        if (done > 0) stop.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    const seen: number[] = [];
    const file = await get(name, { onDownload: ({ done }) => void seen.push(done) });
    expect(Buffer.compare(file, network)).toBe(0);
    expect(seen[0]).toBeGreaterThan(0);
    expect(ranges().at(-1)).toBe(`bytes=${seen[0]}-299999`);
  });

  it('may be downloaded by two at once', async () => {
    hub.faults.cuts = Array.from({ length: 6 }, () => 50_000);
    const [first, second] = await Promise.all([get(), get()]);
    expect(Buffer.compare(first, network)).toBe(0);
    expect(Buffer.compare(second, network)).toBe(0);
  });

  it('is asked for again where the hub is busy', async () => {
    hub.faults.statuses = [503, 429, 500];
    expect(Buffer.compare(await get(), network)).toBe(0);
  });

  it('is downloaded again where the copy in the cache is damaged', async () => {
    await get();
    await writeFile(join(folder, 'hub', sha256(network)), other);
    expect(Buffer.compare(await get(), network)).toBe(0);
    expect(ranges()).toEqual(['all', 'all']);
  });
});

describe('without a hub', () => {
  it('the copy that is here is used, and said to be', async () => {
    await get();
    const { url } = hub;
    await hub.close();
    const lines: string[] = [];
    const file = await get(name, { endpoint: url, onLine: (line) => void lines.push(line) });
    expect(Buffer.compare(file, network)).toBe(0);
    expect(lines).toEqual([
      `The hub can't be reached: the copy of ${name} that is here already is used.`,
    ]);
  });

  it('a damaged copy is not used', async () => {
    await get();
    await writeFile(join(folder, 'hub', sha256(network)), other);
    hub.faults.silent = true;
    await expect(get(name, { idleTimeout: 50 })).rejects.toMatchObject({
      code: 'hub_unreachable',
    });
  });

  it('names the host that does not answer', async () => {
    await expect(get(name, { endpoint: 'http://127.0.0.1:1' })).rejects.toMatchObject({
      code: 'hub_unreachable',
      message: expect.stringContaining('No connection to 127.0.0.1:1'),
      hint: expect.stringContaining('HF_ENDPOINT'),
    });
  });

  it('says what to do', async () => {
    hub.faults.silent = true;
    await expect(get(name, { idleTimeout: 50 })).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'hub_unreachable',
      message: `${name} can't be downloaded from ${hub.url}: Nothing came for 0.05 s.`,
      hint: expect.stringContaining(
        `download ${hub.url}/owner/nets/resolve/main/small.onnx elsewhere and name the file: --architecture FILE.onnx`,
      ),
    });
  });
});

describe('what is not the file', () => {
  it.each([
    [
      'other bytes',
      () => {
        hub.faults.replaced = other;
      },
    ],
    [
      'fewer bytes, as many as were promised',
      () => {
        hub.faults.replaced = new Uint8Array(network.length);
      },
    ],
  ])('%s are refused and deleted', async (_, spoil) => {
    spoil();
    await expect(get()).rejects.toMatchObject({ kind: 'corrupt', code: 'hub_checksum' });
    expect(await kept()).toEqual([]);
    hub.faults.replaced = undefined;
    expect(Buffer.compare(await get(), network)).toBe(0);
  });

  it('a file of another size than promised is refused', async () => {
    hub.faults.replaced = network.subarray(1);
    await expect(get()).rejects.toMatchObject({
      code: 'hub_refused',
      message: expect.stringContaining('The file is of another size now.'),
    });
  });

  it('a page of a captive portal is none of a hub', async () => {
    hub.faults.page = '<html>Pay for the WLAN</html>';
    await expect(get()).rejects.toMatchObject({
      code: 'hub_refused',
      message: expect.stringContaining('The answer is none of a hub.'),
    });
  });

  it('a file beyond the limit is not even begun', async () => {
    hub.faults.claimedSize = 3e9;
    await expect(get()).rejects.toMatchObject({
      code: 'hub_file_too_large',
      message: `${name} has 3000000000 bytes; at most 1073741824 can be used.`,
    });
    expect(ranges()).toEqual([]);
  });

  it('a server without ranges cannot go on, and says so', async () => {
    hub.faults.withoutRanges = true;
    await expect(get()).rejects.toMatchObject({ code: 'hub_refused' });
  });

  it.each([
    ['hf:owner/nets/none.onnx', 'hub_file_not_found', 'is not there'],
    ['hf:owner/nets@v9/small.onnx', 'hub_file_not_found', 'is not there'],
    ['hf:owner/nowhere/small.onnx', 'hub_file_not_found', 'is not there'],
  ])('%s: %s', async (text, code, message) => {
    await expect(get(text)).rejects.toMatchObject({
      kind: 'invalid',
      code,
      message: expect.stringContaining(message),
    });
  });

  it.each([
    'hf:nets/small.onnx',
    'hf:owner/nets',
    'hf:owner/nets/',
    'hf:owner/nets/../../etc/passwd',
    'hf:owner/nets/a?b.onnx',
    'hf:owner/nets@/small.onnx',
    'hf:owner/nets/a//b.onnx',
    'hf://owner/nets/small.onnx',
  ])('%s names nothing', async (text) => {
    await expect(get(text)).rejects.toMatchObject({ kind: 'usage', code: 'invalid_hub_name' });
    expect(hub.requests).toEqual([]);
  });
});

describe('a private file', () => {
  const token = 'hf_secretsecret';
  beforeEach(async () => {
    await hub.close();
    hub = await startHubServer({
      repository: 'owner/nets',
      files: { 'main/small.onnx': network },
      token,
    });
  });

  it('is read with a token, which only the hub itself ever sees', async () => {
    hub.faults.cuts = [100_000];
    expect(Buffer.compare(await get(name, { token }), network)).toBe(0);
    const sent = (origin: string) =>
      new Set(
        hub.requests.filter((each) => each.origin === origin).map((each) => each.authorization),
      );
    expect(sent('hub')).toEqual(new Set([`Bearer ${token}`]));
    expect(sent('files')).toEqual(new Set(['']));
  });

  it('stands nowhere in the cache', async () => {
    await get(name, { token });
    for (const file of await kept())
      expect(await readFile(join(folder, 'hub', file), 'latin1')).not.toContain('hf_secret');
  });

  it.each([401, 403])('is refused with %d where the token may not', async (status) => {
    hub.faults.statuses = [status];
    const error = await get(name, { token }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ kind: 'invalid', code: 'hub_refused' });
    expect((error as { hint: string }).hint).toContain('HF_TOKEN');
    expect(JSON.stringify([error, (error as Error).message, (error as Error).cause])).not.toContain(
      'hf_secret',
    );
  });

  it('needs one', async () => {
    await expect(get()).rejects.toMatchObject({ code: 'hub_refused' });
  });
});
