/** `relearn feedback`: sends labelled pictures to a running server, as its users would. */
import type { Command } from 'commander';
import { counted, formatCount } from '../../base/counted.ts';
import { openPictureSource } from '../../data/picture-source.ts';
import { exitCodes } from '../failure.ts';
import { openFeedbackJournal, stateFolder } from '../feedback-journal.ts';
import { idRange, webAddress, wholeNumber } from '../option-values.ts';
import {
  callbackUrl,
  type FeedbackCounts,
  type LabelledPicture,
  sendFeedback,
} from '../send-feedback.ts';
import type { Session } from '../session.ts';
import { formatForeign, formatSeconds } from '../text.ts';

interface Options {
  readonly url: URL;
  readonly ids?: readonly [number, number];
  readonly concurrency: number;
  readonly key?: string;
}

const problemsShown = 20;

const describe = (counts: Readonly<FeedbackCounts>, seconds: number): string => {
  const { sent, accepted, duplicates, heldBack, rejected, failed } = counts;
  const dropped = `\n${formatCount(heldBack)} of the duplicates ${heldBack === 1 ? 'judges' : 'judge'} models (validation or holdout) and ${heldBack === 1 ? 'keeps its label' : 'keep their labels'}, whatever is sent; only a new store takes others.`;
  return (
    `Sent ${counted(sent, 'picture')} in ${formatSeconds(seconds)}: ` +
    `${formatCount(accepted)} accepted, ${counted(duplicates, 'duplicate')}, ` +
    `${formatCount(rejected)} rejected, ${formatCount(failed)} failed.${heldBack > 0 ? dropped : ''}`
  );
};

/** Every picture at the paths; what can't be used fails on reading, like a broken file. */
const listPictures = async function* (
  paths: readonly string[],
  ids: Options['ids'],
): AsyncGenerator<LabelledPicture> {
  for await (const item of openPictureSource(paths, ids === undefined ? {} : { ids })) {
    if ('rejected' in item) {
      const { path, rejected } = item;
      yield { path, label: '', read: () => Promise.reject(new Error(rejected)) };
    } else {
      yield item;
    }
  }
};

const countPictures = async (paths: readonly string[], ids: Options['ids']): Promise<number> => {
  let count = 0;
  for await (const _ of listPictures(paths, ids)) count++;
  return count;
};

export const define = (command: Command, session: Session): void => {
  command
    .argument('<PATH...>', 'labelled pictures, laid out as for import')
    .requiredOption('--url <URL>', 'where the server listens', webAddress)
    .option('--ids <A-B>', 'only these numbers in the names, both ends included', idRange)
    .option('--concurrency <N>', 'pictures on their way at once', wholeNumber(1), 8)
    .option('--key <KEY>', 'the key to send, where the server asks for one')
    .addHelpText(
      'after',
      "\nThe label is the one in a picture's name (label.N.jpg), else the name of its folder.\n\nExample:  relearn feedback train.zip --ids 5000-8999 --url http://127.0.0.1:8080\n" +
        '\nA stopped run goes on where it was when the same command is given again.\n',
    )
    .action(
      session.act(async (run, paths: string[], options: Options) => {
        const { context, output } = run;
        const started = context.clock.monotonic();
        const total = await countPictures(paths, options.ids);
        const journal = await openFeedbackJournal(
          stateFolder(context.env),
          callbackUrl(options.url).href,
        );
        const progress = output.progress('feedback', 'pictures');
        let problems = 0;
        try {
          const counts = await sendFeedback(listPictures(paths, options.ids), {
            url: options.url,
            ...(options.key === undefined ? {} : { key: options.key }),
            concurrency: options.concurrency,
            fetch: context.fetch,
            clock: context.clock,
            signal: context.signal,
            journal,
            onCount: ({ accepted, duplicates, rejected, failed }) =>
              progress.update({ done: accepted + duplicates + rejected + failed, total }),
            onWait: (reason, milliseconds) =>
              output.note(
                `Trying again in ${formatSeconds(milliseconds / 1000)}: ${formatForeign(reason)}`,
              ),
            onProblem: (path, reason) => {
              problems++;
              if (problems > problemsShown) return;
              output.note(`  ${formatForeign(path)}: ${formatForeign(reason)}`);
            },
          });
          progress.stop();
          const seconds = (context.clock.monotonic() - started) / 1000;
          output.result(
            { ...counts, seconds: Math.round(seconds * 1000) / 1000 },
            describe(counts, seconds),
            counts.failed > 0 ? 'Run the same command again to send what failed.' : '',
          );
          return counts.rejected + counts.failed > 0 ? exitCodes.failed : exitCodes.done;
        } finally {
          progress.stop();
        }
      }),
    );
};
