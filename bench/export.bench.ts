/**
 * What does each exported form of a version cost and bring: bytes, holdout accuracy, milliseconds a
 * picture on one thread beside the original in the same run?
 *
 * npm run bench -- export STORE [--model V]
 */
import { parseArgs } from 'node:util';
import { createRelearn } from '../src/loop/relearn.ts';
import { exportFormats } from '../src/records/export-formats.ts';
import { describeMachine } from './machine.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { model: { type: 'string' } },
});
const [store] = positionals;
if (!store) {
  console.error('usage: npm run bench -- export STORE [--model V]');
  process.exit(2);
}
const relearn = await createRelearn({ store });
const version = Number(values.model ?? (await relearn.models.list()).champion);
const { architecture } = await relearn.models.show(version);
console.log(describeMachine());
console.log(`version ${version}, ${architecture}`);
for (const format of exportFormats) {
  const { report } = await relearn.models.export(version, { format, force: true });
  const { accuracy, originalAccuracy, msPerPicture, originalMsPerPicture } = report;
  const times = (batch: 'batch1' | 'batch8') =>
    `${msPerPicture[batch].toFixed(2)} ms (${(originalMsPerPicture[batch] / msPerPicture[batch]).toFixed(2)} × the original)`;
  const percent = (share: number | null) => ((share ?? Number.NaN) * 100).toFixed(2);
  console.log(
    `${format}: ${(report.bytes / 1e6).toFixed(2)} MB of ${(report.originalBytes / 1e6).toFixed(2)}, ` +
      `${percent(accuracy)} % of ${report.n} (original ${percent(originalAccuracy)} %), ` +
      `${report.disagreements} other answers, alone ${times('batch1')}, in eights ${times('batch8')}`,
  );
}
await relearn.close();
