/**
 * Habits of exporters, old and new, each in a small file: what is read and written again answers
 * as ONNX Runtime does on the file itself.
 */
import { expect, it } from 'vitest';
import {
  described,
  type FileParts,
  floats,
  integers,
  node,
  onnxFile,
} from '../../../test/onnx-file.ts';
import { createRandom } from '../../base/random.ts';
import { createSession } from '../runtime/session.ts';
import { sizeOf } from '../tensor/shape.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { fromOnnx } from './from-onnx.ts';
import { openBatchSize } from './open-batch.ts';
import { toOnnx } from './to-onnx.ts';

const window = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
const conv = (input: string, output: string, attributes: Parameters<typeof node>[3] = window) =>
  node('Conv', [input, 'kernel', 'bias'], [output], attributes);
const kernels = [floats('kernel', [6, 3, 3, 3]), floats('bias', [6])];
const dense = (input: string) => node('Gemm', [input, 'fc', 'fc.bias'], ['logits'], { transB: 1 });
const head = [floats('fc', [4, 6]), floats('fc.bias', [4])];
/** From [N,6,H,W] to the answer. */
const tail = (input: string) => [
  node('GlobalAveragePool', [input], ['pooled']),
  node('Flatten', ['pooled'], ['flat']),
  dense('flat'),
];
const lastChannels = [described('images', ['N', 8, 8, 3])];

/** The bits of a half-precision number; only for numbers that it holds exactly. */
const half = (number: number): number => {
  if (number === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(number)));
  const fraction = (Math.abs(number) / 2 ** exponent - 1) * 1024;
  return (number < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction;
};

