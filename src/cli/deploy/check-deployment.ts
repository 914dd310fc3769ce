/**
 * Holds a deployment file against what Function Compute takes and what Relearn needs. The tool that
 * deploys lets misspelt keys, wrong event names and looping prefixes through; they would be found by
 * a bill, or never.
 */
import { checkFunction } from './check-function.ts';
import { type DeployedFunction, functionsOf } from './deployed-function.ts';
import { keysOfVersion2 } from './function-compute-rules.ts';
import { type Deployment, type Problem, readDeployment } from './read-deployment.ts';
import { isRecord, valueAt, walk } from './yaml-values.ts';

/** A file of the component's version 2, such as the one Relearn began with: how to write it today. */
const checkVersion2 = ({ value, problem }: Deployment): Problem[] => {
  const problems =
    valueAt(value, ['edition']) === '3.0.0'
      ? []
      : [
          problem(
            ['edition'],
            'This file is for version 2 of Function Compute, which takes no new functions.',
            'Write edition: 3.0.0 and component: fc3; the lines below say what else changes. Or begin with deploy/s.yaml.',
          ),
        ];
  walk(value, (path) => {
    const key = path.at(-1);
    if (key === 'component' && valueAt(value, path) === 'fc')
      problems.push(
        problem(
          path,
          'Component fc is the one of version 2, which takes no new functions.',
          'Write component: fc3, and change what the other lines name.',
        ),
      );
    if (typeof key !== 'string' || path[0] === 'vars' || path.includes('environmentVariables'))
      return;
    // A file has its own `name` at the top, and gives one to each variable.
    if (path.length === 1 && key !== 'services') return;
    const cure = Object.hasOwn(keysOfVersion2, key) ? keysOfVersion2[key] : undefined;
    if (cure) problems.push(problem(path, `\`${key}\` belongs to version 2.`, cure));
    if (key === 'events' && JSON.stringify(valueAt(value, path)).includes('oss:ObjectCreated:*'))
      problems.push(
        problem(
          path,
          'oss:ObjectCreated:* fires for every part of an upload.',
          'Name PutObject, PostObject and CompleteMultipartUpload.',
        ),
      );
  });
  return problems;
};

const isVersion2 = (value: Readonly<Record<string, unknown>>): boolean =>
  value.services !== undefined ||
  String(value.edition ?? '').startsWith('1') ||
  (isRecord(value.resources) &&
    Object.values(value.resources).some(
      (resource) => isRecord(resource) && resource.component === 'fc',
    ));

/** Components of this file that deploy something else. */
const otherComponents: readonly unknown[] = ['fc3-domain'];

/** What would be deployed unchecked: a function of a component that is none. */
const checkComponents = ({ value, problem }: Deployment): Problem[] => {
  const resources = valueAt(value, ['resources']);
  return Object.entries(isRecord(resources) ? resources : {}).flatMap(([name, resource]) => {
    const component = valueAt(resource, ['component']);
    if (!isRecord(resource) || (component === 'fc3' && !isRecord(resource.props)))
      return [
        problem(
          ['resources', name],
          `${name} describes no function.`,
          'Give it component: fc3 and its settings below props.',
        ),
      ];
    if (component === 'fc3' || otherComponents.includes(component)) return [];
    return valueAt(resource, ['props', 'functionName']) === undefined
      ? []
      : [
          problem(
            ['resources', name, ...(component === undefined ? [] : ['component'])],
            `${name} has the component ${JSON.stringify(component ?? null)}, which deploys no function.`,
            'Write component: fc3.',
          ),
        ];
  });
};

/** What holds between functions. */
const checkTogether = (functions: readonly DeployedFunction[]): Problem[] => {
  const problems: Problem[] = [];
  const owners = new Map<string, DeployedFunction>();
  for (const deployed of functions) {
    const name = String(deployed.at('functionName'));
    if (owners.has(name))
      problems.push(
        deployed.problem(
          'functionName',
          `Two functions are called ${name}: the second replaces the first.`,
          'Give each its own name.',
        ),
      );
    owners.set(name, deployed);
    if (deployed.at('nasConfig') === 'auto')
      problems.push(
        deployed.problem(
          'nasConfig',
          '`auto` gives each function a folder of its own, so none sees what another wrote.',
          "Write 'auto|mountDir=/mnt/relearn|nasDir=/relearn' in all of them.",
        ),
      );
  }
  const [first, ...others] = functions.filter(({ store }) => store !== undefined);
  const elsewhere = others.find(({ store }) => store !== first?.store);
  if (elsewhere)
    problems.push(
      elsewhere.problem(
        'environmentVariables.RELEARN_STORE',
        'The functions name different stores, so feedback never reaches training.',
        'Write the store once, below vars.',
      ),
    );
  const trains = functions.filter(({ serves }) => serves.includes('train'));
  const wakes = trains.some(({ at }) => {
    const triggers = at('triggers');
    return (
      Array.isArray(triggers) &&
      triggers.some(
        (trigger) =>
          valueAt(trigger, ['triggerType']) === 'timer' &&
          valueAt(trigger, ['triggerConfig', 'enable']) !== false,
      )
    );
  });
  const [train] = trains;
  if (train && !wakes)
    problems.push(
      train.problem(
        'triggers',
        'No timer starts training, so one lost event is lost for good.',
        "Add a timer trigger with cronExpression: '@every 60m'.",
      ),
    );
  return [...problems, ...checkOverlaps(functions)];
};

