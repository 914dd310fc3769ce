/** `relearn doctor`: checks the machine, the store and the settings. */
import type { Command } from 'commander';
import { type CheckResult, doctorChecks } from '../doctor-checks.ts';
import { describeFailure, exitCodes } from '../failure.ts';
import type { Session } from '../session.ts';
import { formatTable } from '../text.ts';

export const define = (command: Command, session: Session): void => {
  command
    .addHelpText(
      'after',
      '\nIt writes one small object to the store and removes it again.\n\nExample:  relearn doctor --store s3://my-bucket\n',
    )
    .action(
      session.act(async (run) => {
        const checks: CheckResult[] = [];
        for (const [name, check] of doctorChecks(run)) {
          run.context.signal.throwIfAborted();
          try {
            checks.push({ name, ok: true, detail: await check() });
          } catch (error) {
            const { message, hint } = describeFailure(error, run.context.signal.aborted);
            checks.push({
              name,
              ok: false,
              detail: hint === null ? message : `${message} ${hint}`,
            });
          }
        }
        const ok = checks.every((check) => check.ok);
        const table = formatTable(
          checks.map((check) => [check.ok ? 'ok' : 'NOT OK', check.name, check.detail]),
          3,
        );
        run.output.result({ ok, checks }, table);
        return ok ? exitCodes.done : exitCodes.failed;
      }),
    );
};
