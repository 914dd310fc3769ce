/**
 * What the engine makes of a loss: a dense layer with ReLU, its cross-entropy, and the gradients of
 * both weights, printed as the graph that ONNX Runtime would run.
 */
import { differentiate } from '../src/engine/autodiff/differentiate.ts';
import { GraphBuilder } from '../src/engine/graph/builder.ts';
import { printGraph } from '../src/engine/graph/print-graph.ts';
import { simplify } from '../src/engine/graph/simplify.ts';
import { constantFill, glorotUniform } from '../src/engine/nn/initializers.ts';
import { softmaxCrossEntropy } from '../src/engine/nn/losses.ts';

const builder = new GraphBuilder();
const features = builder.input('features', 'float32', [4, 3]); // [N, C]
const targets = builder.input('targets', 'float32', [4, 2]); // [N, classes]
const weight = builder.parameter('weight', [3, 2], glorotUniform([3, 2]));
const bias = builder.parameter('bias', [2], constantFill(0)([2]));

const product = builder.apply('MatMul', [features, weight]);
const logits = builder.apply('Relu', [builder.apply('Add', [product, bias])]);
const loss = softmaxCrossEntropy(builder, logits, targets);
builder.output('loss', loss);

console.log('forward\n');
console.log(printGraph(simplify(builder.build())));

const gradients = differentiate(builder, loss, [weight, bias]);
for (const [index, name] of ['weight', 'bias'].entries()) {
  const gradient = gradients[index];
  if (gradient) builder.output(`gradient of ${name}`, gradient);
}
console.log('\nforward and backward\n');
console.log(printGraph(simplify(builder.build())));