const habits: Readonly<Record<string, FileParts>> = {
  'Keras: channels last, turned at the input, the answer by a product and a bias': {
    inputs: lastChannels,
    nodes: [
      node('Transpose', ['images'], ['planes'], { perm: [0, 3, 1, 2] }),
      conv('planes', 'convolved', {
        kernel_shape: [3, 3],
        strides: [2, 2],
        auto_pad: 'SAME_UPPER',
      }),
      node('Relu', ['convolved'], ['active']),
      node('GlobalAveragePool', ['active'], ['pooled']),
      node('Squeeze', ['pooled', 'axes'], ['flat']),
      node('MatMul', ['flat', 'fc'], ['product']),
      node('Add', ['product', 'fc.bias'], ['logits']),
    ],
    initializers: [
      ...kernels,
      integers('axes', [2, 3]),
      floats('fc', [6, 4]),
      floats('fc.bias', [4]),
    ],
  },
  'Keras: normalized with channels last, reshaped by a computed shape, batch norm as Mul and Add': {
    inputs: lastChannels,
    nodes: [
      node('Mul', ['images', 'two'], ['doubled']),
      node('Sub', ['doubled', 'mean'], ['centred']),
      node('Transpose', ['centred'], ['planes'], { perm: [0, 3, 1, 2] }),
      conv('planes', 'convolved'),
      node('Mul', ['convolved', 'scale'], ['scaled']),
      node('Add', ['scaled', 'offset'], ['shifted']),
      node('Clip', ['shifted', 'zero', 'six'], ['active']),
      node('Transpose', ['active'], ['turned'], { perm: [0, 2, 3, 1] }),
      node('ReduceMean', ['turned'], ['flat'], { axes: [1, 2], keepdims: 0 }),
      node('Shape', ['flat'], ['shape']),
      node('Cast', ['shape'], ['shape32'], { to: 6 }),
      node('Slice', ['shape32', 'start', 'end', 'start'], ['count']),
      node('Concat', ['count', 'minus'], ['target32'], { axis: 0 }),
      node('Cast', ['target32'], ['target'], { to: 7 }),
      node('Reshape', ['flat', 'target'], ['rows']),
      dense('rows'),
    ],
    initializers: [
      ...kernels,
      ...head,
      floats('two', [], [2]),
      floats('mean', [3]),
      floats('scale', [1, 6, 1, 1]),
      floats('offset', [1, 6, 1, 1]),
      floats('zero', [], [0]),
      floats('six', [], [6]),
      integers('start', [0]),
      integers('end', [1]),
      { name: 'minus', dims: [1], dataType: 6, int32Data: [-1] },
    ],
  },
  'a last layer that is a convolution of one pixel': {
    nodes: [
      conv('images', 'convolved'),
      node('GlobalAveragePool', ['convolved'], ['pooled']),
      node('Conv', ['pooled', 'fc', 'fc.bias'], ['scores'], { kernel_shape: [1, 1] }),
      node('Flatten', ['scores'], ['logits']),
    ],
    initializers: [...kernels, floats('fc', [4, 6, 1, 1]), floats('fc.bias', [4])],
  },
  'a last layer that is a convolution, averaged': {
    nodes: [
      conv('images', 'convolved'),
      node('Conv', ['convolved', 'fc', 'fc.bias'], ['maps'], { kernel_shape: [1, 1] }),
      node('Relu', ['maps'], ['active']),
      node('GlobalAveragePool', ['active'], ['scores']),
      node('Reshape', ['scores', 'rows'], ['logits']),
    ],
    initializers: [
      ...kernels,
      floats('fc', [4, 6, 1, 1]),
      floats('fc.bias', [4]),
      integers('rows', [0, -1]),
    ],
  },
  'opset 7: attributes instead of inputs, dropout with a mask, axes flattened': {
    opset: 7,
    nodes: [
      node('Pad', ['images'], ['padded'], {
        mode: 'constant',
        pads: [0, 0, 1, 1, 0, 0, 1, 1],
        value: { float: 0.5 },
      }),
      node('Slice', ['padded'], ['cut'], { starts: [1, -9], ends: [9, 1000], axes: [2, 3] }),
      conv('cut', 'convolved'),
      node(
        'BatchNormalization',
        ['convolved', 'scale', 'offset', 'average', 'variance'],
        ['normal'],
      ),
      node('Clip', ['normal'], ['active'], { min: { float: -1 }, max: { float: 6 } }),
      node('Dropout', ['active'], ['kept', 'mask'], { ratio: { float: 0.5 } }),
      node('ReduceSum', ['kept'], ['sum'], { axes: [2, 3], keepdims: 1 }),
      node('Squeeze', ['sum'], ['rows'], { axes: [3, 2] }),
      node('Unsqueeze', ['rows'], ['wide'], { axes: [2] }),
      node('Softmax', ['wide'], ['shares'], { axis: 1 }),
      node('Reshape', ['shares', 'flatten'], ['flat']),
      dense('flat'),
    ],
    initializers: [
      ...kernels,
      ...head,
      floats('scale', [6]),
      floats('offset', [6]),
      floats('average', [6]),
      floats('variance', [6], [1, 2, 0.5, 1, 3, 1]),
      integers('flatten', [-1, 6]),
    ],
  },
  'opset 9: enlarged by Upsample': {
    opset: 9,
    nodes: [
      node('Upsample', ['images', 'scales'], ['larger'], { mode: 'nearest' }),
      conv('larger', 'convolved'),
      ...tail('convolved'),
    ],
    initializers: [...kernels, ...head, floats('scales', [4], [1, 1, 2, 2])],
  },
  'opset 18: axes and sizes as inputs, parts by their number': {
    opset: 18,
    nodes: [
      conv('images', 'convolved'),
      node('Split', ['convolved'], ['left', 'right'], { axis: 1, num_outputs: 2 }),
      node('Split', ['right', 'sizes'], ['first', 'rest'], { axis: 1 }),
      node('Concat', ['rest', 'left', 'first'], ['joined'], { axis: 1 }),
      node('ReduceMean', ['joined', 'axes'], ['flat'], { keepdims: 0 }),
      dense('flat'),
    ],
    initializers: [...kernels, ...head, integers('sizes', [1, 2]), integers('axes', [2, 3])],
  },
  'pools that round up, and count padding or not': {
    nodes: [
      node('AveragePool', ['images'], ['smaller'], {
        kernel_shape: [3, 3],
        strides: [2, 2],
        ceil_mode: 1,
      }),
      node('AveragePool', ['smaller'], ['same'], { ...window, count_include_pad: 1 }),
      node('AveragePool', ['same'], ['bare'], { kernel_shape: [2, 2], auto_pad: 'SAME_LOWER' }),
      node('MaxPool', ['bare'], ['largest'], {
        kernel_shape: [2, 2],
        strides: [2, 2],
        ceil_mode: 1,
      }),
      conv('largest', 'convolved'),
      ...tail('convolved'),
    ],
    initializers: [...kernels, ...head],
  },
  'weights in half precision, widened in the graph': {
    nodes: [
      node('Cast', ['kernel16'], ['kernel'], { to: 1 }),
      conv('images', 'convolved'),
      ...tail('convolved'),
    ],
    initializers: [
      ...kernels.slice(1),
      ...head,
      {
        name: 'kernel16',
        dims: [6, 3, 3, 3],
        dataType: 10,
        int32Data: Array.from({ length: 162 }, (_, i) => half((i % 7) / 8 - 0.375)),
      },
    ],
  },
  'weights in 8 bits, one scale for each channel': {
    nodes: [
      node('DequantizeLinear', ['kernel8', 'scales', 'zeros'], ['kernel'], { axis: 0 }),
      conv('images', 'convolved'),
      ...tail('convolved'),
    ],
    initializers: [
      ...kernels.slice(1),
      ...head,
      {
        name: 'kernel8',
        dims: [6, 3, 3, 3],
        dataType: 2,
        rawData: Uint8Array.from({ length: 162 }, (_, i) => (i * 37) % 256),
      },
      floats('scales', [6], [0.01, 0.02, 0.005, 0.01, 0.02, 0.01]),
      { name: 'zeros', dims: [6], dataType: 2, rawData: Uint8Array.of(128, 120, 0, 1, 255, 127) },
    ],
  },
  'attention over the pixels, its scale computed from a shape': {
    nodes: [
      conv('images', 'convolved'),
      node('Reshape', ['convolved', 'tokens'], ['columns']),
      node('Transpose', ['columns'], ['rows'], { perm: [0, 2, 1] }),
      node('MatMul', ['rows', 'query'], ['q']),
      node('Shape', ['q'], ['shape']),
      node('Gather', ['shape', 'last'], ['width']),
      node('Cast', ['width'], ['width32'], { to: 1 }),
      node('Sqrt', ['width32'], ['root']),
      node('MatMul', ['q', 'columns'], ['products']),
      node('Div', ['products', 'root'], ['scaled']),
      node('Softmax', ['scaled'], ['shares'], { axis: -1 }),
      node('MatMul', ['shares', 'rows'], ['mixed']),
      node('Gather', ['mixed', 'zero'], ['flat'], { axis: 1 }),
      dense('flat'),
    ],
    initializers: [
      ...kernels,
      ...head,
      floats('query', [6, 6]),
      integers('tokens', [0, 6, -1]),
      integers('last', [-1], []),
      integers('zero', [0], []),
    ],
  },
  'Keras: channels last, one picture at a time, a depthwise kernel that is reshaped in the graph': {
    inputs: [described('images', [1, 8, 8, 3])],
    outputs: [described('logits', [1, 4])],
    nodes: [
      node('Transpose', ['images'], ['planes'], { perm: [0, 3, 1, 2] }),
      node('Reshape', ['depthwise', 'depthwise.shape'], ['filters']),
      node('Pad', ['planes', 'edges'], ['padded']),
      node('Conv', ['padded', 'filters'], ['spread'], { kernel_shape: [3, 3], group: 3 }),
      conv('spread', 'convolved'),
      node('Clip', ['convolved', 'zero', 'six'], ['active']),
      node('Transpose', ['active'], ['turned'], { perm: [0, 2, 3, 1] }),
      node('ReduceMean', ['turned'], ['pooled'], { axes: [1, 2], keepdims: 0 }),
      node('Reshape', ['pooled', 'one row'], ['flat']),
      dense('flat'),
    ],
    initializers: [
      ...kernels,
      ...head,
      floats('depthwise', [3, 9]),
      integers('depthwise.shape', [3, 1, 3, 3]),
      integers('edges', [0, 0, 0, 0, 0, 0, 1, 1]),
      floats('zero', [], [0]),
      floats('six', [], [6]),
      integers('one row', [1, 6]),
    ],
  },
  'timm: ConvNeXt, its normalization and GELU spelled out, channels last inside': {
    nodes: [
      conv('images', 'convolved'),
      node('Transpose', ['convolved'], ['rows'], { perm: [0, 2, 3, 1] }),
      node('ReduceMean', ['rows'], ['mean'], { axes: [-1] }),
      node('Sub', ['rows', 'mean'], ['centred']),
      node('Pow', ['centred', 'two'], ['squares']),
      node('ReduceMean', ['squares'], ['variance'], { axes: [-1] }),
      node('Add', ['variance', 'epsilon'], ['positive']),
      node('Sqrt', ['positive'], ['deviation']),
      node('Div', ['centred', 'deviation'], ['normal']),
      node('Mul', ['normal', 'gain'], ['scaled']),
      node('Add', ['scaled', 'shift'], ['normalized']),
      node('MatMul', ['normalized', 'widen'], ['wide']),
      node('Div', ['wide', 'root'], ['divided']),
      node('Erf', ['divided'], ['error']),
      node('Add', ['error', 'one'], ['above']),
      node('Mul', ['wide', 'above'], ['doubled']),
      node('Mul', ['doubled', 'half'], ['curved']),
      node('MatMul', ['curved', 'narrow'], ['back']),
      node('Mul', ['back', 'layer scale'], ['damped']),
      node('Transpose', ['damped'], ['planes'], { perm: [0, 3, 1, 2] }),
      node('Add', ['planes', 'convolved'], ['sum']),
      ...tail('sum'),
    ],
    initializers: [
      ...kernels,
      ...head,
      floats('two', [], [2]),
      floats('epsilon', [], [1e-6]),
      floats('gain', [6]),
      floats('shift', [6]),
      floats('widen', [6, 24]),
      floats('root', [], [Math.SQRT2]),
      floats('one', [], [1]),
      floats('half', [], [0.5]),
      floats('narrow', [24, 6]),
      floats('layer scale', [6]),
    ],
  },
  'timm: EfficientNet, squeezed and excited, SiLU spelled out': {
    nodes: [
      conv('images', 'convolved'),
      node('Sigmoid', ['convolved'], ['gate']),
      node('Mul', ['convolved', 'gate'], ['active']),
      node('ReduceMean', ['active'], ['squeezed'], { axes: [2, 3], keepdims: 1 }),
      node('Conv', ['squeezed', 'reduce', 'reduce.bias'], ['reduced'], { kernel_shape: [1, 1] }),
      node('Sigmoid', ['reduced'], ['reduced gate']),
      node('Mul', ['reduced', 'reduced gate'], ['reduced active']),
      node('Conv', ['reduced active', 'expand', 'expand.bias'], ['expanded'], {
        kernel_shape: [1, 1],
      }),
      node('Sigmoid', ['expanded'], ['excitation']),
      node('Mul', ['active', 'excitation'], ['excited']),
      ...tail('excited'),
    ],
    initializers: [
      ...kernels,
      ...head,
      floats('reduce', [2, 6, 1, 1]),
      floats('reduce.bias', [2]),
      floats('expand', [6, 2, 1, 1]),
      floats('expand.bias', [6]),
    ],
  },
  'timm: a class token, repeated for as many pictures as come': {
    nodes: [
      node('Conv', ['images', 'patches', 'bias'], ['embedded'], {
        kernel_shape: [4, 4],
        strides: [4, 4],
      }),
      node('Shape', ['embedded'], ['shape']),
      node('Slice', ['shape', 'start', 'end'], ['outer']),
      node('Concat', ['outer', 'minus'], ['flattened shape'], { axis: 0 }),
      node('Reshape', ['embedded', 'flattened shape'], ['columns']),
      node('Transpose', ['columns'], ['tokens'], { perm: [0, 2, 1] }),
      node('Shape', ['tokens'], ['token shape']),
      node('Gather', ['token shape', 'first'], ['count']),
      node('Unsqueeze', ['count', 'start'], ['counted']),
      node('Concat', ['counted', 'minus', 'minus'], ['wanted'], { axis: 0 }),
      node('ConstantOfShape', ['three'], ['ones'], {
        value: { dims: [1], dataType: 7, int64Data: [1] },
      }),
      node('Equal', ['wanted', 'minus ones'], ['open']),
      node('Where', ['open', 'ones', 'wanted'], ['repeats']),
      node('Expand', ['class token', 'repeats'], ['class tokens']),
      node('Concat', ['class tokens', 'tokens'], ['all'], { axis: 1 }),
      node('Add', ['all', 'positions'], ['placed']),
      node('MatMul', ['placed', 'mix'], ['mixed']),
      node('Relu', ['mixed'], ['active']),
      node('Gather', ['active', 'first'], ['flat'], { axis: 1 }),
      dense('flat'),
    ],
    initializers: [
      ...head,
      floats('patches', [6, 3, 4, 4]),
      floats('bias', [6]),
      integers('start', [0]),
      integers('end', [2]),
      integers('minus', [-1]),
      integers('first', [0], []),
      integers('three', [3]),
      integers('minus ones', [-1, -1, -1]),
      floats('class token', [1, 1, 6]),
      floats('positions', [1, 5, 6]),
      floats('mix', [6, 6]),
    ],
  },
  'PyTorch: a class token in a file for one picture, where it stands once': {
    inputs: [described('images', [1, 3, 8, 8])],
    outputs: [described('logits', [1, 4])],
    nodes: [
      conv('images', 'embedded', { kernel_shape: [3, 3] }),
      node('Reshape', ['embedded', 'columns'], ['rows']),
      node('Transpose', ['rows'], ['tokens'], { perm: [0, 2, 1] }),
      node('Concat', ['class token', 'tokens'], ['all'], { axis: 1 }),
      node('MatMul', ['all', 'mix'], ['mixed']),
      node('ReduceMax', ['mixed'], ['flat'], { axes: [1], keepdims: 0 }),
      dense('flat'),
    ],
    initializers: [
      ...kernels,
      ...head,
      integers('columns', [1, 6, 36]),
      floats('class token', [1, 1, 6]),
      floats('mix', [6, 6]),
    ],
  },
  'a last layer that is normalized': {
    nodes: [
      conv('images', 'convolved'),
      node('GlobalAveragePool', ['convolved'], ['pooled']),
      node('Flatten', ['pooled'], ['flat']),
      node('Gemm', ['flat', 'fc', 'fc.bias'], ['products'], { transB: 1 }),
      node('BatchNormalization', ['products', 'scale', 'fc.bias', 'mean', 'scale'], ['logits']),
    ],
    initializers: [...kernels, ...head, floats('scale', [4], [1, 2, 3, 4]), floats('mean', [4])],
  },
  'timm: channels weighed by a convolution over their means': {
    nodes: [
      conv('images', 'convolved'),
      node('GlobalAveragePool', ['convolved'], ['means']),
      node('Squeeze', ['means', 'last'], ['column']),
      node('Transpose', ['column'], ['signal'], { perm: [0, 2, 1] }),
      node('Conv', ['signal', 'along'], ['mixed'], { kernel_shape: [3], pads: [1, 1] }),
      node('MaxPool', ['mixed'], ['smooth'], { kernel_shape: [3], pads: [1, 1], strides: [1] }),
      node('Sigmoid', ['smooth'], ['gates']),
      node('Transpose', ['gates'], ['turned'], { perm: [0, 2, 1] }),
      node('Unsqueeze', ['turned', 'last'], ['weights']),
      node('Mul', ['convolved', 'weights'], ['weighed']),
      ...tail('weighed'),
    ],
    initializers: [...kernels, ...head, integers('last', [3]), floats('along', [1, 1, 3])],
  },
  ...Object.fromEntries(
    (
      [
        { auto_pad: 'SAME_UPPER', strides: [2, 2] },
        { auto_pad: 'SAME_LOWER', strides: [2, 2] },
        { output_shape: [15, 16], strides: [2, 2] },
        { output_shape: [16, 15], strides: [2, 2], auto_pad: 'SAME_UPPER' },
      ] as const
    ).map((attributes) => [
      `a transposed convolution of ${JSON.stringify(attributes)}`,
      {
        nodes: [
          conv('images', 'convolved'),
          node('ConvTranspose', ['convolved', 'back'], ['wide'], { ...attributes }),
          node('Relu', ['wide'], ['active']),
          // Its border counts more, so that padding on the wrong side shows.
          node('Slice', ['active', 'zeros', 'short', 'sides'], ['corner']),
          ...tail('corner'),
        ],
        initializers: [
          ...kernels,
          ...head,
          floats('back', [6, 6, 3, 3]),
          integers('zeros', [0, 0]),
          integers('short', [3, 3]),
          integers('sides', [2, 3]),
        ],
      },
    ]),
  ),
  'opset 18: rows and columns alone are resized, by scales and by sizes': {
    opset: 18,
    nodes: [
      conv('images', 'convolved'),
      node('Resize', ['convolved', '', 'twice'], ['wide'], { mode: 'linear', axes: [2, 3] }),
      node('Resize', ['wide', '', '', 'sizes'], ['narrow'], { mode: 'nearest', axes: [3, -2] }),
      node('Relu', ['narrow'], ['active']),
      ...tail('active'),
    ],
    initializers: [...kernels, ...head, floats('twice', [2], [2, 1.5]), integers('sizes', [7, 5])],
  },
  'thresholds, and truths that are joined': {
    nodes: [
      conv('images', 'convolved'),
      node('ThresholdedRelu', ['convolved'], ['over'], { alpha: { float: 0.2 } }),
      node('Greater', ['convolved', 'small'], ['positive']),
      node('Less', ['convolved', 'large'], ['modest']),
      node('And', ['positive', 'modest'], ['between']),
      node('Or', ['between', 'channels'], ['chosen']),
      node('CastLike', ['chosen', 'small'], ['mask']),
      node('Mul', ['over', 'mask'], ['masked']),
      ...tail('masked'),
    ],
    initializers: [
      ...kernels,
      ...head,
      floats('small', [], [0.3]),
      floats('large', [], [0.9]),
      { name: 'channels', dims: [6, 1, 1], dataType: 9, int32Data: [1, 0, 0, 1, 0, 0] },
    ],
  },
  'angles, circular and hyperbolic': {
    nodes: [
      conv('images', 'convolved'),
      node('Atan', ['convolved'], ['angle']),
      node('Tan', ['angle'], ['tangent']),
      node('Asinh', ['tangent'], ['area']),
      node('Sinh', ['area'], ['back']),
      node('Tanh', ['back'], ['small']),
      node('Acos', ['small'], ['from above']),
      node('Asin', ['small'], ['from aside']),
      node('Atanh', ['small'], ['wide']),
      node('Cosh', ['small'], ['chain']),
      node('Acosh', ['chain'], ['size']),
      node('Sum', ['from above', 'from aside', 'wide', 'size'], ['sum']),
      ...tail('sum'),
    ],
    initializers: [...kernels, ...head],
  },
  'what division leaves, and what lies beyond a limit': {
    nodes: [
      conv('images', 'convolved'),
      node('Mod', ['convolved', 'step'], ['rest'], { fmod: 1 }),
      node('Shrink', ['rest'], ['moved'], { lambd: { float: 0.2 }, bias: { float: 0.1 } }),
      node('ArgMax', ['moved'], ['rows'], { axis: 2 }),
      node('Mod', ['rows', 'minus three'], ['row']),
      node('Cast', ['row'], ['shift'], { to: 1 }),
      node('Add', ['moved', 'shift'], ['shifted']),
      ...tail('shifted'),
    ],
    initializers: [...kernels, ...head, floats('step', [], [0.7]), integers('minus three', [-3])],
  },
  'numbers that are none, replaced as PyTorch does': {
    nodes: [
      conv('images', 'convolved'),
      node('Log', ['convolved'], ['logarithm']),
      node('IsNaN', ['logarithm'], ['none']),
      node('Where', ['none', 'zero', 'logarithm'], ['numbers']),
      node('Relu', ['numbers'], ['positive']),
      node('Reciprocal', ['positive'], ['large']),
      node('IsInf', ['large'], ['infinite'], { detect_negative: 0 }),
      node('Where', ['infinite', 'zero', 'large'], ['finite']),
      node('Not', ['none'], ['known']),
      node('Xor', ['infinite', 'known'], ['either']),
      node('Cast', ['either'], ['mask'], { to: 1 }),
      node('Sum', ['numbers', 'finite', 'mask'], ['sum']),
      ...tail('sum'),
    ],
    initializers: [...kernels, ...head, floats('zero', [], [0])],
  },
  'the strongest channel alone': {
    nodes: [
      conv('images', 'convolved'),
      node('ArgMax', ['convolved'], ['channel'], { axis: 1, keepdims: 0 }),
      node('Sub', ['channel', 'six'], ['from the end']),
      node('OneHot', ['from the end', 'six', 'levels'], ['hot'], { axis: 1 }),
      node('Hardmax', ['convolved'], ['column'], { axis: 3 }),
      node('Mul', ['convolved', 'hot'], ['strongest']),
      node('Add', ['strongest', 'column'], ['sum']),
      ...tail('sum'),
    ],
    initializers: [...kernels, ...head, integers('six', [6], []), floats('levels', [2], [0.1, 1])],
  },
  'opset 23: attention as one node, in heads and side by side, with a mask': {
    opset: 23,
    nodes: [
      conv('images', 'convolved'),
      node('Reshape', ['convolved', 'pixels'], ['columns']),
      node('Transpose', ['columns'], ['tokens'], { perm: [0, 2, 1] }),
      node('Attention', ['tokens', 'tokens', 'tokens', 'mask'], ['attended'], {
        q_num_heads: 2,
        kv_num_heads: 2,
      }),
      node('Reshape', ['attended', 'heads'], ['split']),
      node('Transpose', ['split'], ['turned'], { perm: [0, 2, 1, 3] }),
      node('Attention', ['turned', 'turned', 'turned'], ['again'], { scale: { float: 0.3 } }),
      node('ReduceMean', ['again', 'rows'], ['means'], { keepdims: 0 }),
      node('Flatten', ['means'], ['flat']),
      dense('flat'),
    ],
    initializers: [
      ...kernels,
      ...head,
      integers('pixels', [0, 6, 64]),
      floats('mask', [64, 64]),
      integers('heads', [0, 64, 3, 2]),
      integers('rows', [2]),
    ],
  },
  'products, and other normalizations': {
    opset: 23,
    nodes: [
      conv('images', 'convolved'),
      node('RMSNormalization', ['convolved', 'gain'], ['normal'], { axis: 1 }),
      node('MeanVarianceNormalization', ['normal'], ['centred'], { axes: [2, 3] }),
      node('ReduceProd', ['convolved', 'rows'], ['product']),
      node('Sum', ['normal', 'centred', 'product'], ['sum']),
      ...tail('sum'),
    ],
    initializers: [...kernels, ...head, floats('gain', [6, 8, 8]), integers('rows', [2])],
  },
  'Keras: a layer normalization as a batch normalization by computed statistics': {
    nodes: [
      conv('images', 'convolved'),
      node('Transpose', ['convolved'], ['turned'], { perm: [0, 2, 3, 1] }),
      node('Reshape', ['turned', 'places'], ['rows']),
      node('ReduceMean', ['rows'], ['means'], { axes: [0, 2, 3], keepdims: 1 }),
      node('Sub', ['rows', 'means'], ['centred']),
      node('Mul', ['centred', 'centred'], ['squares']),
      node('ReduceMean', ['squares'], ['variance'], { axes: [0, 2, 3], keepdims: 0 }),
      node('Squeeze', ['means', 'others'], ['mean']),
      node('Shape', ['mean'], ['count']),
      node('ConstantOfShape', ['count'], ['ones'], { value: floats('', [1], [1]) }),
      node('ConstantOfShape', ['count'], ['zeros']),
      node('BatchNormalization', ['rows', 'ones', 'zeros', 'mean', 'variance'], ['normal']),
      node('Reshape', ['normal', 'map'], ['map again']),
      node('Transpose', ['map again'], ['planes'], { perm: [0, 3, 1, 2] }),
      ...tail('planes'),
    ],
    initializers: [
      ...kernels,
      ...head,
      integers('places', [1, -1, 6, 1]),
      integers('others', [0, 2, 3]),
      integers('map', [-1, 8, 8, 6]),
    ],
  },
  'signals: one row for each channel, normalized and pooled': {
    nodes: [
      conv('images', 'convolved'),
      node('Reshape', ['convolved', 'signal shape'], ['signal']),
      node('BatchNormalization', ['signal', 'gain', 'bias', 'mean', 'gain'], ['normal']),
      node('AveragePool', ['normal'], ['smooth'], { kernel_shape: [4], strides: [2] }),
      node('GlobalMaxPool', ['smooth'], ['largest']),
      node('GlobalLpPool', ['smooth'], ['length']),
      node('GlobalAveragePool', ['smooth'], ['average']),
      node('Sum', ['largest', 'length', 'average'], ['sum']),
      node('Flatten', ['sum'], ['flat']),
      dense('flat'),
    ],
    initializers: [
      ...kernels,
      ...head,
      integers('signal shape', [0, 6, 64]),
      floats('gain', [6], [1, 2, 3, 1, 2, 3]),
      floats('mean', [6]),
    ],
  },
  'a picture straightened before it is looked at': {
    opset: 20,
    nodes: [
      node('GlobalAveragePool', ['images'], ['means']),
      node('Flatten', ['means'], ['colours']),
      node('Gemm', ['colours', 'turn', 'start'], ['numbers']),
      node('Reshape', ['numbers', 'matrices'], ['matrix']),
      node('Shape', ['images'], ['size']),
      node('AffineGrid', ['matrix', 'size'], ['grid']),
      node('GridSample', ['images', 'grid'], ['straight'], { mode: 'linear' }),
      conv('straight', 'convolved'),
      ...tail('convolved'),
    ],
    initializers: [
      ...kernels,
      ...head,
      floats('turn', [3, 6]),
      floats('start', [6], [1, 0, 0, 0, 1, 0]),
      integers('matrices', [-1, 2, 3]),
    ],
  },
  'timm: tokens in windows, divided by their lengths and turned by a weight for each': {
    nodes: [
      conv('images', 'convolved'),
      node('Reshape', ['convolved', 'windows'], ['tokens']),
      node('ReduceL2', ['tokens'], ['lengths'], { axes: [2], keepdims: 1 }),
      node('Clip', ['lengths', 'little'], ['bounded']),
      node('Shape', ['tokens'], ['shape']),
      node('Expand', ['bounded', 'shape'], ['beside']),
      node('Div', ['tokens', 'beside'], ['directions']),
      node('Expand', ['weight', 'shape'], ['weights']),
      node('Mul', ['directions', 'weights'], ['weighed']),
      node('Reshape', ['weighed', 'map'], ['again']),
      ...tail('again'),
    ],
    initializers: [
      ...kernels,
      ...head,
      integers('windows', [-1, 6, 16]),
      floats('little', [], [1e-6]),
      floats('weight', [6, 1]),
      integers('map', [-1, 6, 8, 8]),
    ],
  },
  'timm: places as waves, so many that they are not kept for each picture': {
    nodes: [
      conv('images', 'convolved'),
      node('Shape', ['convolved'], ['shape']),
      node('Gather', ['shape', 'outer'], ['one of each'], { axis: 0 }),
      node('ConstantOfShape', ['one of each'], ['ones'], { value: floats('', [1], [1]) }),
      node('CumSum', ['ones', 'axis'], ['counted']),
      node('Unsqueeze', ['counted', 'last'], ['column']),
      node('Div', ['column', 'lengths'], ['angles']),
      node('Sin', ['angles'], ['waves']),
      node('ReduceMean', ['waves'], ['mean'], { axes: [3], keepdims: 1 }),
      node('Transpose', ['mean'], ['plane'], { perm: [0, 3, 1, 2] }),
      node('Add', ['convolved', 'plane'], ['placed']),
      ...tail('placed'),
    ],
    initializers: [
      ...kernels,
      ...head,
      integers('outer', [0, 2, 3]),
      integers('axis', [1], []),
      integers('last', [3]),
      floats(
        'lengths',
        [600],
        Array.from({ length: 600 }, (_, i) => 1 + i / 100),
      ),
    ],
  },
  'waves, steps and triangles': {
    nodes: [
      conv('images', 'convolved'),
      node('Sin', ['convolved'], ['sine']),
      node('Cos', ['convolved'], ['cosine']),
      node('Mul', ['sine', 'cosine'], ['waves']),
      node('Floor', ['convolved'], ['below']),
      node('Ceil', ['convolved'], ['above']),
      node('Round', ['waves'], ['nearest']),
      node('Sum', ['waves', 'below', 'above', 'nearest'], ['steps']),
      node('CumSum', ['steps', 'rows'], ['running'], { reverse: 1 }),
      node('Trilu', ['running', 'one'], ['triangle'], { upper: 0 }),
      ...tail('triangle'),
    ],
    initializers: [...kernels, ...head, integers('rows', [2], []), integers('one', [1], [])],
  },
  'the largest of each row, and where they were': {
    nodes: [
      conv('images', 'convolved'),
      node('TopK', ['convolved', 'three'], ['largest', 'places']),
      node('Cast', ['places'], ['columns'], { to: 1 }),
      node('ArgMax', ['convolved'], ['rows'], { axis: 2 }),
      node('ArgMin', ['convolved'], ['last'], { axis: -1, keepdims: 0 }),
      node('Cast', ['rows'], ['row'], { to: 1 }),
      node('Cast', ['last'], ['column'], { to: 1 }),
      node('ReduceMean', ['row'], ['mean'], { axes: [2, 3] }),
      node('Unsqueeze', ['column', 'end'], ['beside']),
      node('Sum', ['largest', 'columns', 'mean', 'beside'], ['sum']),
      ...tail('sum'),
    ],
    initializers: [...kernels, ...head, integers('three', [3]), integers('end', [3])],
  },
  'the largest of each row alone': {
    nodes: [
      conv('images', 'convolved'),
      node('TopK', ['convolved', 'three'], ['largest', 'unread']),
      ...tail('largest'),
    ],
    initializers: [...kernels, ...head, integers('three', [3])],
  },
  'places counted for each picture of the batch': {
    nodes: [
      conv('images', 'convolved'),
      node('Shape', ['convolved'], ['shape']),
      node('Gather', ['shape', 'outer'], ['one of each'], { axis: 0 }),
      node('ConstantOfShape', ['one of each'], ['ones'], { value: floats('', [1], [1]) }),
      node('CumSum', ['ones', 'rows'], ['counted']),
      node('Sin', ['counted'], ['waves']),
      node('Unsqueeze', ['waves', 'one'], ['plane']),
      node('Add', ['convolved', 'plane'], ['placed']),
      node('Slice', ['placed', 'one', 'six', 'one'], ['five']),
      node('Concat', ['five', 'plane'], ['joined'], { axis: 1 }),
      ...tail('joined'),
    ],
    initializers: [
      ...kernels,
      ...head,
      integers('outer', [0, 2, 3]),
      integers('rows', [1], []),
      integers('one', [1]),
      integers('six', [6]),
    ],
  },
  'a kernel that is standardized in the graph': {
    nodes: [
      node('Reshape', ['kernel', 'filters'], ['rows']),
      node(
        'BatchNormalization',
        ['rows', 'gain', 'none', 'none', 'gain'],
        ['standard', 'mean', 'variance'],
        { training_mode: 1 },
      ),
      node('Reshape', ['standard', 'again'], ['ready']),
      node('Conv', ['images', 'ready', 'bias'], ['convolved'], window),
      ...tail('convolved'),
    ],
    initializers: [
      ...kernels,
      ...head,
      integers('filters', [1, 6, 27]),
      integers('again', [6, 3, 3, 3]),
      floats('gain', [6], [1, 2, 0.5, 1, 3, 1]),
      floats('none', [6], [0, 0, 0, 0, 0, 0]),
    ],
  },
  'channels written over, as PyTorch writes x[:, 1:3] = 2 * x[:, 4:6]': {
    nodes: [
      conv('images', 'convolved'),
      node('Slice', ['convolved', 'four', 'six', 'one'], ['slice']),
      node('Mul', ['slice', 'two'], ['twice']),
      node('Shape', ['convolved'], ['shape']),
      node('Gather', ['shape', 'zero'], ['count'], { axis: 0 }),
      node('Range', ['zero', 'count', 'unit'], ['range']),
      node('Unsqueeze', ['range', 'last two'], ['pictures']),
      node('Add', ['pictures', 'none'], ['each']),
      node('Sub', ['each', 'pictures'], ['nothing']),
      node('Add', ['nothing', 'channels'], ['channel']),
      node('Concat', ['each', 'channel'], ['places'], { axis: 2 }),
      node('ScatterND', ['convolved', 'places', 'twice'], ['written']),
      ...tail('written'),
    ],
    initializers: [
      ...kernels,
      ...head,
      integers('zero', [0], []),
      integers('unit', [1], []),
      integers('one', [1]),
      integers('four', [4]),
      integers('six', [6]),
      integers('last two', [1, 2]),
      integers('none', [0, 0], [2, 1]),
      integers('channels', [1, 2], [2, 1]),
      floats('two', [], [2]),
    ],
  },
  'rows of a turned map written over': {
    nodes: [
      conv('images', 'convolved'),
      node('Transpose', ['convolved'], ['turned'], { perm: [2, 0, 1, 3] }),
      node('Gather', ['turned', 'others'], ['rows'], { axis: 0 }),
      node('ScatterND', ['turned', 'places', 'rows'], ['written']),
      node('Transpose', ['written'], ['back'], { perm: [1, 2, 0, 3] }),
      ...tail('back'),
    ],
    initializers: [
      ...kernels,
      ...head,
      integers('others', [5, 6]),
      integers('places', [0, 3], [2, 1]),
    ],
  },
  'the places with the highest scores': {
    nodes: [
      conv('images', 'convolved'),
      node('ReduceMean', ['convolved'], ['scores'], { axes: [1] }),
      node('TopK', ['scores', 'three'], ['highest', 'places'], { axis: 3 }),
      node('Shape', ['convolved'], ['shape']),
      node('Slice', ['shape', 'zero', 'end', 'zero'], ['outer']),
      node('Concat', ['outer', 'three'], ['wide'], { axis: 0 }),
      node('Expand', ['places', 'wide'], ['all places']),
      node('GatherElements', ['convolved', 'all places'], ['picked'], { axis: -1 }),
      node('Mul', ['picked', 'highest'], ['weighed']),
      ...tail('weighed'),
    ],
    initializers: [
      ...kernels,
      ...head,
      integers('three', [3]),
      integers('zero', [0]),
      integers('end', [3]),
    ],
  },
  'pools of squares': {
    nodes: [
      node('LpPool', ['images'], ['smaller'], { ...window, strides: [2, 2] }),
      conv('smaller', 'convolved'),
      node('LpPool', ['convolved'], ['same'], {
        kernel_shape: [3, 3],
        auto_pad: 'SAME_UPPER',
        p: 3,
      }),
      node('GlobalLpPool', ['same'], ['pooled']),
      node('Flatten', ['pooled'], ['flat']),
      dense('flat'),
    ],
    initializers: [...kernels, ...head],
  },
  'pixels by their places': {
    nodes: [
      conv('images', 'convolved'),
      // x[:, :, rows, columns] as PyTorch writes it.
      node('Transpose', ['convolved'], ['turned'], { perm: [2, 3, 0, 1] }),
      node('GatherND', ['turned', 'pixels'], ['picked']),
      node('Transpose', ['picked'], ['back'], { perm: [1, 2, 0] }),
      node('Shape', ['back'], ['shape']),
      node('Slice', ['shape', 'zero', 'one', 'zero'], ['count']),
      node('Concat', ['count', 'rest'], ['wide'], { axis: 0 }),
      node('Expand', ['order', 'wide'], ['orders']),
      node('GatherElements', ['back', 'orders'], ['sorted'], { axis: 2 }),
      node('ReduceMean', ['sorted'], ['flat'], { axes: [2], keepdims: 0 }),
      dense('flat'),
    ],
    initializers: [
      ...kernels,
      ...head,
      integers('pixels', [0, 0, 3, -1, 7, 2, 4, 4], [4, 2]),
      integers('zero', [0]),
      integers('one', [1]),
      integers('rest', [6, 5]),
      integers('order', [3, 1, 0, 0, 2], [1, 1, 5]),
    ],
  },
  'a picture looked at through a grid': {
    nodes: [
      conv('images', 'convolved'),
      node('ReduceMean', ['convolved'], ['mean'], { axes: [1] }),
      node('Concat', ['mean', 'mean'], ['pairs'], { axis: 1 }),
      node('Transpose', ['pairs'], ['grid'], { perm: [0, 2, 3, 1] }),
      node('GridSample', ['convolved', 'grid'], ['seen'], { align_corners: 1 }),
      ...tail('seen'),
    ],
    initializers: [...kernels, ...head],
  },
  "ONNX Runtime's own fusions": {
    nodes: [
      node(
        'FusedConv',
        ['images', 'kernel', 'bias'],
        ['active'],
        { ...window, activation: 'Relu' },
        'com.microsoft',
      ),
      node('Gelu', ['active'], ['curved'], {}, 'com.microsoft'),
      node('GlobalAveragePool', ['curved'], ['pooled']),
      node('Flatten', ['pooled'], ['flat']),
      node(
        'FusedGemm',
        ['flat', 'wide', 'bias'],
        ['hidden'],
        { activation: 'LeakyRelu', activation_alpha: { float: 0.2 } },
        'com.microsoft',
      ),
      dense('hidden'),
    ],
    initializers: [...kernels, ...head, floats('wide', [6, 6])],
    model: {
      opsetImport: [
        { domain: '', version: 17 },
        { domain: 'com.microsoft', version: 1 },
      ],
    },
  },
  "ONNX Runtime's fusions of transformers": {
    nodes: [
      conv('images', 'convolved'),
      node('Reshape', ['convolved', 'pixels'], ['columns']),
      node('Transpose', ['columns'], ['tokens'], { perm: [0, 2, 1] }),
      node(
        'Attention',
        ['tokens', 'qkv', 'qkv.bias'],
        ['attended'],
        { num_heads: 2 },
        'com.microsoft',
      ),
      node(
        'SkipLayerNormalization',
        ['attended', 'tokens', 'scale', 'offset', 'bias'],
        ['normal', '', '', 'sum'],
        { epsilon: { float: 0.001 } },
        'com.microsoft',
      ),
      node('MatMul', ['normal', 'query'], ['q']),
      node('MatMul', ['normal', 'key'], ['k']),
      node(
        'MultiHeadAttention',
        ['q', 'k', 'sum', 'qkv.bias'],
        ['again'],
        { num_heads: 3, scale: { float: 0.4 } },
        'com.microsoft',
      ),
      node('ReduceMean', ['again'], ['flat'], { axes: [1], keepdims: 0 }),
      dense('flat'),
    ],
    initializers: [
      ...kernels,
      ...head,
      integers('pixels', [0, 6, 64]),
      floats('qkv', [6, 18]),
      floats('qkv.bias', [18]),
      floats('scale', [6]),
      floats('offset', [6]),
      floats('query', [6, 6]),
      floats('key', [6, 6]),
    ],
    model: {
      opsetImport: [
        { domain: '', version: 17 },
        { domain: 'com.microsoft', version: 1 },
      ],
    },
  },
  'weights that are also listed as inputs': {
    nodes: [conv('images', 'convolved'), ...tail('convolved')],
    initializers: [...kernels, ...head],
    inputs: [
      described('images', ['N', 3, 8, 8]),
      described('kernel', [6, 3, 3, 3]),
      described('fc', [4, 6]),
    ],
  },
  'a fixed batch named in a shape': {
    inputs: [described('images', [1, 3, 8, 8])],
    outputs: [described('logits', [1, 4])],
    nodes: [
      conv('images', 'convolved'),
      node('GlobalAveragePool', ['convolved'], ['pooled']),
      node('Reshape', ['pooled', 'rows'], ['flat']),
      dense('flat'),
    ],
    initializers: [...kernels, ...head, integers('rows', [1, 6])],
  },
};

