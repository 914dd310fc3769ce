/**
 * CRC-32C (Castagnoli) and the masked form that TFRecord files carry. A masked checksum is safe to
 * store beside data that itself contains checksums.
 */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  // The polynomial 0x1EDC6F41, bits reversed.
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** @returns an unsigned 32-bit number */
export const crc32c = (bytes: Uint8Array): number => {
  let checksum = 0xffffffff;
  for (let index = 0; index < bytes.length; index++) {
    checksum = (checksum >>> 8) ^ (table[(checksum ^ (bytes[index] as number)) & 0xff] as number);
  }
  return (checksum ^ 0xffffffff) >>> 0;
};

/** TFRecord's mask: rotated right by 15 bits, plus a constant. */
export const maskedCrc32c = (bytes: Uint8Array): number => {
  const checksum = crc32c(bytes);
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
};