/** OSS refuses two triggers of one bucket that one event would fire. */
const checkOverlaps = (functions: readonly DeployedFunction[]): Problem[] => {
  const triggers = functions.flatMap((deployed) => {
    const list = deployed.at('triggers');
    return (Array.isArray(list) ? list : []).flatMap((trigger: unknown, index) => {
      if (valueAt(trigger, ['triggerType']) !== 'oss') return [];
      const events = valueAt(trigger, ['triggerConfig', 'events']);
      const key = (end: string) =>
        String(valueAt(trigger, ['triggerConfig', 'filter', 'key', end]) ?? '');
      return [
        {
          deployed,
          index,
          bucket: valueAt(trigger, ['sourceArn']),
          events: Array.isArray(events) ? events.map(String) : [],
          prefix: key('prefix'),
          suffix: key('suffix'),
        },
      ];
    });
  });
  return triggers.flatMap((later, position) => {
    const clash = triggers
      .slice(0, position)
      .find(
        (earlier) =>
          earlier.bucket === later.bucket &&
          earlier.events.some((event) => later.events.includes(event)) &&
          (earlier.prefix.startsWith(later.prefix) || later.prefix.startsWith(earlier.prefix)) &&
          (earlier.suffix.endsWith(later.suffix) || later.suffix.endsWith(earlier.suffix)),
      );
    return clash
      ? [
          later.deployed.problem(
            `triggers.${later.index}`,
            'One event of the bucket would fire this trigger and another; OSS refuses that.',
            'Keep one storage trigger, or give them prefixes of which neither begins with the other.',
          ),
        ]
      : [];
  });
};

/** Access keys of Alibaba Cloud and Amazon, as they look. */
const accessKey = /\b(?:LTAI[A-Za-z0-9]{12,}|(?:AKIA|ASIA)[A-Z0-9]{16})\b/;

const checkSecrets = ({ value, problem }: Deployment): Problem[] => {
  const problems: Problem[] = [];
  walk(value, (path, inner) => {
    if (typeof inner !== 'string') return;
    const isSecretName =
      path.includes('environmentVariables') &&
      /SECRET|PASSWORD|TOKEN|ACCESS_KEY|^RELEARN_KEYS$/i.test(String(path.at(-1)));
    if (
      accessKey.test(inner) ||
      (isSecretName && inner !== '' && !/^\$\{(?:env|config)\(/.test(inner))
    )
      problems.push(
        problem(
          path,
          'A secret stands in the file.',
          "Read it from the environment with env('NAME') and set it where you deploy; for the bucket give the function a role.",
        ),
      );
  });
  return problems;
};

/**
 * @param text the file's
 * @returns by line; empty where nothing is wrong
 */
export const checkDeployment = (text: string): Problem[] => {
  const deployment = readDeployment(text);
  const { value, problem } = deployment;
  const problems = [...deployment.problems];
  if (value !== undefined) {
    if (!isRecord(value))
      problems.push(problem([], 'The file holds no deployment.', 'Begin with deploy/s.yaml.'));
    else if (isVersion2(value)) problems.push(...checkVersion2(deployment));
    else {
      const functions = functionsOf(deployment);
      if (String(value.edition) !== '3.0.0')
        problems.push(problem(['edition'], 'The edition is not 3.0.0.', 'Write edition: 3.0.0.'));
      if (functions.length === 0)
        problems.push(
          problem(
            ['resources'],
            'The file deploys no function of component fc3.',
            'Begin with deploy/s.yaml.',
          ),
        );
      problems.push(...checkComponents(deployment));
      for (const deployed of functions) problems.push(...checkFunction(deployed));
      problems.push(...checkTogether(functions));
    }
    problems.push(...checkSecrets(deployment));
  }
  return problems.sort((a, b) => a.line - b.line);
};
