import { expect, test } from 'vitest';
import { crc32c, maskedCrc32c } from './crc32c.ts';

test.each([
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['0 to 31', Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
  ['the digits', Buffer.from('123456789'), 0xe3069283],
  ['nothing', new Uint8Array(), 0],
])('crc32c of %s is the published value (RFC 3720)', (_, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});

test('the mask rotates and adds without leaving 32 bits', () => {
  expect(maskedCrc32c(new Uint8Array())).toBe(0xa282ead8);
  const plain = 0xe3069283n;
  const rotated = ((plain >> 15n) | (plain << 17n)) & 0xffffffffn;
  const expected = Number((rotated + 0xa282ead8n) & 0xffffffffn);
  expect(maskedCrc32c(Buffer.from('123456789'))).toBe(expected);
});
