import { expect, it } from 'vitest';
import * as keys from './keys.ts';

const hash = 'ab'.repeat(32);

it('makes keys of the agreed letters only', () => {
  const made = [
    keys.settingsKey,
    keys.logSlotKey(12),
    keys.heartbeatKey(12),
    keys.feedbackKey('cat', hash),
    keys.archiveKey('label-1', hash),
    keys.quarantineKey('feedback/cat/x.jpg', hash, 12),
    keys.quarantineNoteKey(keys.quarantineKey('feedback/cat/x.jpg', hash, 12)),
    keys.importManifestKey('i-1'),
    keys.shardKey('i-1', 'train', 3),
    keys.backboneKey(hash),
    keys.backboneKey(hash, 12),
    keys.featureShardKey(hash, hash),
    keys.predictionKey('p-1'),
    keys.voteKey('v-1'),
    keys.modelKey(hash, 12),
    keys.modelCardKey(hash, 12),
    keys.runRecordKey('r-1'),
    keys.trainingManifestKey('r-1'),
    keys.probeKey('x-1'),
  ];
  for (const key of made) expect(key).toMatch(/^[a-z0-9/_.-]+$/);
  expect(new Set(made).size).toBe(made.length);
  expect(made).toMatchSnapshot();
});

it('knows which names promise the hash of what lies there', () => {
  const promising = [
    keys.modelKey(hash, 12),
    keys.backboneKey(hash),
    keys.backboneKey(hash, 12),
    keys.featureShardKey('cd'.repeat(32), hash),
    keys.checkpointPartKey('r-1', hash),
    keys.quarantineKey('feedback/cat/x.jpg', hash, 12),
  ];
  for (const key of promising) expect(keys.promisedHash(key)).toBe(hash);
  const others = [
    keys.settingsKey,
    keys.feedbackKey('cat', hash),
    keys.archiveKey('cat', hash),
    keys.quarantineNoteKey(keys.quarantineKey('feedback/cat/x.jpg', hash, 12)),
    keys.modelCardKey(hash, 12),
    `x/${keys.modelKey(hash, 12)}`,
  ];
  for (const key of others) expect(keys.promisedHash(key)).toBeUndefined();
});

it('reads back when an answer was given again', () => {
  const key = keys.renewalKey(hash, 1_764_000_000_000, 'label-1');
  expect(key).toMatch(/^[a-z0-9/_.-]+$/);
  expect(key.startsWith(keys.renewalsPrefix(hash))).toBe(true);
  expect(keys.parseRenewalKey(key)).toEqual({ at: 1_764_000_000_000, labelId: 'label-1' });
  expect(keys.parseRenewalKey(keys.voteKey(hash))).toBeUndefined();
});

it('parses slot names exactly', () => {
  expect(keys.logSlotKey(7)).toBe('log/00000000000000000007.json');
  expect(keys.parseLogSlotKey(keys.logSlotKey(7))).toBe(7);
  for (const key of [
    'log/7.json',
    'log/00000000000000000007.json.bak',
    'log/checkpoint/00000000000000000007.json',
    'xlog/00000000000000000007.json',
    'log/99999999999999999999.json',
    'log/0000000000000000000x.json',
  ]) {
    expect(keys.parseLogSlotKey(key)).toBeUndefined();
  }
});

it('tells own items from foreign objects', () => {
  expect(keys.parseItemKey(keys.feedbackKey('cat', hash))).toEqual({
    labelId: 'cat',
    sha256: hash,
  });
  expect(keys.parseItemKey(keys.archiveKey('cat', hash))).toEqual({ labelId: 'cat', sha256: hash });
  for (const key of [
    `feedback/${hash}`,
    'feedback/cat/x.jpg',
    `feedback/cat/a/${hash}`,
    `x/cat/${hash}`,
  ]) {
    expect(keys.parseItemKey(key)).toBeUndefined();
  }
});

it('tells what was set aside again from what was set aside elsewhere', () => {
  const { id, epoch } = keys.parseQuarantineKey(keys.quarantineKey('a', hash, 12)) ?? {};
  expect(epoch).toBe(12);
  expect(keys.parseQuarantineKey(keys.quarantineKey('a', hash, 13))).toEqual({ id, epoch: 13 });
  expect(keys.parseQuarantineKey(keys.quarantineKey('b', hash, 12))?.id).not.toBe(id);
  expect(keys.parseQuarantineKey('quarantine/x')).toBeUndefined();
});

it('knows the run that a checkpoint belongs to', () => {
  expect(keys.parseCheckpointKey(keys.checkpointKey('r1'))).toBe('r1');
  expect(keys.parseCheckpointKey(keys.checkpointPartKey('r1', hash))).toBe('r1');
  for (const key of ['runs/r1/run.json', 'runs/r1/checkpoint/x', `base/r1/checkpoint/${hash}`]) {
    expect(keys.parseCheckpointKey(key)).toBeUndefined();
  }
});
