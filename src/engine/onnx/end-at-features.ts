/**
 * Shortens a classifier's ONNX file to what makes its features, where somebody names them: what comes
 * after them is not kept, so it may be anything. The file that is left says by itself where it ends.
 */
import { RelearnError } from '../../base/errors.ts';
import { decodeOnnx, encodeOnnx, onnxDataType } from '../../formats/onnx.ts';

/** The lone output of a file that ends at its features. */
export const featuresName = 'features';

/**
 * @param features name of a value in the file that nodes compute
 * @returns the same bytes for the same file and name
 * @throws RelearnError corrupt/`invalid_model_file`; invalid/`onnx_output` where no node makes it
 */
export const endAtFeatures = (file: Uint8Array, features: string): Uint8Array => {
  const model = decodeOnnx(file);
  const { graph } = model;
  const needed = new Set([features]);
  const node = graph.node
    .toReversed()
    .filter(({ input, output }) => {
      const isNeeded = output.some((name) => name !== '' && needed.has(name));
      if (isNeeded) for (const name of input) needed.add(name);
      return isNeeded;
    })
    .reverse();
  if (node.length === 0) throw notComputed(features);
  // Another value of the file may have the name already.
  const names = new Map([
    [featuresName, `${featuresName} before ${features}`],
    [features, featuresName],
  ]);
  const renamed = (name: string): string => names.get(name) ?? name;
  return encodeOnnx({
    ...model,
    graph: {
      ...graph,
      node: node.map((each) => ({
        ...each,
        input: each.input.map(renamed),
        output: each.output.map(renamed),
      })),
      initializer: graph.initializer
        .filter(({ name = '' }) => needed.has(name))
        .map((tensor) => ({ ...tensor, name: renamed(tensor.name ?? '') })),
      input: graph.input
        .filter(({ name }) => needed.has(name))
        .map((input) => ({ ...input, name: renamed(input.name) })),
      output: [{ name: featuresName, type: { tensorType: { elemType: onnxDataType.float32 } } }],
    },
  });
};

export const notComputed = (name: string): RelearnError =>
  new RelearnError('invalid', 'onnx_output', `"${name}" is not computed from the picture.`, {
    hint: 'Name a value that a node of the file makes; a viewer of ONNX files, such as Netron, shows their names.',
  });
