/**
 * The server's settings as environment variables name them. The entrances pass the environment in;
 * nothing below them looks at it.
 */
import { readFileSync } from 'node:fs';
import { RelearnError } from '../base/errors.ts';
import { type FunctionName, functionNames } from './app-context.ts';
import { type ApiKey, parseKeys, parseScopes, type Scope } from './keys.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const badSetting = (name: string, hint: string) =>
  new RelearnError('usage', 'invalid_setting', `${name} has a value that cannot be used.`, {
    hint,
  });

/** @throws RelearnError usage/`invalid_keys`, `unknown_scope` or `keys_file_unreadable` */
export const keysFrom = (env: Environment): ApiKey[] => [
  ...parseKeys(env.RELEARN_KEYS ?? ''),
  ...(env.RELEARN_KEYS_FILE ? parseKeys(readKeysFile(env.RELEARN_KEYS_FILE)) : []),
];

const readKeysFile = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new RelearnError('usage', 'keys_file_unreadable', `Cannot read ${path}.`, {
      hint: 'RELEARN_KEYS_FILE names a file with one key a line: name:key:scope+scope.',
      cause,
    });
  }
};

/** @throws RelearnError usage/`unknown_scope` */
export const anonymousFrom = (env: Environment): ReadonlySet<Scope> =>
  parseScopes(env.RELEARN_ANONYMOUS ?? '');

type Host = 'function-compute' | 'lambda' | 'knative' | 'machine';

/** How to tell the hosts that start and freeze instances by themselves (Cloud Run is a Knative). */
const hostNames: Readonly<Record<Exclude<Host, 'machine'>, readonly string[]>> = {
  'function-compute': ['FC_FUNCTION_NAME', 'FC_INSTANCE_ID'],
  lambda: ['AWS_LAMBDA_FUNCTION_NAME'],
  knative: ['K_SERVICE'],
};

/**
 * Who runs this process. A `machine` runs it until somebody stops it; every other host gives it
 * time only while a request is open.
 */
export const hostFrom = (env: Environment): Host => {
  const found = Object.entries(hostNames).find(([, names]) => names.every((name) => env[name]));
  return (found?.[0] ?? 'machine') as Host;
};

/** The first name that is set wins. */
const portNames = ['FC_SERVER_PORT', 'FC_CUSTOM_LISTEN_PORT', 'AWS_LWA_PORT', 'PORT'] as const;

/** @throws RelearnError usage/`invalid_setting` */
export const portFrom = (env: Environment): number => {
  const name = portNames.find((candidate) => env[candidate]);
  if (name === undefined) return hostFrom(env) === 'function-compute' ? 9000 : 8080;
  const port = Number(env[name]);
  if (!/^\d+$/.test(env[name] ?? '') || port > 65_535)
    throw badSetting(name, 'A port is a whole number from 0 to 65535.');
  return port;
};

/** Hosts reach their instances from outside; a machine's server listens to itself by default. */
export const listenAddressFrom = (env: Environment): string =>
  env.RELEARN_HOST || (hostFrom(env) === 'machine' ? '127.0.0.1' : '0.0.0.0');

const logLevels: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** @throws RelearnError usage/`invalid_setting` */
export const logLevelFrom = (env: Environment): string => {
  const level = env.RELEARN_LOG_LEVEL || 'info';
  if (logLevels.includes(level)) return level;
  throw badSetting('RELEARN_LOG_LEVEL', `Choose among ${logLevels.join(', ')}.`);
};

/**
 * Threads to compute with; undefined = each part's own default.
 *
 * @throws RelearnError usage/`invalid_setting`
 */
export const threadsFrom = (env: Environment): number | undefined => {
  const text = env.RELEARN_THREADS;
  if (!text) return undefined;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw badSetting('RELEARN_THREADS', 'Give a whole number from 1.');
};

/**
 * Requests a minute of one caller, 0 for no limit; undefined = the default.
 *
 * @throws RelearnError usage/`invalid_setting`
 */
export const rateLimitFrom = (env: Environment): number | undefined => {
  const text = env.RELEARN_RATE_LIMIT;
  if (!text) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw badSetting('RELEARN_RATE_LIMIT', 'Give a whole number of requests a minute, 0 for none.');
};

/** The file of a first model and the folder that keeps models, for a process that predicts. */
export const modelFilesFrom = (
  env: Environment,
): { readonly firstModel?: string; readonly modelCache?: string } => ({
  ...(env.RELEARN_FIRST_MODEL ? { firstModel: env.RELEARN_FIRST_MODEL } : {}),
  ...(env.RELEARN_MODEL_CACHE ? { modelCache: env.RELEARN_MODEL_CACHE } : {}),
});

/**
 * Comma-separated names, as RELEARN_FUNCTIONS and `--functions` take them.
 *
 * @throws RelearnError usage/`invalid_setting`
 */
export const parseFunctions = (text: string): FunctionName[] => {
  const names = text.split(',').map((name) => name.trim());
  const known = functionNames.filter((name) => names.includes(name));
  if (known.length !== new Set(names).size)
    throw badSetting('The list of functions', `Choose among ${functionNames.join(', ')}.`);
  return known;
};
