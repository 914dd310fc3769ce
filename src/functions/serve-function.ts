/**
 * What the three cloud functions share: read the environment, open the store, serve one verb until
 * the host says stop.
 */
import { systemClock } from '../base/clock.ts';
import { isRelearnError } from '../base/errors.ts';
import type { FunctionName } from '../http/app-context.ts';
import {
  anonymousFrom,
  keysFrom,
  logLevelFrom,
  modelFilesFrom,
  portFrom,
  rateLimitFrom,
  threadsFrom,
} from '../http/environment.ts';
import { hostSettings } from '../http/host-settings.ts';
import { createMetrics } from '../http/metrics.ts';
import { openOnFirstCall } from '../http/open-on-first-call.ts';
import { createLogger, serve } from '../http/serve.ts';
import { stopSignal } from '../http/stop-signals.ts';
import { createRelearn } from '../loop/relearn.ts';

export const serveFunction = async (name: FunctionName): Promise<void> => {
  const { env } = process;
  let logger = createLogger();
  try {
    logger = createLogger(logLevelFrom(env));
    const threads = threadsFrom(env);
    const requestsPerMinute = rateLimitFrom(env);
    const store = env.RELEARN_STORE ?? './relearn-store';
    const host = hostSettings(env, store, (line) => process.stdout.write(line));
    const metrics = createMetrics();
    const open = () =>
      createRelearn({
        ...host.open,
        store,
        env,
        inference: 'worker',
        proveStore: name === 'train',
        ...(name === 'predict' ? modelFilesFrom(env) : {}),
        observer: metrics.observer,
        ...(threads === undefined ? {} : { threads }),
        log: (level, message, fields) => logger[level](fields ?? {}, message),
      });
    const relearn = host.opensOnCall ? openOnFirstCall(store, open) : await open();
    const server = await serve({
      relearn,
      ...host.serve,
      metrics,
      port: portFrom(env),
      functions: [name],
      ...(requestsPerMinute === undefined ? {} : { limits: { requestsPerMinute } }),
      keys: keysFrom(env),
      anonymous: anonymousFrom(env),
      logger,
      clock: systemClock,
      signal: stopSignal(),
    }).catch(async (error) => {
      // An open store would keep the process alive.
      await relearn.close();
      throw error;
    });
    await server.closed;
  } catch (error) {
    // What a setting or the store explains needs no stack; anything else is a fault of the program.
    const { code, hint } = isRelearnError(error) ? error : { code: 'internal', hint: undefined };
    if (isRelearnError(error) && !env.RELEARN_DEBUG) logger.fatal({ code, hint }, error.message);
    else logger.fatal({ code, hint, err: error }, 'the function ended');
    process.exitCode = isRelearnError(error) && error.kind === 'usage' ? 2 : 1;
  }
};
