/** `relearn predict`: says what is on pictures. A picture that can't be read fails alone. */
import { readFile, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { isRelearnError, RelearnError } from '../../base/errors.ts';
import type { Relearn } from '../../loop/relearn-api.ts';
import { exitCodes } from '../failure.ts';
import { wholeNumber } from '../option-values.ts';
import type { Session } from '../session.ts';
import { formatBar, formatForeign, formatPercent, formatTable } from '../text.ts';

interface Fault {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
}

type Outcome =
  | {
      readonly path: string;
      readonly result: Readonly<Record<string, number>>;
      readonly label: string;
      readonly version: number;
    }
  | { readonly path: string; readonly error: Fault };

/** The largest body that the server takes too. */
const mostBytes = 16 * 2 ** 20;

const readPicture = async (path: string): Promise<Uint8Array> => {
  const found = await stat(path).catch((cause: unknown) => {
    throw new RelearnError('invalid', 'path_not_found', 'The file can not be read.', {
      hint: 'Check the path.',
      cause,
    });
  });
  if (!found.isFile()) {
    throw new RelearnError('invalid', 'not_a_file', 'This is not a file.', {
      hint: 'Name picture files; relearn evaluate takes folders.',
    });
  }
  if (found.size > mostBytes) {
    throw new RelearnError('invalid', 'body_too_large', 'The file is larger than 16 MiB.', {
      hint: 'Shrink the picture.',
    });
  }
  return readFile(path);
};

const predictOne = async (
  relearn: Relearn,
  path: string,
  options: { readonly version?: number },
): Promise<Outcome> => {
  try {
    const { result, label, version } = await relearn.predict(await readPicture(path), options);
    return { path, result, label, version };
  } catch (error) {
    // Anything else, such as a missing model, concerns every picture and ends the command.
    if (!isRelearnError(error) || error.kind !== 'invalid') throw error;
    const { code, message, hint = null } = error;
    return { path, error: { code, message, hint } };
  }
};

const describe = (outcome: Outcome): string => {
  if ('error' in outcome) {
    const { message, hint } = outcome.error;
    const says = hint === null ? message : `${message} ${hint}`;
    return `${formatForeign(outcome.path)}: ${formatForeign(says)}`;
  }
  const scores = Object.entries(outcome.result).sort(([, first], [, second]) => second - first);
  const bars = formatTable(
    scores.map(([label, score]) => [`  ${label}`, formatBar(score), formatPercent(score)]),
  );
  return `${formatForeign(outcome.path)}: ${outcome.label} (version ${outcome.version})\n${bars}`;
};

export const define = (command: Command, session: Session): void => {
  command
    .argument('<IMAGE...>', 'JPEG, PNG or WebP files')
    .option('--model <V>', 'the version to ask (the champion)', wholeNumber(1))
    .addHelpText('after', '\nExample:  relearn predict cat.jpg dog.png --json\n')
    .action(
      session.act(async (run, paths: string[], options: { readonly model?: number }) => {
        const relearn = await run.open();
        const version = options.model === undefined ? {} : { version: options.model };
        const results: Outcome[] = [];
        for (const path of paths) {
          run.context.signal.throwIfAborted();
          results.push(await predictOne(relearn, path, version));
        }
        run.output.result({ results }, results.map(describe).join('\n'));
        return results.some((outcome) => 'error' in outcome) ? exitCodes.failed : exitCodes.done;
      }),
    );
};
