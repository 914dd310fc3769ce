/** What a classifier's file says about the pictures it takes. */
import { RelearnError } from '../../base/errors.ts';
import type { OnnxValueInfo } from '../../formats/onnx.ts';
import { kindOfDataType } from './literal.ts';

export interface PictureInput {
  /** Undefined where the file leaves the batch open. */
  readonly batch: number | undefined;
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  /** [N,H,W,C] instead of [N,C,H,W]. */
  readonly channelsLast: boolean;
}

const refuse = (code: string, message: string, hint: string): RelearnError =>
  new RelearnError('invalid', code, message, { hint });

const isChannels = (extent: number | undefined): extent is 1 | 3 => extent === 1 || extent === 3;

/** No picture classifier comes near; keeps sizes far from what numbers hold exactly. */
const largestSide = 4096;

/**
 * @param imageSize rows and columns, needed where the file leaves them open
 * @throws RelearnError invalid/`onnx_input`, `onnx_layout`, `onnx_image_size`
 */
export const readPictureInput = (
  { name, type }: OnnxValueInfo,
  imageSize: number | undefined,
): PictureInput => {
  const tensorType = type?.tensorType;
  const dims = tensorType?.shape?.dim ?? [];
  const extents = dims.map(({ dimValue }) => (dimValue && dimValue > 0 ? dimValue : undefined));
  const text = `[${dims.map(({ dimValue, dimParam }) => dimValue || dimParam || '?').join(',')}]`;
  const isFloat = kindOfDataType(tensorType?.elemType ?? 0) === 'float';
  if (dims.length !== 4 || !isFloat)
    throw refuse(
      'onnx_input',
      `The input "${name}" is ${isFloat ? text : 'not floating-point'}, not float32 pictures [N,C,H,W].`,
      'Export the model with pictures [N,3,H,W] as its input.',
    );
  const [batch, second, third, fourth] = extents;
  const channelsLast = !isChannels(second) && isChannels(fourth);
  const channels = channelsLast ? fourth : second;
  if (!isChannels(channels))
    throw refuse(
      'onnx_layout',
      `The input "${name}" is ${text}: neither [N,C,H,W] nor [N,H,W,C] with 1 or 3 channels.`,
      'Export the model with pictures [N,3,H,W] as its input.',
    );
  const side = (extent: number | undefined): number => {
    const settled = extent ?? imageSize;
    if (settled === undefined)
      throw refuse(
        'onnx_image_size',
        `The input "${name}" ${text} leaves the picture size open.`,
        'Say which size to use, such as 224, or export with a static picture size.',
      );
    if (!Number.isInteger(settled) || settled < 1 || settled > largestSide)
      throw refuse(
        'onnx_image_size',
        `The input "${name}" ${text} cannot be ${settled} pixels wide or high.`,
        `Use a size from 1 to ${largestSide}.`,
      );
    if (imageSize !== undefined && settled !== imageSize)
      throw refuse(
        'onnx_image_size',
        `The input "${name}" is ${text}; pictures of ${imageSize}×${imageSize} do not fit.`,
        `Use its own picture size, or export the model again for ${imageSize}×${imageSize}.`,
      );
    return settled;
  };
  const [height, width] = channelsLast ? [second, third] : [third, fourth];
  return { batch, channels, height: side(height), width: side(width), channelsLast };
};
