/**
 * An object store of your own: six calls, of which put-if-absent is the one that processes agree
 * by. This one counts the calls of another, and so tells what feedback costs.
 */
import { createRandom } from '../src/base/random.ts';
import { encodeJpeg } from '../src/data/decode-image.ts';
import { paintPicture } from '../src/demo/paint-picture.ts';
import { createMemoryStore, createRelearn, initStore, type ObjectStore } from '../src/index.ts';

const counts = new Map<string, number>();

const countCalls = (inner: ObjectStore): ObjectStore => {
  const count = (call: keyof ObjectStore): ObjectStore => {
    counts.set(call, (counts.get(call) ?? 0) + 1);
    return inner;
  };
  return {
    location: `counted ${inner.location}`,
    get: (key) => count('get').get(key),
    head: (key) => count('head').head(key),
    put: (key, bytes) => count('put').put(key, bytes),
    putIfAbsent: (key, bytes) => count('putIfAbsent').putIfAbsent(key, bytes),
    list: (prefix, options) => count('list').list(prefix, options),
    delete: (key) => count('delete').delete(key),
  };
};

const store = countCalls(createMemoryStore());
await initStore({ store, labels: ['cat', 'dog'] });
const relearn = await createRelearn({ store });

const picture = await encodeJpeg(paintPicture('cat', createRandom(1)));
for (const time of ['first', 'second']) {
  counts.clear();
  const receipt = await relearn.collectFeedback({ picture, target: 'cat', source: 'example' });
  console.log(`the ${time} time: ${receipt.status}`, Object.fromEntries(counts));
}
console.log((await relearn.status()).pending);
await relearn.close();
