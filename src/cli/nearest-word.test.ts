import { expect, it } from 'vitest';
import { nearestWord } from './nearest-word.ts';

it.each([
  ['fedback', 'feedback'],
  ['Feedback', 'feedback'],
  ['predcit', 'predict'],
  ['train', 'train'],
  ['trian', 'train'],
  ['instance', undefined],
  ['', undefined],
])('%s is meant as %s', (word, expected) => {
  expect(nearestWord(word, ['predict', 'feedback', 'train'])).toBe(expected);
});
