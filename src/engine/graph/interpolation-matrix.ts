/**
 * Resizing along one axis as a matrix: row i holds the weights with which the places of the input
 * make place i of the output (ONNX operator Resize, opset 17).
 */
import type { ResizeAttributes } from './ops.ts';

/** @returns [size, extent], row-major */
export const interpolationMatrix = (
  extent: number,
  size: number,
  scale: number,
  attributes: Pick<ResizeAttributes, 'mode' | 'coordinates' | 'rounding' | 'cubicCoefficient'>,
): Float32Array => {
  const { mode, coordinates, rounding, cubicCoefficient = -0.75 } = attributes;
  const matrix = new Float32Array(size * extent);
  for (let row = 0; row < size; row++) {
    const place = inputPlace[coordinates](row, extent, size, scale);
    const add = (column: number, weight: number) => {
      const inside = Math.min(Math.max(column, 0), extent - 1);
      matrix[row * extent + inside] = (matrix[row * extent + inside] as number) + weight;
    };
    const floor = Math.floor(place);
    const fraction = place - floor;
    if (mode === 'nearest') add(roundPlace[rounding](place), 1);
    else if (mode === 'linear') {
      add(floor, 1 - fraction);
      add(floor + 1, fraction);
    } else
      for (let offset = -1; offset <= 2; offset++)
        add(floor + offset, cubicWeight(Math.abs(fraction - offset), cubicCoefficient));
  }
  return matrix;
};

type Place = (row: number, extent: number, size: number, scale: number) => number;

/** Where in the input the middle of a place of the output lies. */
const inputPlace: { readonly [Mode in ResizeAttributes['coordinates']]: Place } = {
  half_pixel: (row, _, __, scale) => (row + 0.5) / scale - 0.5,
  pytorch_half_pixel: (row, _, size, scale) => (size > 1 ? (row + 0.5) / scale - 0.5 : 0),
  align_corners: (row, extent, size) => (size > 1 ? (row * (extent - 1)) / (size - 1) : 0),
  asymmetric: (row, _, __, scale) => row / scale,
};

const roundPlace: { readonly [Mode in ResizeAttributes['rounding']]: (place: number) => number } = {
  round_prefer_floor: (place) => Math.ceil(place - 0.5),
  round_prefer_ceil: (place) => Math.floor(place + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Keys' cubic convolution kernel (1981) at a distance of 0 to 2. */
const cubicWeight = (distance: number, a: number): number =>
  distance <= 1
    ? ((a + 2) * distance - (a + 3)) * distance * distance + 1
    : ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a;
