/** The program's settings among a function's variables: their names, and values that it would refuse. */
import { isRelearnError } from '../../base/errors.ts';
import {
  logLevelFrom,
  parseFunctions,
  rateLimitFrom,
  threadsFrom,
} from '../../http/environment.ts';
import { parseKeys, parseScopes } from '../../http/keys.ts';
import { isLoopback } from '../../http/loopback.ts';
import { nearestWord } from '../nearest-word.ts';
import type { DeployedFunction } from './deployed-function.ts';
import type { Problem } from './read-deployment.ts';
import { isOpen, isRecord } from './yaml-values.ts';

/** By name, what refuses a value by throwing; null where every text will do, or others look at it. */
const settings: Readonly<Record<string, ((value: string) => unknown) | null>> = {
  RELEARN_STORE: null,
  RELEARN_KEYS: parseKeys,
  RELEARN_KEYS_FILE: null,
  RELEARN_ANONYMOUS: (value) => parseScopes(value),
  RELEARN_FUNCTIONS: parseFunctions,
  RELEARN_HOST: null,
  RELEARN_LOG_LEVEL: (value) => logLevelFrom({ RELEARN_LOG_LEVEL: value }),
  RELEARN_RATE_LIMIT: (value) => rateLimitFrom({ RELEARN_RATE_LIMIT: value }),
  RELEARN_THREADS: (value) => threadsFrom({ RELEARN_THREADS: value }),
  RELEARN_FIRST_MODEL: null,
  RELEARN_MODEL_CACHE: null,
  RELEARN_CACHE: null,
  RELEARN_DEBUG: null,
};

export const settingNames: readonly string[] = Object.keys(settings);

const checkSetting = (deployed: DeployedFunction, name: string, value: unknown): Problem[] => {
  const problem = (what: string, cure: string) => [
    deployed.problem(`environmentVariables.${name}`, what, cure),
  ];
  const refuse = Object.hasOwn(settings, name) ? settings[name] : undefined;
  if (refuse === undefined) {
    if (!name.startsWith('RELEARN_')) return [];
    const near = nearestWord(name, settingNames);
    return problem(
      `${name} is no setting of the program.`,
      near ? `Write ${near}.` : `It has ${settingNames.join(', ')}.`,
    );
  }
  if (name === 'RELEARN_HOST' && isLoopback(String(value)))
    return problem(
      `Nothing outside of the instance reaches ${value}.`,
      'Leave RELEARN_HOST out: it is 0.0.0.0 there.',
    );
  if (refuse === null || isOpen(value)) return [];
  try {
    refuse(String(value));
    return [];
  } catch (error) {
    if (isRelearnError(error)) return problem(error.message, error.hint ?? '');
    throw error;
  }
};

/** Variables of a function are texts; YAML makes numbers and truths of some. */
const checkTexts = (deployed: DeployedFunction, name: string, value: unknown): Problem[] =>
  typeof value === 'string'
    ? []
    : [
        deployed.problem(
          `environmentVariables.${name}`,
          `${JSON.stringify(value)} is no text.`,
          `Put it into quotes: '${value}'.`,
        ),
      ];

/** Without keys and without open scopes the program refuses everybody on this platform. */
const checkCallers = ({ at, problem, serves, start }: DeployedFunction): Problem[] => {
  const isAsked = serves.some((name) => name !== 'train');
  const opens = ['RELEARN_KEYS', 'RELEARN_KEYS_FILE', 'RELEARN_ANONYMOUS'].some((name) =>
    at(`environmentVariables.${name}`),
  );
  return !isAsked || opens || start.options.anonymous
    ? []
    : [
        problem(
          'environmentVariables',
          'Nobody may ask this function: it has no keys.',
          `Write RELEARN_KEYS: \${env('RELEARN_KEYS')}, or RELEARN_ANONYMOUS for what needs no key.`,
        ),
      ];
};

export const checkSettings = (deployed: DeployedFunction): Problem[] => {
  const variables = deployed.at('environmentVariables');
  return [
    ...Object.entries(isRecord(variables) ? variables : {}).flatMap(([name, value]) => [
      ...checkTexts(deployed, name, value),
      ...checkSetting(deployed, name, value),
    ]),
    ...checkCallers(deployed),
  ];
};
