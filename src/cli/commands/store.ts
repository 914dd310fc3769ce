/** `relearn store`: moves everything to another place. */
import type { Command } from 'commander';
import type { Session } from '../session.ts';
import { formatCount, formatSeconds } from '../text.ts';

const example =
  "\nExample:  relearn store copy ./relearn-store 's3://bucket/prefix?region=eu-west-1'\n";

export const define = (command: Command, session: Session): void => {
  command.addHelpText('after', example);
  command
    .command('copy')
    .description(
      'Copies a store, compares every object, and goes on where it was when it is run again. Stop what trains and imports first.',
    )
    .argument('<FROM>', 'the store to copy, which stays as it is')
    .argument('<TO>', 'an empty folder, bucket or prefix; a bucket is created where it is missing')
    .addHelpText('after', example)
    .action(
      session.act(async (run, from: string, to: string) => {
        const progress = run.output.progress('copy', 'objects');
        try {
          const report = await run.context.copyStore({
            from,
            to,
            clock: run.context.clock,
            env: run.context.env,
            signal: run.context.signal,
            onBucketCreated: (name) => run.output.note(`Created the bucket ${name}.`),
            onProgress: ({ objects }) => progress.update({ done: objects, total: null }),
          });
          progress.stop();
          run.output.result(
            report,
            `Copied ${formatCount(report.objects)} objects, ${formatCount(report.bytes)} bytes, in ${formatSeconds(report.seconds)}; all were read back and are the same.\n` +
              `Next: relearn status --store '${to}'`,
          );
        } finally {
          progress.stop();
        }
        return undefined;
      }),
    );
};
