/** What holds for one function of a deployment file: its keys, its sizes, its triggers. */

import { placeOf } from '../../http/training-event.ts';
import { feedbackPrefix } from '../../records/keys.ts';
import type { DeployedFunction } from './deployed-function.ts';
import {
  finishedEvents,
  functionName,
  functionShape,
  keysOfVersion2,
  memoryPerCore,
  mostEnvironment,
  ranges,
  type Shape,
  triggerShapes,
  triggerTypes,
} from './function-compute-rules.ts';
import { isRecord, type Problem, valueAt } from './read-deployment.ts';

const unknownKeys = (
  deployed: DeployedFunction,
  value: unknown,
  shape: Shape,
  path: string,
): Problem[] => {
  if (shape === 'any') return [];
  const below = (key: string | number) => (path === '' ? String(key) : `${path}.${key}`);
  if (Array.isArray(shape)) {
    const [item] = shape as readonly [Shape];
    return Array.isArray(value)
      ? value.flatMap((inner, index) => unknownKeys(deployed, inner, item, below(index)))
      : [];
  }
  if (!isRecord(value)) return [];
  const known = shape as { readonly [key: string]: Shape };
  return Object.entries(value).flatMap(([key, inner]) => {
    const next = Object.hasOwn(known, key) ? known[key] : undefined;
    if (next !== undefined) return unknownKeys(deployed, inner, next, below(key));
    const cure = Object.hasOwn(keysOfVersion2, key) ? keysOfVersion2[key] : undefined;
    return [
      deployed.problem(
        below(key),
        `\`${key}\` is no key here; it would be dropped silently.`,
        cure ?? `Known here: ${Object.keys(known).sort().join(', ')}.`,
      ),
    ];
  });
};

const isMultiple = (value: number, step: number): boolean =>
  Math.abs(value / step - Math.round(value / step)) < 1e-6;

const checkSizes = (deployed: DeployedFunction): Problem[] => {
  const { at, problem } = deployed;
  const problems = Object.entries(ranges).flatMap(([path, { least, most, step }]) => {
    const value = at(path);
    if (value === undefined) return [];
    const isGood =
      typeof value === 'number' && value >= least && value <= most && isMultiple(value, step);
    return isGood
      ? []
      : [
          problem(
            path,
            `${path} is ${JSON.stringify(value)}.`,
            `Write a number from ${least} to ${most}, a multiple of ${step}.`,
          ),
        ];
  });
  const [cpu, memory] = [Number(at('cpu')), Number(at('memorySize')) / 1024];
  if (memory < cpu * memoryPerCore.least || memory > cpu * memoryPerCore.most)
    problems.push(
      problem(
        'memorySize',
        `${cpu} cores with ${memory} GB of memory.`,
        `Give each core ${memoryPerCore.least} to ${memoryPerCore.most} GB (memorySize is in MB).`,
      ),
    );
  if (at('scalingConfig') !== undefined && at('provisionConfig') !== undefined)
    problems.push(
      problem(
        'provisionConfig',
        'scalingConfig and provisionConfig exclude each other.',
        'Keep scalingConfig.',
      ),
    );
  return problems;
};

const checkBasics = ({ at, problem }: DeployedFunction): Problem[] => {
  const problems = ['region', 'functionName', 'runtime']
    .filter((key) => at(key) === undefined)
    .map((key) => problem('', `${key} is missing.`, `Add ${key}.`));
  const name = at('functionName');
  if (name !== undefined && !functionName.test(String(name)))
    problems.push(
      problem(
        'functionName',
        `${JSON.stringify(name)} is no name for a function.`,
        'Use 1 to 64 letters, digits, _ and -, a letter or _ first.',
      ),
    );
  const environment = at('environmentVariables');
  if (isRecord(environment)) {
    const bytes = Object.entries(environment).reduce(
      (sum, [key, value]) => sum + Buffer.byteLength(`${key}${value}`),
      0,
    );
    if (bytes > mostEnvironment)
      problems.push(
        problem(
          'environmentVariables',
          `The variables take ${bytes} bytes.`,
          `Stay below ${mostEnvironment}: put keys into a file and name it in RELEARN_KEYS_FILE.`,
        ),
      );
    for (const key of Object.keys(environment).filter((key) => key.startsWith('FC_')))
      problems.push(
        problem(
          `environmentVariables.${key}`,
          `${key} is reserved.`,
          'Leave it out; the platform sets it.',
        ),
      );
  }
  return problems;
};

/** Seconds. A training that is cut off goes on from its checkpoint, but pays the start again. */
const leastTraining = 900;

const checkRole = ({ at, problem, serves, store }: DeployedFunction): Problem[] => {
  const problems: Problem[] = [];
  if (store === undefined)
    problems.push(
      problem(
        'environmentVariables',
        'RELEARN_STORE is not set: what is learned would end with the instance.',
        'Name the bucket: RELEARN_STORE: oss://bucket?region=…',
      ),
    );
  if (at('timeout') === undefined)
    problems.push(problem('', 'timeout is missing: 3 seconds.', 'Write 60, or 7200 for train.'));
  if (!serves.includes('train')) return problems;
  if (Number(at('timeout')) < leastTraining)
    problems.push(
      problem(
        'timeout',
        `A training gets ${at('timeout')} seconds.`,
        `Give it ${leastTraining} at least, better 7200.`,
      ),
    );
  if (at('concurrencyConfig.reservedConcurrency') !== 1)
    problems.push(
      problem(
        'concurrencyConfig',
        'Many instances may start to train; all but one are paid to find that out.',
        'Write concurrencyConfig: {reservedConcurrency: 1}.',
      ),
    );
  if ((at('instanceConcurrency') ?? 1) !== 1)
    problems.push(
      problem(
        'instanceConcurrency',
        'One instance would take further events while it trains.',
        'Write instanceConcurrency: 1.',
      ),
    );
  return problems;
};

