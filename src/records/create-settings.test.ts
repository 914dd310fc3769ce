import { expect, it } from 'vitest';
import { createMemoryStore } from '../storage/memory.ts';
import { createSettings } from './create-settings.ts';
import { logSlotKey } from './keys.ts';
import { findLabel, resolveLabel } from './resolve-label.ts';
import { loadSettings, refuseExistingStore, saveNewSettings } from './stored-settings.ts';

it('fills in what was not asked for', () => {
  expect(createSettings({ labels: ['cat', 'dog'] })).toEqual({
    formatVersion: 1,
    labels: ['cat', 'dog'],
    labelIds: ['cat', 'dog'],
    aliases: { cats: 'cat', dogs: 'dog' },
    architecture: 'compact',
    imageSize: 96,
    threshold: 1000,
    holdout: 0.15,
    validation: 0.05,
  });
  expect(createSettings({ labels: ['a', 'b'], architecture: 'article' }).imageSize).toBe(224);
  expect(createSettings({ labels: ['a', 'b'], imageSize: 64 }).imageSize).toBe(64);
});

it('adds plain plurals unless that name is taken', () => {
  const { aliases } = createSettings({
    labels: ['cat', 'cats', 'dog'],
    aliases: { dogs: 'cat', kitty: 'cat' },
  });
  expect(aliases).toEqual({ dogs: 'cat', kitty: 'cat', catss: 'cats' });
});

it('adds no plural to what does not end in a Latin letter', () => {
  const { aliases } = createSettings({ labels: ['猫', '🐶', '7', 'café', 'кот'] });
  expect(aliases).toEqual({ cafés: 'café' });
});

it('takes names that look odd and are none of its business', () => {
  const labels = ['big dog', 'constructor', 'toString', '10', '9', '...', 'a=b', '🐶'];
  expect(createSettings({ labels }).labels).toEqual(labels);
  const many = Array.from({ length: 300 }, (_, n) => `class ${n}`);
  expect(createSettings({ labels: many }).labels).toEqual(many);
});

it('gives every label an ASCII id of its own', () => {
  const ids = (labels: string[]) => createSettings({ labels }).labelIds;
  expect(ids(['猫', '狗', 'other'])).toEqual(['label-1', 'label-2', 'other']);
  expect(ids(['Cat', 'dog', 'big dog'])).toEqual(['label-1', 'dog', 'label-3']);
  expect(new Set(ids(['label-2', '猫', 'label-1'])).size).toBe(3);
});

it('takes one spelling of a letter for the other', () => {
  const settings = createSettings({ labels: ['caf\u0065\u0301', 'tea'] });
  expect(settings.labels[0]).toBe('caf\u00e9');
  expect(findLabel(settings, 'caf\u0065\u0301s')).toEqual({
    index: 0,
    label: 'café',
    id: 'label-1',
  });
});

it.each([
  [{ labels: ['cat'] }, 'too_few_labels'],
  [{ labels: ['cat', 'cat'] }, 'duplicate_label'],
  [{ labels: ['cat', ' cat '] }, 'duplicate_label'],
  [{ labels: ['cat', 'CAT'] }, 'duplicate_label'],
  [{ labels: ['caf\u00e9', 'cafe\u0301'] }, 'duplicate_label'],
  [{ labels: ['cat', '\uff43at'] }, 'duplicate_label'],
  [{ labels: ['cat', ''] }, 'invalid_label'],
  [{ labels: ['cat', '..'] }, 'invalid_label'],
  [{ labels: ['cat', '__proto__'] }, 'invalid_label'],
  [{ labels: ['cat', '../dog'] }, 'invalid_label'],
  [{ labels: ['cat', 'a\\b'] }, 'invalid_label'],
  [{ labels: ['cat', 'a\nb'] }, 'invalid_label'],
  [{ labels: ['cat', 'a\u202eb'] }, 'invalid_label'],
  [{ labels: ['cat', 'x'.repeat(101)] }, 'invalid_label'],
  [{ labels: ['cat', 'dog'], aliases: { kitty: 'horse' } }, 'unknown_label'],
  [{ labels: ['cat', 'dog'], aliases: { dog: 'cat' } }, 'invalid_alias'],
  [{ labels: ['cat', 'dog'], architecture: 'huge' }, 'unknown_architecture'],
  [{ labels: ['cat', 'dog'], architecture: 'constructor' }, 'unknown_architecture'],
  [{ labels: ['cat', 'dog'], architecture: 'article', imageSize: 224 }, 'image_size_fixed'],
  [{ labels: ['cat', 'dog'], imageSize: 8 }, 'invalid_setting'],
  [{ labels: ['cat', 'dog'], imageSize: 96.5 }, 'invalid_setting'],
  [{ labels: ['cat', 'dog'], threshold: 0 }, 'invalid_setting'],
  [{ labels: ['cat', 'dog'], threshold: 1.5 }, 'invalid_setting'],
  [{ labels: ['cat', 'dog'], holdout: 0 }, 'invalid_setting'],
  [{ labels: ['cat', 'dog'], holdout: Number.NaN }, 'invalid_setting'],
  [{ labels: ['cat', 'dog'], holdout: 0.8, validation: 0.2 }, 'invalid_setting'],
])('refuses %j', (input, code) => {
  expect(() => createSettings(input)).toThrow(
    expect.objectContaining({ kind: 'usage', code, hint: expect.any(String) }),
  );
});

