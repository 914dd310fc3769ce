/**
 * Other classes for a trained model, without training: run it with a model file that `relearn models
 * export` wrote, and the name of the file to write. Cats become kittens and birds come in; what the
 * model knew it still knows. `relearn models submit` brings the result to a store with these labels,
 * and a training there teaches it the new class.
 */
import { readFile, writeFile } from 'node:fs/promises';
import {
  addClass,
  changeClasses,
  type HeadPlan,
  keepClasses,
  readModel,
  renameClass,
  reorderClasses,
} from '../src/index.ts';

const [file, changedFile = 'changed.onnx'] = process.argv.slice(2);
if (file === undefined) throw new Error('Name a model file: relearn models export 1 --out FILE');

const model = await readFile(file);
const { labels } = readModel(model);

// A plan says for each new class which old ones it comes from. `mergeClasses` and `removeClass`
// change it in the same way.
const known: HeadPlan = renameClass(keepClasses(labels), 'cat', 'kitten');
const plan = reorderClasses(addClass(known, 'bird'), ['bird', ...known.map(({ label }) => label)]);

// A kept class keeps its row of weights, bit for bit. A new one starts so low that it is not
// predicted before it is trained.
await writeFile(changedFile, changeClasses(model, plan));
console.log(`${labels.join(', ')} -> ${readModel(await readFile(changedFile)).labels.join(', ')}`);