const checkStorageTrigger = (
  deployed: DeployedFunction,
  trigger: unknown,
  path: string,
): Problem[] => {
  const { problem, store } = deployed;
  const problems: Problem[] = [];
  const events = valueAt(trigger, ['triggerConfig', 'events']);
  for (const event of Array.isArray(events) ? events.map(String) : []) {
    if (!finishedEvents.includes(event))
      problems.push(
        problem(
          `${path}.triggerConfig.events`,
          `${event} is not the event of a finished upload.`,
          `Use ${finishedEvents.join(', ')}.`,
        ),
      );
  }
  const prefix = valueAt(trigger, ['triggerConfig', 'filter', 'key', 'prefix']);
  const place = placeOf(store ?? '');
  const expected = `${place.prefix}${feedbackPrefix}`;
  if (typeof prefix !== 'string' || !prefix.startsWith(expected))
    problems.push(
      problem(
        `${path}.triggerConfig.filter.key.prefix`,
        `The prefix ${JSON.stringify(prefix ?? '')} matches more or other than feedback: what training writes would start the next training.`,
        `Write prefix: ${expected}`,
      ),
    );
  if (typeof valueAt(trigger, ['triggerConfig', 'filter', 'key', 'suffix']) !== 'string')
    problems.push(
      problem(
        `${path}.triggerConfig.filter`,
        'The filter has no suffix.',
        "Write suffix: '' beside prefix.",
      ),
    );
  const [, region, bucket] =
    /^acs:oss:([^:]*):[^:]*:([^:]+)$/.exec(String(valueAt(trigger, ['sourceArn']))) ?? [];
  if (region === undefined)
    problems.push(
      problem(
        path,
        'The trigger names no bucket.',
        'Write sourceArn: acs:oss:<region>:<account>:<bucket>.',
      ),
    );
  else {
    if (region !== deployed.at('region'))
      problems.push(
        problem(
          `${path}.sourceArn`,
          `The bucket lies in ${region}, the function in ${deployed.at('region')}.`,
          'Put both into one region; a storage trigger reaches no other.',
        ),
      );
    if (place.bucket !== null && place.bucket !== bucket)
      problems.push(
        problem(
          `${path}.sourceArn`,
          `The trigger watches ${bucket}, the store lies in ${place.bucket}.`,
          'Name the same bucket in both.',
        ),
      );
  }
  return problems;
};

const checkHttpTrigger = (
  { problem, serves }: DeployedFunction,
  trigger: unknown,
  path: string,
): Problem[] => {
  const problems: Problem[] = [];
  const authType = valueAt(trigger, ['triggerConfig', 'authType']);
  if (!['anonymous', 'function', 'jwt'].includes(String(authType)))
    problems.push(
      problem(
        `${path}.triggerConfig.authType`,
        `${authType} is no authType.`,
        'Use anonymous, function or jwt.',
      ),
    );
  if (serves.includes('train') && authType === 'anonymous')
    problems.push(
      problem(
        path,
        'Everybody could call the function that trains.',
        'Leave this trigger out: events and the timer reach it.',
      ),
    );
  return problems;
};

const checkTimer = ({ problem }: DeployedFunction, trigger: unknown, path: string): Problem[] => {
  const expression = String(valueAt(trigger, ['triggerConfig', 'cronExpression']));
  const isGood =
    /^@every [1-9]\d*m$/.test(expression) || /^(?:CRON_TZ=\S+ )?\S+(?: \S+){5}$/.test(expression);
  return isGood
    ? []
    : [
        problem(
          `${path}.triggerConfig`,
          `${JSON.stringify(expression)} is no time.`,
          "Write '@every 60m', or six fields that begin with seconds: '0 0 3 * * *'.",
        ),
      ];
};

const triggerChecks: Readonly<Record<string, typeof checkHttpTrigger>> = {
  http: checkHttpTrigger,
  oss: checkStorageTrigger,
  timer: checkTimer,
};

const checkTriggers = (deployed: DeployedFunction): Problem[] => {
  const triggers = deployed.at('triggers');
  if (!Array.isArray(triggers)) return [];
  return triggers.flatMap((trigger: unknown, index) => {
    const path = `triggers.${index}`;
    const type = String(valueAt(trigger, ['triggerType']));
    if (!triggerTypes.includes(type))
      return [
        deployed.problem(path, `${type} is no type of trigger.`, `Use ${triggerTypes.join(', ')}.`),
      ];
    const shape = Object.hasOwn(triggerShapes, type) ? triggerShapes[type] : undefined;
    const check = Object.hasOwn(triggerChecks, type) ? triggerChecks[type] : undefined;
    return [
      ...unknownKeys(
        deployed,
        valueAt(trigger, ['triggerConfig']),
        shape ?? 'any',
        `${path}.triggerConfig`,
      ),
      ...(check?.(deployed, trigger, path) ?? []),
    ];
  });
};

export const checkFunction = (deployed: DeployedFunction): Problem[] => [
  ...unknownKeys(deployed, deployed.props, functionShape, ''),
  ...checkBasics(deployed),
  ...checkSizes(deployed),
  ...checkRole(deployed),
  ...checkTriggers(deployed),
];
