/** `relearn serve`: answers over HTTP; feedback starts training by itself. */
import type { Command } from 'commander';
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
import { isLoopback } from '../../http/loopback.ts';
import { createMetrics } from '../../http/metrics.ts';
import { openOnFirstCall } from '../../http/open-on-first-call.ts';
import { createLogger, serve } from '../../http/serve.ts';
import { tellOfReadOnly } from '../read-only-store.ts';
import { addServeOptions, type ServeOptions } from '../serve-options.ts';
import type { Session } from '../session.ts';

export const define = (command: Command, session: Session): void => {
  const { env } = session.context;
  addServeOptions(command)
    .addHelpText(
      'after',
      '\nKeys: RELEARN_KEYS="name:key:predict+feedback,…" or RELEARN_KEYS_FILE. Without keys it listens on this machine only.\n' +
        '\nExample:  relearn serve --port 8080\n' +
        "          curl --data-binary @cat.jpg -H 'content-type: image/jpeg' http://127.0.0.1:8080/predict\n",
    )
    .action(
      session.act(async (run, options: ServeOptions) => {
        const keys = keysFrom(env);
        const anonymous = options.anonymous ?? anonymousFrom(env);
        const functions =
          options.functions ??
          (env.RELEARN_FUNCTIONS ? parseFunctions(env.RELEARN_FUNCTIONS) : undefined);
        const requestsPerMinute = options.rateLimit ?? rateLimitFrom(env);
        const logger = createLogger(logLevelFrom(env));
        const settings = hostSettings(env, run.store, (line) => run.context.stdout.write(line));
        const host = options.host ?? settings.serve.host;
        const predicts = serves(functions, 'predict');
        const { firstModel, modelCache } = { ...modelFilesFrom(env), ...options };
        const metrics = createMetrics();
        const writes = ['feedback', 'train'].some((name) => serves(functions, name));
        const open = () =>
          run
            .open({
              ...settings.open,
              ...(predicts && firstModel ? { firstModel } : {}),
              ...(predicts && modelCache ? { modelCache } : {}),
              inference: 'worker',
              observer: metrics.observer,
              // Better to refuse now than at the first answer or training.
              proveStore: writes,
              // Without keys only this machine can ask, so the pictures stay where they are anyway.
              keepPredictions: isLoopback(host) && keys.length === 0,
              log: (level, message, fields) => logger[level](fields ?? {}, message),
            })
            .catch(tellOfReadOnly);
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

/** Without a list all are served. */
const serves = (functions: readonly string[] | undefined, name: string): boolean =>
  functions === undefined || functions.includes(name);
