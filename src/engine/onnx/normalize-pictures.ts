/**
 * Puts a network's normalization into its ONNX file, where whoever exported it left it outside: the
 * file then takes pictures in 0..1, as every network of a store does.
 */
import { counted } from '../../base/counted.ts';
import { RelearnError } from '../../base/errors.ts';
import {
  decodeOnnx,
  encodeOnnx,
  type OnnxNode,
  onnxAttributeType,
  onnxDataType,
} from '../../formats/onnx.ts';
import { readLayout } from './picture-input.ts';
import { scanOnnx } from './scan-onnx.ts';

/** What a network's input is, for a picture x in 0..1: (x − mean) / std, per channel or for all. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** @throws RelearnError invalid/`wrong_normalization` where it does not fit pictures of so many channels */
const checkNormalization = ({ mean, std }: Normalization, channels: number): void => {
  const fits = [mean, std].every(({ length }) => length === 1 || length === channels);
  const tooSmall = std.find((number) => number <= 0);
  if (fits && tooSmall === undefined) return;
  throw new RelearnError(
    'invalid',
    'wrong_normalization',
    fits
      ? `--std ${tooSmall}: pictures are divided by it, so it must be above 0.`
      : `${counted(mean.length, 'number')} as the mean and ${counted(std.length, 'number')} as the deviation don't fit pictures of ${channels} channels.`,
    {
      hint: 'Give one number, or one for each channel: --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225',
    },
  );
};

/**
 * @returns the same bytes for the same file and numbers
 * @throws RelearnError as `decodeOnnx` and `scanOnnx`; invalid/`onnx_input`, `onnx_layout`,
 *   `wrong_normalization`
 */
export const normalizePictures = (file: Uint8Array, normalization: Normalization): Uint8Array => {
  const model = decodeOnnx(file);
  const source = scanOnnx(model);
  const { channels, channelsLast } = readLayout(source);
  checkNormalization(normalization, channels);
  const { graph } = model;
  const { name } = source.input;
  const taken = new Set([
    ...graph.node.flatMap(({ output }) => output),
    ...graph.initializer.map((tensor) => tensor.name ?? ''),
  ]);
  const free = (wanted: string): string => (taken.has(wanted) ? free(`${wanted}'`) : wanted);
  const [centred, scaled] = [free(`${name}, centred`), free(`${name}, scaled`)];
  // Written as code, not as a weight: they are nothing to learn.
  const row = (what: string, numbers: readonly number[]): OnnxNode => {
    const data = Float32Array.from(
      { length: channels },
      (_, i) => numbers[i % numbers.length] ?? 0,
    );
    const t = {
      dims: channelsLast ? [channels] : [channels, 1, 1],
      dataType: onnxDataType.float32,
      rawData: new Uint8Array(data.buffer),
    };
    return {
      opType: 'Constant',
      input: [],
      output: [free(`${name}, ${what}`)],
      attribute: [{ name: 'value', type: onnxAttributeType.tensor, t }],
    };
  };
  const [mean, deviation] = [row('mean', normalization.mean), row('deviation', normalization.std)];
  const step = (opType: string, input: string, by: OnnxNode, output: string): OnnxNode => ({
    opType,
    input: [input, ...by.output],
    output: [output],
    attribute: [],
  });
  return encodeOnnx({
    ...model,
    graph: {
      ...graph,
      node: [
        mean,
        deviation,
        step('Sub', name, mean, centred),
        step('Div', centred, deviation, scaled),
        ...graph.node.map((node) => ({
          ...node,
          input: node.input.map((each) => (each === name ? scaled : each)),
        })),
      ],
    },
  });
};
