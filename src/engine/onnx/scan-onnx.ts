/**
 * One pass over a decoded ONNX file that refuses what Relearn does not read, before anything is
 * computed: hostile files (data outside the file, claims that do not fit), and honest ones that are
 * no plain float classifier. What passes is handed on in a form that needs no further distrust.
 */
import { RelearnError } from '../../base/errors.ts';
import type { OnnxGraph, OnnxModel, OnnxTensor, OnnxValueInfo } from '../../formats/onnx.ts';
import { type Literal, literalFromOnnx } from './literal.ts';
import { type SourceNode, sourceNode } from './onnx-node.ts';

export interface OnnxSource {
  /** Version of the standard operators. */
  readonly opset: number;
  readonly nodes: readonly SourceNode[];
  readonly initializers: ReadonlyMap<string, Literal>;
  readonly input: OnnxValueInfo;
  readonly outputs: readonly OnnxValueInfo[];
}

/** Opsets whose operators the import rules know. */
const opsets = { first: 7, last: 23 } as const;
const irVersions = { first: 3, last: 13 } as const;
const mostItems = 100_000;
const mostOutputs = 100;

const refuse = (code: string, message: string, hint: string): RelearnError =>
  new RelearnError('invalid', code, message, { hint });

const hints = {
  oneFile:
    "Put everything into one file, in the folder where all its files lie: python -c \"import onnx; onnx.save(onnx.load('model.onnx'), 'whole.onnx')\". Then name that one.",
  standard:
    'Export with standard operators only, for example torch.onnx.export(…, opset_version=17).',
  inference:
    'Export the model for inference: torch.onnx.export(model.eval(), …, training=TrainingMode.EVAL).',
  flat: 'Export by tracing with one fixed picture size, which leaves no branches and no loops.',
  float: 'Use the float32 file from before quantization; Relearn stores small files itself.',
  weights: 'Export the model again from weights that are finite.',
  again: 'Export the model again; this file is damaged.',
} as const;

/**
 * @throws RelearnError invalid with one of `onnx_ir_version`, `onnx_opset`, `onnx_functions`,
 *   `onnx_training_info`, `onnx_sparse_tensor`, `onnx_external_data`, `onnx_too_complex`,
 *   `onnx_control_flow`, `onnx_quantized`, `onnx_not_finite`, `onnx_not_sorted`,
 *   `onnx_duplicate_name`, `onnx_several_inputs`, `onnx_no_input`, `onnx_attribute`,
 *   `onnx_tensor_type`, `onnx_tensor_too_large`, `onnx_tensor_size`
 */
export const scanOnnx = (model: OnnxModel): OnnxSource => {
  const opset = scanHeader(model);
  const { graph } = model;
  scanCounts(graph);
  const initializers = new Map<string, Literal>();
  for (const tensor of graph.initializer) {
    const name = tensor.name ?? '';
    if (initializers.has(name)) throw duplicate(`Initializer "${name}"`);
    initializers.set(name, scanTensor(tensor, `Initializer "${name}"`, true));
  }
  const inputs = graph.input.filter(({ name }) => !initializers.has(name));
  const nodes = graph.node.map(sourceNode);
  graph.node.forEach((node, index) => {
    const { title } = nodes[index] as SourceNode;
    for (const attribute of node.attribute) {
      const { g, graphs, refAttrName, sparseTensor, sparseTensors, t, tensors } = attribute;
      if (g || graphs?.length)
        throw refuse(
          'onnx_control_flow',
          `Attribute ${attribute.name} of ${title} holds a graph: branches and loops are not read.`,
          hints.flat,
        );
      if (refAttrName) throw functions(title);
      if (sparseTensor || sparseTensors?.length) throw sparse(`The tensor of ${title}`);
      for (const tensor of [...(t ? [t] : []), ...(tensors ?? [])])
        scanTensor(tensor, `The tensor of ${title}`, false);
    }
  });
  scanNames(nodes, inputs, initializers);
  scanQuantization(nodes, initializers);
  return { opset, nodes, initializers, input: onlyInput(inputs), outputs: graph.output };
};

const scanHeader = (model: OnnxModel): number => {
  const { irVersion, opsetImport, trainingInfo, functions: local } = model;
  if (!(irVersion >= irVersions.first && irVersion <= irVersions.last))
    throw refuse(
      'onnx_ir_version',
      `The file's IR version is ${irVersion}; Relearn reads ${irVersions.first} to ${irVersions.last}.`,
      hints.standard,
    );
  const opset = opsetImport.find(
    ({ domain }) => domain === undefined || domain === '' || domain === 'ai.onnx',
  );
  if (!opset || !(opset.version >= opsets.first && opset.version <= opsets.last))
    throw refuse(
      'onnx_opset',
      `The file's opset is ${opset?.version ?? 'missing'}; Relearn reads ${opsets.first} to ${opsets.last}.`,
      hints.standard,
    );
  if (local?.length) throw functions('The file');
  if (trainingInfo?.length)
    throw refuse('onnx_training_info', 'The file holds training graphs.', hints.inference);
  return opset.version;
};

