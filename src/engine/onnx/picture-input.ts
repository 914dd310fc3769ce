/** What a classifier's file says about the pictures it takes. */
import { RelearnError } from '../../base/errors.ts';
import { kindOfDataType } from './literal.ts';
import { intAttribute, intsAttribute } from './onnx-node.ts';
import type { OnnxSource } from './scan-onnx.ts';

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

/** What may lie before the first convolution: it changes numbers, not their layout. */
const normalizing: ReadonlySet<string> = new Set([
  'Identity',
  'Cast',
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Clip',
]);

/**
 * Exporters that leave every extent open still write a first convolution: it tells the channels that
 * it takes, and a transposition before it that they came last.
 */
const readByConvolution = ({
  initializers,
  input,
  nodes,
}: OnnxSource): { readonly channels: number; readonly channelsLast: boolean } | undefined => {
  const pictures = new Set([input.name]);
  let channelsLast = false;
  for (const node of nodes) {
    if (!node.inputs.some((name) => pictures.has(name))) continue;
    const kernel = initializers.get(node.inputs[1] ?? '');
    if (node.op === 'Conv' && kernel && pictures.has(node.inputs[0] ?? ''))
      return { channels: (kernel.shape[1] ?? 0) * intAttribute(node, 'group', 1), channelsLast };
    const turns = node.op === 'Transpose' && intsAttribute(node, 'perm', []).join() === '0,3,1,2';
    if (turns) channelsLast = true;
    if (turns || normalizing.has(node.op)) pictures.add(node.outputs[0] ?? '');
  }
  return undefined;
};

/** @throws RelearnError invalid/`onnx_input`, `onnx_layout` */
export const readLayout = (source: OnnxSource) => {
  const { name, type } = source.input;
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
  const [, second, , fourth] = extents;
  const isNamed = isChannels(second) || isChannels(fourth);
  const read = isNamed || (second && fourth) ? undefined : readByConvolution(source);
  const channelsLast = read?.channelsLast ?? (!isChannels(second) && isChannels(fourth));
  const channels = (channelsLast ? fourth : second) ?? read?.channels;
  if (!isChannels(channels))
    throw refuse(
      'onnx_layout',
      `The input "${name}" is ${text}: neither [N,C,H,W] nor [N,H,W,C] with 1 or 3 channels.`,
      'Export the model with pictures [N,3,H,W] as its input.',
    );
  return { name, text, extents, channels, channelsLast };
};

/**
 * @param imageSize rows and columns, needed where the file leaves them open
 * @throws RelearnError as `readLayout`; invalid/`onnx_image_size`
 */
export const readPictureInput = (
  source: OnnxSource,
  imageSize: number | undefined,
): PictureInput => {
  const { name, text, extents, channels, channelsLast } = readLayout(source);
  const side = (extent: number | undefined): number => {
    const settled = extent ?? imageSize;
    if (settled === undefined)
      throw refuse(
        'onnx_image_size',
        `The input "${name}" ${text} leaves the picture size open.`,
        'Say which size to use, such as --image-size 224, or export with a static picture size.',
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
        `Use its own picture size (no --image-size), or export the model again for ${imageSize}×${imageSize}.`,
      );
    return settled;
  };
  const [batch, second, third, fourth] = extents;
  const [height, width] = channelsLast ? [second, third] : [third, fourth];
  return { batch, channels, height: side(height), width: side(width), channelsLast };
};
