/**
 * One training step of `article` or `compact` in TensorFlow.js, repeated; prints seconds a step as
 * JSON. It runs on the library's own processor back end: the one that uses TensorFlow's C library is
 * fetched by an install script, and the WebAssembly one has no gradients of convolutions.
 *
 * node tensorflowjs-training.mjs FOLDER NETWORK BATCH STEPS, where FOLDER has node_modules with
 * @tensorflow/tfjs.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [folder, name, batch, steps] = process.argv.slice(2);
const log = console.log;
console.log = () => {}; // the library greets on standard output
const tf = createRequire(join(folder, 'package.json'))('@tensorflow/tfjs');
await tf.setBackend('cpu');
const { layers } = tf;

const convolution = (filters, options = {}) =>
  layers.conv2d({ filters, kernelSize: 3, padding: 'same', ...options });
const pool = () => layers.maxPooling2d({ poolSize: 2 });

const article = (images) => {
  let x = layers.rescaling({ scale: 1, offset: -0.5 }).apply(images);
  for (const [filters, pooled] of [
    [32, true],
    [32, true],
    [64, false],
    [64, true],
  ]) {
    x = convolution(filters).apply(x);
    if (pooled) x = pool().apply(x);
    x = layers.reLU().apply(x);
  }
  x = layers.dense({ units: 1024, activation: 'relu' }).apply(layers.flatten().apply(x));
  return layers.dense({ units: 2 }).apply(layers.dropout({ rate: 0.4 }).apply(x));
};

const unit = (x, filters, { linear = false, ...options } = {}) => {
  const convolved = convolution(filters, { useBias: false, ...options }).apply(x);
  const normalized = layers.batchNormalization({ epsilon: 1e-5 }).apply(convolved);
  return linear ? normalized : layers.reLU().apply(normalized);
};

const compact = (images) => {
  let x = layers.rescaling({ scale: 4, offset: -1.8 }).apply(images);
  x = unit(x, 32, { strides: 2, linear: true });
  for (const filters of [32, 64, 128, 256]) {
    x = layers.reLU().apply(pool().apply(x));
    const shortcut = unit(x, filters, { kernelSize: 1, linear: true });
    const second = unit(unit(x, filters), filters, { linear: true });
    x = layers.add().apply([second, shortcut]);
  }
  const pooled = layers.globalAveragePooling2d({}).apply(layers.reLU().apply(x));
  return layers.dense({ units: 2 }).apply(pooled);
};

const [build, size, channels] = { article: [article, 224, 1], compact: [compact, 96, 3] }[name];
const images = tf.input({ shape: [size, size, channels] });
const model = tf.model({ inputs: images, outputs: build(images) });
model.compile({
  optimizer: tf.train.adam(1e-4),
  loss: (labels, logits) => tf.losses.softmaxCrossEntropy(labels, logits),
});
const count = Number(batch);
const pictures = tf.randomUniform([count, size, size, channels]);
const labels = tf.oneHot(
  tf.tensor1d(
    Array.from({ length: count }, (_, i) => i % 2),
    'int32',
  ),
  2,
);
const seconds = [];
for (let step = 0; step < Number(steps); step++) {
  const started = performance.now();
  await model.trainOnBatch(pictures, labels);
  seconds.push((performance.now() - started) / 1000);
}
log(JSON.stringify({ tensorflowjs: tf.version.tfjs, seconds }));
