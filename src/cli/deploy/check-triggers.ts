/** What starts a function: events of the bucket, the timer, and who may call. */
import { placeOf } from '../../http/training-event.ts';
import { feedbackPrefix } from '../../records/keys.ts';
import { bucketNameProblem } from './bucket-names.ts';
import type { DeployedFunction } from './deployed-function.ts';
import { finishedEvents, triggerShapes, triggerTypes } from './function-compute-rules.ts';
import type { Problem } from './read-deployment.ts';
import { unknownKeys } from './unknown-keys.ts';
import { isOpen, valueAt } from './yaml-values.ts';

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
    const badName = bucket && !isOpen(bucket) ? bucketNameProblem('oss', bucket) : undefined;
    if (badName)
      problems.push(problem(`${path}.sourceArn`, `${bucket} can't be a bucket's name.`, badName));
    if (region !== deployed.at('region'))
      problems.push(
        problem(
          `${path}.sourceArn`,
          `The bucket lies in ${region}, the function in ${deployed.at('region')}.`,
          'Put both into one region; a storage trigger reaches no other.',
        ),
      );
    if (place.bucket !== null && !isOpen(store) && place.bucket !== bucket)
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
  const methods = valueAt(trigger, ['triggerConfig', 'methods']);
  if (!Array.isArray(methods) || !methods.includes('POST'))
    problems.push(
      problem(
        `${path}.triggerConfig.methods`,
        'Pictures and feedback come by POST, which this trigger refuses.',
        'Write methods: [GET, POST].',
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

/** Events and timers ask for a training; a function that serves something else refuses them all. */
const checkTrains = ({ problem, serves }: DeployedFunction, _: unknown, path: string): Problem[] =>
  serves.includes('train') || serves.length === 0
    ? []
    : [
        problem(
          path,
          `This trigger asks for a training, and the function serves ${serves.join(' and ')} only.`,
          'Start the program that trains, functions-train.js, or move the trigger to the function that does.',
        ),
      ];

const triggerChecks: Readonly<Record<string, readonly (typeof checkHttpTrigger)[]>> = {
  http: [checkHttpTrigger],
  oss: [checkTrains, checkStorageTrigger],
  timer: [checkTrains, checkTimer],
};

export const checkTriggers = (deployed: DeployedFunction): Problem[] => {
  const triggers = deployed.at('triggers');
  if (!Array.isArray(triggers)) return [];
  const names = triggers.map((trigger: unknown) => valueAt(trigger, ['triggerName']));
  return triggers.flatMap((trigger: unknown, index) => {
    const path = `triggers.${index}`;
    const name = names[index];
    if (typeof name !== 'string' || names.indexOf(name) < index)
      return [
        deployed.problem(
          path,
          typeof name === 'string'
            ? `Two triggers are called ${name}: the second replaces the first.`
            : 'The trigger has no name.',
          'Give each trigger of a function its own triggerName.',
        ),
      ];
    const type = String(valueAt(trigger, ['triggerType']));
    if (!triggerTypes.includes(type))
      return [
        deployed.problem(path, `${type} is no type of trigger.`, `Use ${triggerTypes.join(', ')}.`),
      ];
    const shape = Object.hasOwn(triggerShapes, type) ? triggerShapes[type] : undefined;
    const checks = Object.hasOwn(triggerChecks, type) ? triggerChecks[type] : undefined;
    return [
      ...unknownKeys(
        deployed,
        valueAt(trigger, ['triggerConfig']),
        shape ?? 'any',
        `${path}.triggerConfig`,
      ),
      ...(checks ?? []).flatMap((check) => check(deployed, trigger, path)),
    ];
  });
};
