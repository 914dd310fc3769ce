/** One function of a deployment file, with what its settings mean to Relearn. */
import { functionNames } from '../../http/app-context.ts';
import { type Deployment, isRecord, type Path, type Problem, valueAt } from './read-deployment.ts';

export interface DeployedFunction {
  readonly props: Readonly<Record<string, unknown>>;
  /** What it serves. */
  readonly serves: readonly string[];
  /** RELEARN_STORE, where the file says it. */
  readonly store: string | undefined;
  /** What lies at a path below props, such as `triggers.0.triggerType`. */
  at(path: string): unknown;
  problem(path: string, problem: string, cure: string): Problem;
}

const steps = (path: string): Path =>
  path.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));

const servedBy = (props: unknown): readonly string[] => {
  const words = ['entrypoint', 'command'].flatMap((key) => {
    const list = valueAt(props, ['customContainerConfig', key]);
    return Array.isArray(list) ? list.map(String) : [];
  });
  const [, entry] = /functions-(predict|feedback|train)\.js/.exec(words.join(' ')) ?? [];
  if (entry) return [entry];
  // Without a container only feedback is deployed, as `npm run package:feedback` lays it out.
  if (typeof valueAt(props, ['code']) === 'string') return ['feedback'];
  const option = words.indexOf('--functions');
  const named =
    option >= 0 ? words[option + 1] : valueAt(props, ['environmentVariables', 'RELEARN_FUNCTIONS']);
  return typeof named === 'string' ? named.split(',').map((name) => name.trim()) : functionNames;
};

export const functionsOf = ({ value, problem }: Deployment): DeployedFunction[] =>
  Object.entries(isRecord(value) && isRecord(value.resources) ? value.resources : {}).flatMap(
    ([name, resource]) => {
      const props = isRecord(resource) && resource.component === 'fc3' ? resource.props : undefined;
      if (!isRecord(props)) return [];
      const path = ['resources', name, 'props'];
      const store = valueAt(props, ['environmentVariables', 'RELEARN_STORE']);
      return [
        {
          props,
          serves: servedBy(props),
          store: typeof store === 'string' ? store : undefined,
          at: (inner) => valueAt(props, steps(inner)),
          problem: (inner, what, cure) =>
            problem([...path, ...(inner === '' ? [] : steps(inner))], what, cure),
        },
      ];
    },
  );