const scanCounts = ({ initializer, input, node, output, sparseInitializer }: OnnxGraph): void => {
  const counts = [
    ['nodes', node, mostItems],
    ['initializers', initializer, mostItems],
    ['inputs', input, mostItems],
    ['outputs', output, mostOutputs],
  ] as const;
  for (const [what, { length }, most] of counts)
    if (length > most)
      throw refuse('onnx_too_complex', `The file holds ${length} ${what}.`, hints.flat);
  if (sparseInitializer?.length) throw sparse('An initializer');
};

/** As the file names it, where it does. */
const otherFile = ({ externalData }: OnnxTensor): string => {
  const location = externalData?.find(({ key }) => key === 'location')?.value;
  return location === undefined ? '' : `, ${JSON.stringify(location)}`;
};

const scanTensor = (tensor: OnnxTensor, title: string, stored: boolean): Literal => {
  if (tensor.externalData?.length || tensor.dataLocation)
    throw refuse(
      'onnx_external_data',
      `${title} lies in another file${otherFile(tensor)}; only networks in one file are read.`,
      hints.oneFile,
    );
  if (tensor.segment)
    throw refuse('onnx_external_data', `${title} comes in segments.`, hints.oneFile);
  const literal = literalFromOnnx(tensor, stored);
  const { data, kind, shape } = literal;
  // Code may name infinity (a mask does); trained weights may not, and nothing may be no number.
  const wrong =
    kind === 'float' &&
    !data.every(stored && shape.length > 0 ? Number.isFinite : (number) => !Number.isNaN(number));
  if (wrong)
    throw refuse('onnx_not_finite', `${title} holds numbers that are not finite.`, hints.weights);
  return literal;
};

const functions = (title: string): RelearnError =>
  refuse('onnx_functions', `${title} uses functions defined in the file.`, hints.standard);

const sparse = (title: string): RelearnError =>
  refuse('onnx_sparse_tensor', `${title} is sparse.`, hints.standard);

const duplicate = (title: string): RelearnError =>
  refuse('onnx_duplicate_name', `${title} is defined twice.`, hints.again);

/** Every value is made once, before it is read. */
const scanNames = (
  nodes: readonly SourceNode[],
  inputs: readonly OnnxValueInfo[],
  initializers: ReadonlyMap<string, Literal>,
): void => {
  const made = new Set([...inputs.map(({ name }) => name), ...initializers.keys()]);
  for (const node of nodes) {
    for (const name of node.inputs)
      if (name !== '' && !made.has(name))
        throw refuse(
          'onnx_not_sorted',
          `The ${node.title} reads "${name}", which nothing before it makes.`,
          hints.again,
        );
    for (const name of node.outputs) {
      if (name === '') continue;
      if (made.has(name)) throw duplicate(`Value "${name}" of ${node.title}`);
      made.add(name);
    }
  }
};

const quantized =
  /^(com\.microsoft:)?(QLinear|Q[A-Z][a-z]|QuantizeLinear|DynamicQuantize|MatMulNBits|.*Integer)/;

/** Weights may be stored as integers; activations may not be. */
const scanQuantization = (
  nodes: readonly SourceNode[],
  initializers: ReadonlyMap<string, Literal>,
): void => {
  const known = new Set(initializers.keys());
  for (const node of nodes) {
    const isKnown = node.inputs.every((name) => name === '' || known.has(name));
    if (isKnown) for (const name of node.outputs) known.add(name);
    const quantizes = quantized.test(node.op) || (node.op === 'DequantizeLinear' && !isKnown);
    if (quantizes)
      throw refuse(
        'onnx_quantized',
        `The ${node.title} computes with quantized activations, which cannot be trained.`,
        hints.float,
      );
  }
};

const onlyInput = (inputs: readonly OnnxValueInfo[]): OnnxValueInfo => {
  const [input, ...more] = inputs;
  if (!input) throw refuse('onnx_no_input', 'The file has no input for pictures.', hints.again);
  if (more.length > 0)
    throw refuse(
      'onnx_several_inputs',
      `The file has ${inputs.length} inputs: ${inputs
        .slice(0, 8)
        .map(({ name }) => name)
        .join(', ')}.`,
      'Export the model with the picture as its only input.',
    );
  return input;
};
