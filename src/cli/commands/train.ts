/** `relearn train`: trains a candidate, judges it beside the champion, promotes it if it is better. */
import { type Command, Option } from 'commander';
import { type Device, devices } from '../../records/devices.ts';
import type { TrainingProgress } from '../../records/reports.ts';
import { describeTraining } from '../describe-training.ts';
import { type NetworkOptions, networkOptions } from '../network-options.ts';
import { accuracy, normalizationOf, positiveNumber, wholeNumber } from '../option-values.ts';
import type { Progress } from '../progress.ts';
import type { Session } from '../session.ts';
import { showDownload } from '../show-download.ts';
import { formatPercent } from '../text.ts';

interface Options extends NetworkOptions {
  readonly from?: 'champion' | 'scratch';
  readonly architecture?: string;
  readonly fineTune?: number;
  readonly mirror?: boolean;
  readonly rounds?: number;
  readonly steps?: number;
  readonly patience?: number;
  readonly targetAccuracy?: number;
  readonly maxMinutes?: number;
  readonly batchSize?: number;
  readonly learningRate?: number;
  readonly seed?: number;
  readonly device?: Device;
  readonly resume?: boolean;
}

/** Shows a training on its way on one bar. */
export const showTraining =
  (progress: Progress) =>
  (state: TrainingProgress): void => {
    const facts = [
      state.phase === 'training'
        ? `round ${Math.min(state.round, state.rounds ?? state.round)}`
        : state.phase,
      state.loss === null ? '' : `loss ${state.loss.toFixed(3)}`,
      state.bestAccuracy === null ? '' : `best ${formatPercent(state.bestAccuracy)}`,
    ];
    progress.update(
      {
        done: state.step,
        total: state.steps,
        rate: state.imagesPerSecond,
        secondsLeft: state.secondsLeft,
      },
      facts.filter((fact) => fact !== '').join(' · '),
    );
  };

export const define = (command: Command, session: Session): void => {
  command
    .addOption(
      new Option(
        '--from <START>',
        'the weights to start from (where there is a champion, the better of both after a short race)',
      ).choices(['champion', 'scratch']),
    )
    .option(
      '--architecture <NAME>',
      "compact, article, FILE.onnx or hf:OWNER/NAME/FILE.onnx (the champion's, else the store's)",
    );
  networkOptions(command)
    .option(
      '--fine-tune <BLOCKS>',
      'with an ONNX file: how many of its last blocks learn too, such as a third of them: minutes instead of seconds, more often right (as the model that is continued; else 0: only a new head does)',
      wholeNumber(0),
    )
    .option(
      '--mirror',
      'with an ONNX file: looks at each picture and its mirror image, in training and in serving: twice the time, a little more often right',
    )
    .option('--rounds <N>', 'most rounds; a round ends in an evaluation', wholeNumber(1))
    .option('--steps <N>', 'training steps in a round', wholeNumber(1))
    .option(
      '--patience <N>',
      'rounds without a better accuracy before it stops (5, from the middle of the schedule on)',
      wholeNumber(1),
    )
    .option('--target-accuracy <A>', 'stop at this validation accuracy, such as 0.95', accuracy)
    .option('--max-minutes <M>', 'stop after this time', positiveNumber)
    .option('--batch-size <N>', 'pictures in a step, 4096 at most', wholeNumber(1, 4096))
    .option('--learning-rate <R>', 'peak learning rate', positiveNumber)
    .option('--seed <N>', 'same seed, same data: same weights', wholeNumber(0))
    .addOption(
      new Option(
        '--device <NAME>',
        'where training steps run (cpu); webgpu falls back to cpu where there is no GPU',
      ).choices(devices),
    )
    .option('--resume', 'go on with the training that was interrupted, as it was started')
    .addHelpText(
      'after',
      '\nExamples:  relearn train\n           relearn train --from scratch --architecture article --max-minutes 30\n           relearn train --resume\n           relearn train --device webgpu\n',
    )
    .action(
      session.act(async (run, { mean, std, ...options }: Options) => {
        const relearn = await run.open();
        const progress = run.output.progress('train', 'steps');
        const download = showDownload(run.output);
        try {
          const report = await relearn.train({
            ...options,
            ...normalizationOf(mean, std),
            signal: run.context.signal,
            onProgress: showTraining(progress),
            onLine: run.output.note,
            onDownload: download.update,
          });
          progress.stop();
          run.output.result(report, describeTraining(report));
        } finally {
          download.stop();
          progress.stop();
        }
        return undefined;
      }),
    );
};