it('is not made anew where a log tells of a store that lost its own', async () => {
  const store = createMemoryStore();
  await store.putIfAbsent(logSlotKey(1), Buffer.from('{}'));
  const missing = { kind: 'corrupt', code: 'settings_missing' };
  await expect(loadSettings(store)).rejects.toMatchObject(missing);
  await expect(refuseExistingStore(store)).rejects.toMatchObject(missing);
});

it('is stored once and read back the same', async () => {
  const store = createMemoryStore();
  await expect(loadSettings(store)).rejects.toMatchObject({ code: 'store_not_found' });
  const settings = createSettings({ labels: ['猫', 'dog'], threshold: 5 });
  await refuseExistingStore(store);
  await saveNewSettings(store, settings);
  expect(await loadSettings(store)).toEqual(settings);
  await expect(refuseExistingStore(store)).rejects.toMatchObject({ code: 'store_exists' });
  await store.putIfAbsent(logSlotKey(1), Buffer.from('{}'));
  await expect(
    saveNewSettings(store, createSettings({ labels: ['x', 'y'] })),
  ).rejects.toMatchObject({ code: 'store_exists' });
  expect(await loadSettings(store)).toEqual(settings);
});

it.each([
  '',
  '{}',
  'null',
  '{"formatVersion":1}',
  JSON.stringify({ ...createSettings({ labels: ['a', 'b'] }), labelIds: ['a', 'a'] }),
  JSON.stringify({ ...createSettings({ labels: ['a', 'b'] }), aliases: { x: 'nothing' } }),
])('is refused where it is damaged: %s', async (body) => {
  const store = createMemoryStore();
  await store.put('settings', Buffer.from(body));
  await expect(loadSettings(store)).rejects.toMatchObject({
    kind: 'corrupt',
    code: 'corrupt_record',
  });
});

it.each([
  ['', 'it is not JSON'],
  ['{"formatVersion":1', 'it is not JSON'],
  ['null', 'it should be an object'],
  [{ threshold: '1000' }, 'threshold should be a number'],
  [{ threshold: undefined }, 'threshold is missing'],
  [{ threshold: 0 }, 'threshold should be more than 0'],
  [{ threshold: 1.5 }, 'threshold should be a whole number'],
  [{ holdout: 1 }, 'holdout should be less than 1'],
  [{ labels: ['cat'], labelIds: ['cat'], aliases: {} }, 'labels should hold at least 2'],
  [{ labels: ['cat', 7] }, 'labels.1 should be text'],
  [{ labels: ['cat', ''], aliases: {} }, 'labels.1 should hold at least 1'],
  [{ labelIds: ['CAT', 'dog'] }, 'labelIds.0 has a wrong form'],
  [{ labelIds: ['a', 'a'] }, 'every label needs one id of its own'],
  [{ aliases: 7 }, 'aliases should be an object'],
  [
    { imageSize: 'x', threshold: 'y' },
    'imageSize should be a number; threshold should be a number',
  ],
])('says what is wrong in it: %j', async (change, detail) => {
  const whole = createSettings({ labels: ['cat', 'dog'] });
  const body = typeof change === 'string' ? change : JSON.stringify({ ...whole, ...change });
  const store = createMemoryStore({ location: 's3://bucket/p' });
  await store.put('settings', Buffer.from(body));
  await expect(loadSettings(store)).rejects.toMatchObject({
    code: 'corrupt_record',
    message: `The object settings in s3://bucket/p is damaged: ${detail}.`,
    hint: expect.stringContaining('backup'),
    details: { key: 'settings' },
  });
});

it('asks for an upgrade where a newer release made it, whatever else it holds', async () => {
  const store = createMemoryStore();
  await store.put('settings', Buffer.from(JSON.stringify({ formatVersion: 2, classes: [] })));
  await expect(loadSettings(store)).rejects.toMatchObject({
    kind: 'unavailable',
    code: 'store_too_new',
    hint: expect.stringContaining('Upgrade'),
  });
});

it('resolves labels and aliases, and nothing that merely looks like one', () => {
  const settings = createSettings({ labels: ['cat', 'dog'] });
  expect(resolveLabel(settings, 'dogs')).toEqual({ index: 1, label: 'dog', id: 'dog' });
  for (const name of ['Dog', 'constructor', '__proto__', '', 'cat/dog', 'catss']) {
    expect(() => resolveLabel(settings, name)).toThrow(
      expect.objectContaining({ code: 'unknown_label', details: { labels: ['cat', 'dog'] } }),
    );
  }
});
