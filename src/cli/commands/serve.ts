/** `relearn serve`: answers over HTTP; feedback starts training by itself. */
import type { Command } from 'commander';
import type { FunctionName } from '../../http/app-context.ts';
import {
  anonymousFrom,
  keysFrom,
  logLevelFrom,
  modelFilesFrom,
  parseFunctions,
  portFrom,
  rateLimitFrom,
} from '../../http/environment.ts';
import { hostSettings } from '../../http/host-settings.ts';
import { parseScopes } from '../../http/keys.ts';
import { isLoopback } from '../../http/loopback.ts';
import { createMetrics } from '../../http/metrics.ts';
import { openOnFirstCall } from '../../http/open-on-first-call.ts';
import { createLogger, serve } from '../../http/serve.ts';
import { port, wholeNumber } from '../option-values.ts';
import type { Session } from '../session.ts';

interface Options {
  readonly host?: string;
  readonly port?: number;
  readonly functions?: readonly FunctionName[];
  readonly rateLimit?: number;
  readonly firstModel?: string;
  readonly modelCache?: string;
  readonly anonymous?: ReturnType<typeof parseScopes>;
}

export const define = (command: Command, session: Session): void => {
  const { env } = session.context;
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
    )
    .addHelpText(
      'after',
      '\nKeys: RELEARN_KEYS="name:key:predict+feedback,…" or RELEARN_KEYS_FILE. Without keys it listens on this machine only.\n' +
        '\nExample:  relearn serve --port 8080\n' +
        "          curl --data-binary @cat.jpg -H 'content-type: image/jpeg' http://127.0.0.1:8080/predict\n",
    )
    .action(
      session.act(async (run, options: Options) => {
        const keys = keysFrom(env);
        const anonymous = options.anonymous ?? anonymousFrom(env);
        const functions =
          options.functions ??
          (env.RELEARN_FUNCTIONS ? parseFunctions(env.RELEARN_FUNCTIONS) : undefined);
        const requestsPerMinute = options.rateLimit ?? rateLimitFrom(env);
        const logger = createLogger(logLevelFrom(env));
        const settings = hostSettings(env, run.store, (line) => run.context.stdout.write(line));
        const host = options.host ?? settings.serve.host;
        const predicts = functions === undefined || functions.includes('predict');
        const { firstModel, modelCache } = { ...modelFilesFrom(env), ...options };
        const metrics = createMetrics();
        const open = () =>
          run.open({
            ...settings.open,
            ...(predicts && firstModel ? { firstModel } : {}),
            ...(predicts && modelCache ? { modelCache } : {}),
            inference: 'worker',
            observer: metrics.observer,
            // Better to refuse now than at the first training.
            proveStore: functions === undefined || functions.includes('train'),
            // Without keys only this machine can ask, so the pictures stay where they are anyway.
            keepPredictions: isLoopback(host) && keys.length === 0,
            log: (level, message, fields) => logger[level](fields ?? {}, message),
          });
        const relearn = settings.opensOnCall ? openOnFirstCall(run.store, open) : await open();
        const server = await serve({
          relearn,
          ...settings.serve,
          metrics,
          host,
          port: options.port ?? portFrom(env),
          ...(functions ? { functions } : {}),
          ...(requestsPerMinute === undefined ? {} : { limits: { requestsPerMinute } }),
          keys,
          anonymous,
          logger,
          clock: run.context.clock,
          signal: run.context.signal,
        });
        if (!run.json) run.context.stdout.write(`Relearn answers at ${server.url}\n`);
        await server.closed;
        return undefined;
      }),
    );
};
