/** Whether a converted file answers as well as its original, as far as the holdout can tell. */
import { counted } from '../../base/counted.ts';
import { RelearnError } from '../../base/errors.ts';
import type { ExportReport } from '../../records/reports.ts';
import { mcnemarTest } from '../../registry/mcnemar-test.ts';

/** A file that loses more than this share of the holdout is refused, luck or not. */
const accuracyDrop = 0.01;
const alpha = 0.05;

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

/**
 * One picture is no loss, however few there are: of less than a hundred it would be more than a point.
 * @throws RelearnError invalid/`export_less_accurate`, invalid/`export_not_measured`
 */
export const checkExported = (report: ExportReport): void => {
  const { version, format, n, accuracy, originalAccuracy, onlyExported, onlyOriginal } = report;
  const force = 'Write it all the same with --force, or choose another --format.';
  if (accuracy === null || originalAccuracy === null) {
    throw new RelearnError(
      'invalid',
      'export_not_measured',
      `Version ${version} as ${format} can't be measured: the store holds no holdout picture.`,
      { hint: force },
    );
  }
  const lost = onlyOriginal - onlyExported;
  const pValue = mcnemarTest(onlyOriginal, onlyExported);
  if ((lost <= 1 || lost / n <= accuracyDrop) && pValue > alpha) return;
  const allowed =
    lost / n > accuracyDrop
      ? `at most one picture or ${accuracyDrop * 100} % may be lost`
      : 'that is more than luck';
  throw new RelearnError(
    'invalid',
    'export_less_accurate',
    `As ${format}, version ${version} loses ${counted(lost, 'picture')} of the ${n} of the holdout (${percent(accuracy)} right instead of ${percent(originalAccuracy)}, p = ${pValue.toPrecision(2)}); ${allowed}.`,
    { hint: force, details: { report } },
  );
};
