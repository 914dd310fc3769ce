/** What `relearn serve` takes: also for the check of a deployment, which reads it without running it. */
import type { Command } from 'commander';
import type { FunctionName } from '../http/app-context.ts';
import { parseFunctions } from '../http/environment.ts';
import { parseScopes } from '../http/keys.ts';
import { port, wholeNumber } from './option-values.ts';

export interface ServeOptions {
  readonly host?: string;
  readonly port?: number;
  readonly functions?: readonly FunctionName[];
  readonly rateLimit?: number;
  readonly firstModel?: string;
  readonly modelCache?: string;
  readonly anonymous?: ReturnType<typeof parseScopes>;
}

export const addServeOptions = (command: Command): Command =>
  command
    .option('--host <HOST>', 'the address to listen on (127.0.0.1; in a function host 0.0.0.0)')
    .option('--port <N>', "the port, 0 for any free one (the host's variables, else 8080)", port)
    .option(
      '--functions <NAMES>',
      'predict, feedback, train, studio ($RELEARN_FUNCTIONS, else all)',
      parseFunctions,
    )
    .option(
      '--anonymous <SCOPES>',
      'what needs no key, such as predict,feedback ($RELEARN_ANONYMOUS)',
      (text: string) => parseScopes(text),
    )
    .option(
      '--rate-limit <N>',
      'requests a minute of one key or address, 0 for no limit ($RELEARN_RATE_LIMIT, else 6000; without keys none)',
      wholeNumber(0),
    )
    .option(
      '--first-model <FILE>',
      'an ONNX file that becomes the first version where there is none ($RELEARN_FIRST_MODEL)',
    )
    .option(
      '--model-cache <DIR>',
      'a folder that keeps model files, such as a shared disk ($RELEARN_MODEL_CACHE)',
    );
