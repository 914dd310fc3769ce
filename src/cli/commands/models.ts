/** `relearn models`: versions, their lineage, who was champion when and why. */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { formatCount } from '../../base/counted.ts';
import { RelearnError } from '../../base/errors.ts';
import { type ExportFormat, exportFormats } from '../../records/export-formats.ts';
import type { ExportReport, ModelsReport } from '../../records/reports.ts';
import { describeOutcome } from '../describe-training.ts';
import { describeVersion } from '../describe-version.ts';
import { openForReading } from '../open-for-reading.ts';
import { nameList, normalizationOf, numberList, wholeNumber } from '../option-values.ts';
import { asksForNoWord } from '../refuse-command.ts';
import type { Session } from '../session.ts';
import { formatAccuracy, formatPercent, formatTable } from '../text.ts';

const reign = ({ champion }: ModelsReport): string => `Version ${champion} is the champion now.`;

const describe = (report: ModelsReport): string =>
  report.versions.length === 0
    ? 'No versions yet.'
    : formatTable([
        ['version', 'parent', 'created', 'accuracy', 'verdict', ''],
        ...report.versions.map((version) => [
          String(version.version),
          version.parent === null ? '–' : String(version.parent),
          version.createdAt.slice(0, 16).replace('T', ' '),
          formatPercent(version.accuracy),
          version.verdict,
          version.version === report.champion ? '← champion' : '',
        ]),
      ]);

const version = wholeNumber(1);

interface ExportOptions {
  readonly format: ExportFormat;
  readonly force?: boolean;
  readonly out: string;
}

interface SubmitOptions {
  readonly labels?: readonly string[];
  readonly imageSize?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly dataset?: string;
  readonly note?: string;
}

const describeExport = (file: string, report: ExportReport): string => {
  const { version: number, format, n, accuracy, interval, originalAccuracy } = report;
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const times = ({ batch1, batch8 }: ExportReport['msPerPicture']) =>
    `${batch1.toFixed(2)} ms alone, ${batch8.toFixed(2)} ms in a batch of 8`;
  return [
    `Wrote version ${number} as ${format} to ${file}: ${megabytes(report.bytes)} (original ${megabytes(report.originalBytes)}).`,
    accuracy === null || originalAccuracy === null
      ? 'Not measured: the store holds no holdout picture.'
      : `Holdout: ${formatAccuracy({ n, accuracy, interval })}, original ${formatPercent(originalAccuracy)}; other answers on ${formatCount(report.disagreements)}.`,
    `A picture on one thread: ${times(report.msPerPicture)} (original ${times(report.originalMsPerPicture)}).`,
  ].join('\n');
};

/** A place that can't be written to is told before the work, not after. */
const createFile = async (path: string): Promise<FileHandle> => {
  try {
    return await open(path, 'wx');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new RelearnError(
      'not-found',
      'folder_not_found',
      `There is no folder ${dirname(path)}.`,
      {
        hint: 'Create it first, or name another with --out.',
        cause,
      },
    );
  }
};

const example = (line: string): string => `\nExample:  relearn ${line}\n`;

