/** A folder of class folders in, a model file out: run it with the folder and the file's name. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRelearn, initStore } from '../src/index.ts';

const [folder, file = 'model.onnx'] = process.argv.slice(2);
if (folder === undefined) throw new Error('Name a folder with one folder for each class.');

const entries = await readdir(folder, { withFileTypes: true });
const labels = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);

const scratch = await mkdtemp(join(tmpdir(), 'relearn-example-'));
const store = join(scratch, 'store');
await initStore({ store, labels });
const relearn = await createRelearn({ store });

const { imported, rejected } = await relearn.importPictures([folder]);
console.log(`${imported} pictures of ${labels.join(', ')}; ${rejected.length} rejected`);

const report = await relearn.train({ maxMinutes: 10, onLine: (line) => console.log(line) });
console.log(report.holdout);

// The file holds labels and preprocessing in its metadata; any ONNX Runtime can serve it.
const { model } = await relearn.models.export(report.version);
await writeFile(file, model);
await relearn.close();
await rm(scratch, { recursive: true });