const drawn = (shape: readonly number[]): Float32Array => {
  const random = createRandom(7);
  return Float32Array.from({ length: sizeOf(shape) }, () => random.next());
};

/** [N,C,H,W] → [N,H,W,C] of one picture. */
const channelsLast = (planes: Float32Array, channels: number): Float32Array => {
  const area = planes.length / channels;
  return planes.map((_, i) => planes[(i % channels) * area + Math.floor(i / channels)] as number);
};

const logitsOf = async (file: Uint8Array, images: Tensor): Promise<Float32Array> => {
  const session = await createSession(file);
  const { logits } = (await session.run({ images })) as { logits: Tensor<'float32'> };
  await session.close();
  return logits.data;
};

it.each(Object.entries(habits))('%s', async (_, parts) => {
  const file = onnxFile(parts);
  const { graph, weights, classes, featureCount } = fromOnnx(file, { batch: openBatchSize });
  expect({ classes, featureCount }).toEqual({ classes: 4, featureCount: 6 });
  const pixels = drawn([2, 3, 8, 8]);
  const ours = toOnnx(graph, { weights, openBatch: true });
  const logits = await logitsOf(ours, float32([2, 3, 8, 8], pixels));
  const turns = parts.inputs?.[0]?.type?.tensorType?.shape?.dim[3]?.dimValue === 3;
  for (const index of [0, 1]) {
    const one = pixels.slice(index * 192, (index + 1) * 192);
    const images = turns ? float32([1, 8, 8, 3], channelsLast(one, 3)) : float32([1, 3, 8, 8], one);
    const expected = Array.from(await logitsOf(file, images), (x) => expect.closeTo(x, 4));
    expect([...logits.slice(index * 4, (index + 1) * 4)]).toEqual(expected);
  }
  // With a batch of its own the graph is the same.
  const three = fromOnnx(file, { batch: 3 }).graph.outputs.map(({ value }) => value.shape);
  expect(three).toEqual([
    [3, 6],
    [3, 4],
  ]);
});
