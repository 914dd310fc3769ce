/** IEEE 754 half precision: 1 sign bit, 5 exponent bits, 10 fraction bits. */

/** Rounds to nearest, ties to even. @returns the bits of each number */
export const toFloat16 = (values: Float32Array): Uint16Array => {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) halves[i] = roundToHalf(bits[i] as number);
  return halves;
};

const roundToHalf = (bits: number): number => {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // Not a number stays one; what rounds past the largest half is infinite.
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  const exponent = magnitude >>> 23;
  // Normal halves: rebias the exponent from 127 to 15 and drop 13 fraction bits.
  if (exponent >= 113) return sign | roundShift(magnitude - (112 << 23), 13);
  // Subnormal halves count units of 2^-24; below half a unit nothing is left.
  if (exponent < 102) return sign;
  return sign | roundShift((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
};

/** value / 2^shift, rounded to nearest, ties to even. */
const roundShift = (value: number, shift: number): number => {
  const half = 1 << (shift - 1);
  const odd = (value >>> shift) & 1;
  return (value + half - 1 + odd) >>> shift;
};
