/** `relearn models`: versions, their lineage, who was champion when and why. */
import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { RelearnError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import type { ModelsReport } from '../../records/reports.ts';
import { wholeNumber } from '../option-values.ts';
import type { Session } from '../session.ts';
import { formatPercent, formatTable } from '../text.ts';

const describe = (report: ModelsReport): string =>
  report.versions.length === 0
    ? 'No versions yet. Next: relearn train'
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

const example = (line: string): string => `\nExample:  relearn ${line}\n`;

export const define = (command: Command, session: Session): void => {
  command.addHelpText(
    'after',
    '\nExamples:  relearn models\n           relearn models rollback\n           relearn models export 3 --format onnx --out model.onnx\n',
  );
  command
    .command('list', { isDefault: true })
    .description('All versions, rejected ones too (what `relearn models` alone prints).')
    .addHelpText('after', example('models list --json'))
    .action(
      session.act(async (run) => {
        const report = await (await run.open()).models.list();
        run.output.result(report, describe(report));
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
        const details = await (await run.open()).models.show(wanted);
        run.output.result(details, JSON.stringify(details, null, 2));
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
        const report = await (await run.open()).models.promote(wanted);
        run.output.result(report, describe(report));
        return undefined;
      }),
    );
  command
    .command('rollback')
    .description(
      'Makes the champion before this one the champion again. Servers follow in seconds.',
    )
    .addHelpText('after', example('models rollback'))
    .action(
      session.act(async (run) => {
        const report = await (await run.open()).models.rollback();
        run.output.result(report, describe(report));
        return undefined;
      }),
    );
  command
    .command('export')
    .description('Writes the model file of a version.')
    .argument('<V>', 'the version', version)
    .addOption(
      new Option('--format <NAME>', 'the form of the file')
        .choices(['onnx', 'fp16', 'int8'])
        .default('onnx'),
    )
    .requiredOption('--out <FILE>', 'where to write it; an existing file is kept')
    .addHelpText('after', example('models export 3 --format onnx --out model.onnx'))
    .action(
      session.act(
        async (
          run,
          wanted: number,
          options: { readonly format: 'onnx' | 'fp16' | 'int8'; readonly out: string },
        ) => {
          if (options.format !== 'onnx') {
            throw new RelearnError(
              'usage',
              'format_not_available',
              `Export as ${options.format} is not available in this build.`,
              { hint: 'Use --format onnx.' },
            );
          }
          const bytes = await (await run.open()).models.export(wanted, options.format);
          await writeFile(options.out, bytes, { flag: 'wx' });
          const report = {
            version: wanted,
            format: options.format,
            file: options.out,
            bytes: bytes.length,
            sha256: sha256(bytes),
          };
          run.output.result(report, `Wrote version ${wanted} to ${options.out}.`);
          return undefined;
        },
      ),
    );
};
