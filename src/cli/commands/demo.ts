/** `relearn demo`: the whole loop, start to finish. */
import type { Command } from 'commander';
import { describeDemo, startDemo } from '../../demo/demo.ts';
import type { Session } from '../session.ts';

interface Options {
  readonly once?: boolean;
  readonly images?: readonly string[];
}

export const define = (command: Command, session: Session): void => {
  command
    .option('--once', 'exit at the end instead of leaving the page open')
    .option('--images <PATH...>', 'use these labelled pictures instead of drawn ones')
    .addHelpText(
      'after',
      '\nWithout --store it works in a temporary folder and removes it at the end.\n\nExamples:  relearn demo\n           relearn demo --once --json\n',
    )
    .action(
      session.act(async (run, options: Options) => {
        const demo = await startDemo(run, { images: options.images ?? [] });
        try {
          run.output.result(demo.report, describeDemo(demo.report));
          if (!options.once) {
            run.output.note(`\nThe page is open at ${demo.server.url} (Ctrl-C ends it).`);
            await new Promise<void>((resolve) => {
              run.context.signal.addEventListener('abort', () => resolve(), { once: true });
              if (run.context.signal.aborted) resolve();
            });
          }
        } finally {
          await demo.close();
        }
        return undefined;
      }),
    );
};
