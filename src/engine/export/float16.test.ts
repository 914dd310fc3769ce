import { expect, it } from 'vitest';
import { toFloat16 } from './float16.ts';

it.each([
  ['zero', 0, 0x0000],
  ['minus zero', -0, 0x8000],
  ['one', 1, 0x3c00],
  ['minus two', -2, 0xc000],
  ['a third, rounded to nearest', 1 / 3, 0x3555],
  ['a tie to the even neighbour below', 1 + 2 ** -11, 0x3c00],
  ['a tie to the even neighbour above', 1 + 3 * 2 ** -11, 0x3c02],
  ['a fraction that rounds up into the next exponent', 2 - 2 ** -12, 0x4000],
  ['the largest half', 65_504, 0x7bff],
  ['just too large, a tie', 65_520, 0x7c00],
  ['far too large', -1e10, 0xfc00],
  ['the smallest normal half', 2 ** -14, 0x0400],
  ['the largest subnormal half', 2 ** -14 - 2 ** -24, 0x03ff],
  ['the smallest subnormal half', 2 ** -24, 0x0001],
  ['half of it, a tie to zero', 2 ** -25, 0x0000],
  ['a little more than half of it', 2 ** -25 * 1.01, 0x0001],
  ['far too small', 1e-20, 0x0000],
  ['infinity', Number.POSITIVE_INFINITY, 0x7c00],
  ['no number', Number.NaN, 0x7e00],
])('%s', (_, number, bits) => {
  expect(toFloat16(Float32Array.of(number))[0]).toBe(bits);
});
