import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { openStore } from './open-store.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relearn store-'));
});
afterAll(() => rm(folder, { recursive: true }));

const options = { clock: systemClock, newId: () => 'id' };

it('opens a path and a file URL of it', async () => {
  for (const url of [folder, pathToFileURL(folder).href, `file:${folder}`]) {
    expect((await openStore(url, options)).location).toBe(folder);
  }
});

it.each([
  ['s3://bucket/prefix', 'store_not_supported'],
  ['oss://bucket/prefix?region=x', 'store_not_supported'],
  ['ftp://host/x', 'invalid_store'],
  ['constructor:x', 'invalid_store'],
  ['file:', 'invalid_store'],
  ['file://host/share', 'invalid_store'],
  ['', 'invalid_store'],
])('refuses %j with a hint', async (url, code) => {
  await expect(openStore(url, options)).rejects.toMatchObject({
    kind: 'usage',
    code,
    hint: expect.any(String),
  });
});
