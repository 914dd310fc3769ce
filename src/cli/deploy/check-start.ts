/** Whether what a function starts can be started, and reached by the platform. */
import { isLoopback } from '../../http/loopback.ts';
import type { DeployedFunction } from './deployed-function.ts';
import type { Problem } from './read-deployment.ts';

/** Where the program listens, by the platform's own variable. */
const defaultPort = 9000;

const healthPaths: Readonly<Record<string, string | null>> = {
  '/healthz': null,
  '/readyz':
    'The store is opened by the first call, which waits for this check: the instance would never start.',
};

const checkHealth = ({ at, problem }: DeployedFunction): Problem[] =>
  ['customContainerConfig', 'customRuntimeConfig'].flatMap((config) => {
    const path = `${config}.healthCheckConfig.httpGetUrl`;
    const url = at(path);
    if (url === undefined) return [];
    const known = Object.hasOwn(healthPaths, String(url)) ? healthPaths[String(url)] : undefined;
    if (known === null) return [];
    return [
      problem(
        path,
        known ?? `The program answers nothing at ${url}.`,
        'Write httpGetUrl: /healthz.',
      ),
    ];
  });

const checkReach = ({ at, problem, start }: DeployedFunction): Problem[] => {
  const problems: Problem[] = [];
  const { options, path } = start;
  const asked = Number(
    at('customContainerConfig.port') ?? at('customRuntimeConfig.port') ?? defaultPort,
  );
  if (options.port !== undefined && options.port !== asked)
    problems.push(
      problem(
        path,
        `It listens on --port ${options.port}; the platform asks on ${asked}.`,
        'Leave --port out: the platform names the port.',
      ),
    );
  if (options.host !== undefined && isLoopback(options.host))
    problems.push(
      problem(
        path,
        `Nothing outside of the instance reaches --host ${options.host}.`,
        'Leave --host out: it is 0.0.0.0 there.',
      ),
    );
  return problems;
};

/** What each runtime needs to start anything. */
const checkParts = ({ at, problem }: DeployedFunction): Problem[] => {
  const runtime = String(at('runtime') ?? '');
  const missing = (where: string, key: string, cure: string) =>
    at(key) === undefined ? [problem(where, `${key} is missing.`, cure)] : [];
  if (runtime === 'custom-container')
    return missing(
      at('customContainerConfig') === undefined ? 'runtime' : 'customContainerConfig',
      'customContainerConfig.image',
      'Name the image that was pushed to the registry of this region.',
    );
  return runtime.startsWith('custom')
    ? missing('runtime', 'code', 'Write code: ./feedback, after npm run package:feedback.')
    : [];
};

const checkLists = ({ at, problem }: DeployedFunction): Problem[] =>
  [
    'customContainerConfig.entrypoint',
    'customContainerConfig.command',
    'customRuntimeConfig.command',
    'customRuntimeConfig.args',
  ].flatMap((path) => {
    const value = at(path);
    return value === undefined || Array.isArray(value)
      ? []
      : [problem(path, 'This is no list of words.', 'Write it as [serve, --functions, predict].')];
  });

export const checkStart = (deployed: DeployedFunction): Problem[] => [
  ...checkLists(deployed),
  ...checkParts(deployed),
  ...deployed.start.wrong.map(({ path, problem, cure }) => deployed.problem(path, problem, cure)),
  ...checkReach(deployed),
  ...checkHealth(deployed),
];
