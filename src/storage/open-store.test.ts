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
  's3://bucket',
  's3://bucket/prefix/?region=eu-west-1&pathStyle=true',
  's3://bucket?endpoint=http://127.0.0.1:7480&checksums=always',
  's3://bucket?endpoint=storage.example.com:9000',
  's3://bucket?endpoint=https://storage.example.com/storage/v1/s3',
  'oss://bucket/a/b?region=oss-cn-shanghai&internal=true',
  's3://bucket/my pictures/猫',
  's3://bucket/my%20pictures/100%25',
  's3://bucket/',
])('opens %s without a call', async (url) => {
  expect((await openStore(url, options)).location).toBe(url);
});

it.each([
  ['ftp://host/x', 'invalid_store'],
  ['constructor:x', 'invalid_store'],
  ['file:', 'invalid_store'],
  ['file://host/share', 'invalid_store'],
  ['', 'invalid_store'],
  ['s3://', 'invalid_store'],
  ['s3:bucket', 'invalid_store'],
  ['s3://Bucket', 'invalid_store'],
  ['s3://key:secret@bucket', 'invalid_store'],
  ['s3://bucket/a//b', 'invalid_store'],
  ['s3://bucket/../b?region=x&region=y', 'invalid_store'],
  ['s3://bucket/%', 'invalid_store'],
  ['s3://bucket/../b', 'invalid_store'],
  ['s3://bucket/a/../b', 'invalid_store'],
  ['s3://bucket/./b', 'invalid_store'],
  ['s3://bucket/a/%2e%2e/b', 'invalid_store'],
  ['s3://bucket//', 'invalid_store'],
  ['s3://bucket//b', 'invalid_store'],
  ['s3://bucket/b//', 'invalid_store'],
  ['s3://bucket/a\\b', 'invalid_store'],
  ['s3://bucket/a\tb', 'invalid_store'],
  ['s3://buc\nket', 'invalid_store'],
  ['s3://bucket/a\u200bb', 'invalid_store'],
  ['s3://bucket/a\u202eb', 'invalid_store'],
  ['s3://bucket/a%00b', 'invalid_store'],
  ['s3://bucket/b ', 'invalid_store'],
  [' s3://bucket/b', 'invalid_store'],
  ['s3://bucket?region=eu-west-1\u007f', 'invalid_store'],
  ['s3://a..b', 'invalid_store'],
  [`s3://bucket/${'a/'.repeat(401)}b`, 'invalid_store'],
  ['file:///tmp/a\nb', 'invalid_store'],
  ['s3://bucket?regoin=eu-west-1', 'invalid_store'],
  ['s3://bucket?pathStyle=yes', 'invalid_store'],
  ['s3://bucket?endpoint=http://', 'invalid_store'],
  ['s3://bucket?endpoint=ftp://host', 'invalid_store'],
  ['s3://bucket?endpoint=s3://other', 'invalid_store'],
  ['s3://bucket?endpoint=http://user@host', 'invalid_store'],
  ['s3://bucket?endpoint=http://host%23part', 'invalid_store'],
  ['s3://bucket?endpoint=http://host/bucket', 'invalid_store'],
  ['s3://bucket?endpoint=http://host/some/bucket/', 'invalid_store'],
  ['oss://bucket?region=cn-shanghai&endpoint=http://host/path', 'invalid_store'],
  ['s3://bucket#part', 'invalid_store'],
  ['oss://bucket/prefix', 'invalid_store'],
  ['oss://bucket?region=cn-shanghai&checksums=always', 'invalid_store'],
])('refuses %j with a hint', async (url, code) => {
  await expect(openStore(url, options)).rejects.toMatchObject({
    kind: 'usage',
    code,
    hint: expect.any(String),
  });
});

it.each([
  ['s3://bucket/a/../b', /"\.\." can't be a part of its path/],
  ['s3://bucket/a//b', /"" can't be a part of its path/],
  ['s3://bucket/a\u200bb', /U\+200B/],
  ['s3://bucket/b ', /a space/],
  ['s3://bucket?endpoint=ftp://host', /the endpoint "ftp:\/\/host" begins with neither/],
  ['s3://bucket?endpoint=http://host/bucket', /the endpoint .* names the bucket/],
  ['oss://bucket?region=cn-shanghai&endpoint=http://host/path', /the endpoint .* has a path/],
])('says what is wrong with %j', async (url, message) => {
  await expect(openStore(url, options)).rejects.toThrow(message);
});

it('repeats no secret of a URL', async () => {
  for (const url of ['s3://key:secret@bucket', 's3://bucket?endpoint=http://key:secret@host']) {
    await expect(openStore(url, options)).rejects.toMatchObject({
      message: expect.not.stringContaining('secret'),
    });
  }
});

it.each(['', ' '])('an empty address (%j) names where it may come from', async (url) => {
  await expect(openStore(url, options)).rejects.toMatchObject({
    code: 'invalid_store',
    message: expect.stringContaining('RELEARN_STORE'),
  });
});
