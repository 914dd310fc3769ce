/** `relearn deploy`: checks a deployment file before it is deployed. */
import type { Command } from 'commander';
import { counted } from '../../base/counted.ts';
import { checkDeployment } from '../deploy/check-deployment.ts';
import { readDeploymentFile } from '../deploy/read-deployment-file.ts';
import { exitCodes } from '../failure.ts';
import type { Session } from '../session.ts';
import { formatForeign } from '../text.ts';

const example = '\nExample:  relearn deploy check deploy/s.yaml\n';

export const define = (command: Command, session: Session): void => {
  command.addHelpText('after', example);
  command
    .command('check')
    .description(
      'Holds a file for Function Compute 3.0 (Serverless Devs) against what the platform takes and what relearn needs. Needs no account and no network.',
    )
    .argument('[FILE]', 'the file', 'deploy/s.yaml')
    .addHelpText('after', example)
    .action(
      session.act(async (run, file: string) => {
        const problems = checkDeployment(await readDeploymentFile(file));
        const ok = problems.length === 0;
        const lines = problems.map(
          ({ line, where, problem, cure }) =>
            `${file}:${line}: ${formatForeign(`${where === '' ? '' : `${where}: `}${problem} ${cure}`)}`,
        );
        run.output.result(
          { ok, file, problems },
          ok ? `${file} is fine.` : `${lines.join('\n')}\n${counted(problems.length, 'problem')}.`,
        );
        return ok ? exitCodes.done : exitCodes.failed;
      }),
    );
};
