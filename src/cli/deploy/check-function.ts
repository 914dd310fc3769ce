/** What holds for one function of a deployment file: what the platform takes, and what training needs. */

import { nearestWord } from '../nearest-word.ts';
import { checkSettings } from './check-settings.ts';
import { checkStart } from './check-start.ts';
import { checkStore } from './check-store.ts';
import { checkTriggers } from './check-triggers.ts';
import type { DeployedFunction } from './deployed-function.ts';
import {
  autoOrMap,
  choices,
  functionName,
  functionShape,
  memoryPerCore,
  mostEnvironment,
  ranges,
  registryHost,
  roleName,
  sizes,
  texts,
} from './function-compute-rules.ts';
import type { Problem } from './read-deployment.ts';
import { unknownKeys } from './unknown-keys.ts';
import { isOpen, isRecord } from './yaml-values.ts';

const isMultiple = (value: number, step: number): boolean =>
  Math.abs(value / step - Math.round(value / step)) < 1e-6;

const checkSizes = (deployed: DeployedFunction): Problem[] => {
  const { at, problem } = deployed;
  const problems = Object.entries(ranges).flatMap(([path, { least, most, step }]) => {
    const value = at(path);
    if (value === undefined || isOpen(value)) return [];
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
  const cpu = Number(at('cpu') ?? sizes.cpu);
  const memory = Number(at('memorySize') ?? sizes.memorySize) / 1024;
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

const checkChoices = ({ at, problem }: DeployedFunction): Problem[] =>
  Object.entries(choices).flatMap(([path, known]) => {
    const value = at(path);
    if (value === undefined || isOpen(value) || known.includes(value as string | number)) return [];
    const near = typeof value === 'string' ? nearestWord(value, known.map(String)) : undefined;
    return [
      problem(
        path,
        `${path} is ${JSON.stringify(value)}.`,
        near ? `Write ${near}.` : `Use ${known.join(', ')}.`,
      ),
    ];
  });

/** What is there and of another kind than it has to be. */
const checkKinds = ({ at, problem }: DeployedFunction): Problem[] => {
  const differs = (paths: readonly string[], isGood: (value: unknown) => boolean, cure: string) =>
    paths
      .filter((path) => at(path) !== undefined && !isOpen(at(path)) && !isGood(at(path)))
      .map((path) => problem(path, `${path} is ${JSON.stringify(at(path))}.`, cure));
  return [
    ...differs(
      autoOrMap,
      (value) => value === 'auto' || isRecord(value),
      'Write auto, or a map of its keys.',
    ),
    ...differs(texts, (value) => typeof value === 'string' && value !== '', 'Write a text.'),
  ];
};

/** The platform pulls an image from a registry of its own region, unless it is told how to log in elsewhere. */
const checkImage = ({ at, problem }: DeployedFunction): Problem[] => {
  const image = at('customContainerConfig.image');
  if (typeof image !== 'string' || isOpen(image)) return [];
  const path = 'customContainerConfig.image';
  const [host = ''] = image.split('/');
  const region = registryHost.exec(host)?.[1];
  if (region === undefined)
    return at('customContainerConfig.registryConfig') === undefined
      ? [
          problem(
            path,
            `${image} does not lie in the container registry of Alibaba Cloud.`,
            `Push it to registry.${at('region')}.aliyuncs.com, or add registryConfig.`,
          ),
        ]
      : [];
  return region === at('region') || isOpen(at('region'))
    ? []
    : [
        problem(
          path,
          `The image lies in ${region}, the function in ${at('region')}.`,
          'Push it to the registry of the region of the function.',
        ),
      ];
};

const checkBasics = ({ at, problem }: DeployedFunction): Problem[] => {
  const problems = ['region', 'functionName', 'runtime']
    .filter((key) => at(key) === undefined)
    .map((key) => problem('', `${key} is missing.`, `Add ${key}.`));
  const name = at('functionName');
  const isNamed = typeof name === 'string' && functionName.test(name);
  if (name !== undefined && !isOpen(name) && !isNamed)
    problems.push(
      problem(
        'functionName',
        `${JSON.stringify(name)} is no name for a function.`,
        'Use 1 to 64 letters, digits, _ and -, a letter or _ first.',
      ),
    );
  const role = at('role');
  if (role !== undefined && !isOpen(role) && !roleName.test(String(role)))
    problems.push(
      problem(
        'role',
        `${JSON.stringify(role)} is no role.`,
        'Write acs:ram::<account>:role/<name>.',
      ),
    );
  const environment = at('environmentVariables');
  if (environment !== undefined && !isRecord(environment))
    problems.push(
      problem(
        'environmentVariables',
        'This is no map of names and values.',
        'Write each as NAME: value.',
      ),
    );
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

const checkTraining = ({ at, problem, serves, store }: DeployedFunction): Problem[] => {
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

export const checkFunction = (deployed: DeployedFunction): Problem[] => [
  ...unknownKeys(deployed, deployed.props, functionShape, ''),
  ...checkBasics(deployed),
  ...checkSizes(deployed),
  ...checkChoices(deployed),
  ...checkKinds(deployed),
  ...checkImage(deployed),
  ...checkStart(deployed),
  ...checkSettings(deployed),
  ...checkStore(deployed),
  ...checkTraining(deployed),
  ...checkTriggers(deployed),
];
