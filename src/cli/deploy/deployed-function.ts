/** One function of a deployment file, with what its settings mean to Relearn. */
import type { Deployment, Problem } from './read-deployment.ts';
import { type Start, startOf } from './start-of.ts';
import { isRecord, type Path, valueAt } from './yaml-values.ts';

export interface DeployedFunction {
  readonly props: Readonly<Record<string, unknown>>;
  /** What it serves. */
  readonly serves: readonly string[];
  readonly start: Start;
  /** RELEARN_STORE, or what the start command says in its place. */
  readonly store: string | undefined;
  /** Where that stands: below props. */
  readonly storeAt: string;
  /** What lies at a path below props, such as `triggers.0.triggerType`. */
  at(path: string): unknown;
  problem(path: string, problem: string, cure: string): Problem;
}

const steps = (path: string): Path =>
  path.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));

export const functionsOf = ({ value, problem }: Deployment): DeployedFunction[] =>
  Object.entries(isRecord(value) && isRecord(value.resources) ? value.resources : {}).flatMap(
    ([name, resource]) => {
      const props = isRecord(resource) && resource.component === 'fc3' ? resource.props : undefined;
      if (!isRecord(props)) return [];
      const path = ['resources', name, 'props'];
      const start = startOf(props);
      const variable = valueAt(props, ['environmentVariables', 'RELEARN_STORE']);
      const store = start.options.store ?? variable;
      return [
        {
          props,
          serves: start.serves,
          start,
          store: typeof store === 'string' ? store : undefined,
          storeAt:
            start.options.store === undefined ? 'environmentVariables.RELEARN_STORE' : start.path,
          at: (inner) => valueAt(props, steps(inner)),
          problem: (inner, what, cure) =>
            problem([...path, ...(inner === '' ? [] : steps(inner))], what, cure),
        },
      ];
    },
  );
