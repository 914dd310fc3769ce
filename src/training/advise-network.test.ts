/** Few pictures are told, with what helps. */
import { expect, it } from 'vitest';
import { adviseNetwork } from './advise-network.ts';

const pictures = (...counts: readonly number[]) =>
  counts.flatMap((count, label) => Array.from({ length: count }, () => ({ label })));

it('names the class with the fewest pictures and a pretrained network', () => {
  expect(adviseNetwork(['cat', 'dog'], pictures(600, 20))).toBe(
    '20 training pictures of dog: few for a network that starts from nothing. A pretrained one learns from some dozens: relearn train --architecture FILE.onnx',
  );
  expect(adviseNetwork(['cat', 'dog'], pictures(1, 20))).toMatch('1 training picture of cat:');
});

it('says nothing where every class has many', () => {
  expect(adviseNetwork(['cat', 'dog'], pictures(500, 900))).toBeUndefined();
});
