/**
 * One version as a file for other programs. A converted file is scored on the frozen holdout and
 * timed beside the original before anybody gets it, and refused where it answers worse.
 */
import { counted } from '../../base/counted.ts';
import { sha256 } from '../../base/hash.ts';
import type { LabelledPicture } from '../../data/pixel-cache.ts';
import type { ExportFormat } from '../../records/export-formats.ts';
import type { ImportRow } from '../../records/import-manifest.ts';
import { readVerified } from '../../records/read-verified.ts';
import type { ExportMeasurement, ExportReport } from '../../records/reports.ts';
import { lineageOf, versionOf } from '../../registry/registry-state.ts';
import { wilsonInterval } from '../../registry/wilson-interval.ts';
import type { Components } from '../components.ts';
import { readBasePictures } from '../training/load-training-pictures.ts';
import { checkExported } from './check-exported.ts';

export interface ExportOptions {
  /** Default: onnx. */
  readonly format?: ExportFormat;
  /** Hand the file out although it answers worse, or could not be measured. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  /** Told, for people, what it is at: each of these takes seconds or more. */
  onLine?(line: string): void;
}

export interface ExportedModel {
  readonly model: Uint8Array;
  readonly report: ExportReport;
}

/** Pictures that int8 is calibrated on. */
const calibrationPictures = 128;

/** The same ones of a store every time: those whose hashes, hashed again, come first. */
const calibrationSample = (rows: readonly ImportRow[]): readonly ImportRow[] =>
  rows
    .filter(({ split }) => split === 'train')
    .map((row) => ({ row, order: sha256(Buffer.from(`calibration ${row.sha256}`)) }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .slice(0, calibrationPictures)
    .map(({ row }) => row);

const answersOf = async (
  { openClassifier }: Components,
  model: Uint8Array,
  pictures: readonly LabelledPicture[],
  signal: AbortSignal | undefined,
): Promise<Int32Array> => {
  const { evaluate } = await import('../../training/evaluate.ts');
  const classifier = await openClassifier(model);
  try {
    return (await evaluate(classifier, pictures, signal ? { signal } : {})).predicted;
  } finally {
    await classifier.close();
  }
};

/**
 * @throws RelearnError not-found/`version_not_found`, corrupt/`object_missing` and others of the
 *   model's object, invalid/`export_less_accurate` where the file is more than a point and
 *   more than one picture worse on the holdout, or worse by the exact McNemar test, invalid/`export_not_measured`
 */
export const exportVersion = async (
  components: Components,
  version: number,
  { format = 'onnx', force = false, signal, onLine }: ExportOptions = {},
): Promise<ExportedModel> => {
  const { store, registry, basePictures, clock } = components;
  const state = await registry.read();
  const original = await readVerified(store, versionOf(state, version).entry.model);
  const [conversion, models, onnx, ranges, timing] = await Promise.all([
    import('../../engine/export/convert-model.ts'),
    import('../../engine/nn/model-file.ts'),
    import('../../formats/onnx.ts'),
    import('../../training/measure-ranges.ts'),
    import('../../engine/runtime/time-models.ts'),
  ]);
  const { preprocessing } = models.describeModel(original);
  const rows = [...(await basePictures.at(state)).values()];
  const { holdout } = await readBasePictures(
    components,
    rows.filter(({ split }) => split === 'holdout'),
  );

  const calibrated = format === 'int8' ? calibrationSample(rows) : [];
  const converted = await conversion.convertModel(
    onnx.decodeOnnx(original),
    format,
    async (model, values) => {
      onLine?.(
        `calibrating on ${counted(calibrated.length, 'training picture')}, which may take some minutes`,
      );
      const { train: pictures } = await readBasePictures(components, calibrated);
      const options = { model, values, pictures, preprocessing, threads: 1 };
      return ranges.measureRanges(signal ? { ...options, signal } : options);
    },
    {
      'relearn.format': format,
      'relearn.version': String(version),
      'relearn.lineage': JSON.stringify(
        lineageOf(state, version).map((one) => ({
          version: one.version,
          sha256: one.entry.model.sha256,
        })),
      ),
      ...(format === 'int8'
        ? {
            'relearn.calibration': JSON.stringify({
              method: 'percentile',
              cut: ranges.cutShare,
              pictures: calibrated.length,
              sha256: sha256(Buffer.from(calibrated.map((row) => row.sha256).join('\n'))),
            }),
          }
        : {}),
    },
  );
  const model = onnx.encodeOnnx(converted);
  signal?.throwIfAborted();

  const asked = counted(holdout.length, 'holdout picture');
  onLine?.(`asking version ${version} about ${asked}`);
  const before = await answersOf(components, original, holdout, signal);
  if (format !== 'onnx') onLine?.(`asking its ${format} form about ${asked}`);
  const after = format === 'onnx' ? before : await answersOf(components, model, holdout, signal);
  onLine?.('timing both');
  const shape = [preprocessing.channels, preprocessing.height, preprocessing.width] as const;
  const time = (batchSize: number) =>
    timing.timeModels({ models: [original, model], shape, batchSize, clock });
  const [alone, eight] = [await time(1), await time(8)];
  const milliseconds = (index: number) => ({
    batch1: alone[index] as number,
    batch8: eight[index] as number,
  });
  const report: ExportReport = {
    version,
    format,
    bytes: model.length,
    originalBytes: original.length,
    sha256: sha256(model),
    ...compare(holdout, before, after),
    msPerPicture: milliseconds(1),
    originalMsPerPicture: milliseconds(0),
    forced: force,
  };
  if (format !== 'onnx' && !force) checkExported(report);
  return { model, report };
};

const compare = (
  pictures: readonly LabelledPicture[],
  before: Int32Array,
  after: Int32Array,
): ExportMeasurement => {
  const n = pictures.length;
  const count = (holds: (label: number, before: number, after: number) => boolean) =>
    pictures.filter(({ label }, i) => holds(label, before[i] as number, after[i] as number)).length;
  const right = count((label, _, now) => now === label);
  const rightBefore = count((label, then) => then === label);
  return {
    n,
    accuracy: n === 0 ? null : right / n,
    interval: wilsonInterval(right, n),
    originalAccuracy: n === 0 ? null : rightBefore / n,
    disagreements: count((_, then, now) => then !== now),
    onlyExported: count((label, then, now) => now === label && then !== label),
    onlyOriginal: count((label, then, now) => then === label && now !== label),
  };
};