export const define = (command: Command, session: Session): void => {
  command.addHelpText(
    'after',
    '\nExamples:  relearn models\n           relearn models rollback\n           relearn models export 3 --format int8 --out model.onnx\n',
  );
  asksForNoWord(command.command('list', { isDefault: true }))
    .description('All versions, rejected ones too (what `relearn models` alone prints).')
    .addHelpText('after', example('models list --json'))
    .action(
      session.act(async (run) => {
        const report = await (await openForReading(run)).models.list();
        const next = report.versions.length === 0 ? 'Next: relearn train' : '';
        run.output.result(report, describe(report), next);
        return undefined;
      }),
    );
  command
    .command('show')
    .description('Everything known of one version: figures, gate, lineage, when it was champion.')
    .argument('<V>', 'the version', version)
    .addHelpText('after', example('models show 3'))
    .action(
      session.act(async (run, wanted: number) => {
        const details = await (await openForReading(run)).models.show(wanted);
        run.output.result(details, describeVersion(details));
        return undefined;
      }),
    );
  command
    .command('promote')
    .description('Makes a version the champion, whatever the gate said. Servers follow in seconds.')
    .argument('<V>', 'the version', version)
    .addHelpText('after', example('models promote 3'))
    .action(
      session.act(async (run, wanted: number) => {
        const { models } = await run.open();
        const before = await models.list();
        const report = await models.promote(wanted);
        const word =
          before.champion === wanted
            ? `Version ${wanted} is the champion already; nothing changed.`
            : reign(report);
        run.output.result(report, `${word}\n${describe(report)}`);
        return undefined;
      }),
    );
  command
    .command('rollback')
    .description(
      'Makes the champion before this one the champion again. Servers follow in seconds.',
    )
    .option(
      '--to <V>',
      'as far back as this champion; given again, it changes nothing (one back)',
      version,
    )
    .addHelpText(
      'after',
      '\nExamples:  relearn models rollback\n           relearn models rollback --to 3\n',
    )
    .action(
      session.act(async (run, { to }: { readonly to?: number }) => {
        const report = await (await run.open()).models.rollback(to);
        run.output.result(report, `${reign(report)}\n${describe(report)}`);
        return undefined;
      }),
    );
  command
    .command('export')
    .description(
      'Writes a version as a file that any ONNX Runtime serves, measured on the holdout and timed.',
    )
    .argument('<V>', 'the version', version)
    .addOption(
      new Option('--format <NAME>', 'onnx: float32; fp16: half the bytes; int8: a quarter, faster')
        .choices(exportFormats)
        .default('onnx'),
    )
    .requiredOption('--out <FILE>', 'where to write it; an existing file is kept')
    .option('--force', 'write it although it answers worse than the original')
    .addHelpText(
      'after',
      '\nExamples:  relearn models export 3 --out model.onnx\n           relearn models export 3 --format int8 --out small.onnx\n',
    )
    .action(
      session.act(async (run, wanted: number, options: ExportOptions) => {
        const { format, force, out } = options;
        const relearn = await run.open();
        const file = await createFile(out);
        try {
          const { signal } = run.context;
          const { model, report } = await relearn.models.export(wanted, {
            format,
            force: force ?? false,
            signal,
            onLine: run.output.note,
          });
          await file.writeFile(model);
          run.output.result({ file: out, ...report }, describeExport(out, report));
        } catch (error) {
          await rm(out, { force: true });
          throw error;
        } finally {
          await file.close();
        }
        return undefined;
      }),
    );
  command
    .command('submit')
    .description(
      'Brings a model that was trained elsewhere to the gate, as a candidate beside the champion.',
    )
    .argument('<FILE.onnx>', 'a classifier, as one file')
    .option(
      '--labels <NAMES>',
      "the label of each of its classes, in its order (its metadata's)",
      nameList,
    )
    .option('--image-size <N>', 'rows and columns of its pictures (its own)', wholeNumber(1))
    .option('--mean <NUMBERS>', 'its input is (picture in 0..1 - mean) / std (0)', numberList)
    .option('--std <NUMBERS>', 'one number, or one for each channel (1)', numberList)
    .option(
      '--dataset <DIR>',
      'the exported data set that it was trained on: feedback in it counts as learnt',
    )
    .option('--note <TEXT>', 'for people: where it comes from')
    .addHelpText('after', example('models submit trained.onnx --labels cat,dog --note "two GPUs"'))
    .action(
      session.act(async (run, file: string, options: SubmitOptions) => {
        const { mean, std, ...rest } = options;
        const report = await (await run.open()).models.submit(file, {
          ...rest,
          ...normalizationOf(mean, std),
          signal: run.context.signal,
        });
        run.output.result(
          report,
          `Version ${report.version}, ${report.architecture}, trained elsewhere.\n${describeOutcome(report)}`,
        );
        return undefined;
      }),
    );
};
