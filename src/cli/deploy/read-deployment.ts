/** Reads a deployment file of Serverless Devs: its values with `${vars.…}` filled in, and their lines. */
import { isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml';

export type Path = readonly (string | number)[];

export interface Problem {
  /** From 1. */
  readonly line: number;
  /** Such as `train.props.cpu`. */
  readonly where: string;
  readonly problem: string;
  readonly cure: string;
}

export interface Deployment {
  readonly value: unknown;
  /** What kept the file from being read as it was meant. */
  readonly problems: readonly Problem[];
  problem(path: Path, problem: string, cure: string): Problem;
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** undefined where the path leads nowhere. */
export const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((inner, key) => {
    if (Array.isArray(inner)) return inner[Number(key)];
    return isRecord(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined;
  }, value);

/** Every value below, parents first, with its path. */
export const walk = (
  value: unknown,
  visit: (path: Path, value: unknown) => void,
  path: Path = [],
): void => {
  visit(path, value);
  const inner = Array.isArray(value)
    ? [...value.entries()]
    : isRecord(value)
      ? Object.entries(value)
      : [];
  for (const [key, child] of inner) walk(child, visit, [...path, key]);
};

const reference = /\$\{vars\.([\w.-]+)\}/g;
/** As deep as variables may name each other. */
const deepest = 8;

export const readDeployment = (text: string): Deployment => {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const lineAt = (offset: number) => lines.linePos(offset).line;

  /** Of the key where there is one, else of the nearest parent. */
  const lineOf = (path: Path): number => {
    for (let length = path.length; length > 0; length -= 1) {
      const parent = document.getIn(path.slice(0, length - 1), true);
      const key = path[length - 1];
      if (isMap(parent)) {
        const pair = parent.items.find(
          (item) => isPair(item) && isScalar(item.key) && item.key.value === key,
        );
        if (pair && isScalar(pair.key) && pair.key.range) return lineAt(pair.key.range[0]);
      }
      const node = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lineAt(node.range[0]);
    }
    return 1;
  };
  const problem: Deployment['problem'] = (path, what, cure) => ({
    line: lineOf(path),
    where: path.filter((part) => part !== 'resources').join('.'),
    problem: what,
    cure,
  });

  const problems: Problem[] = document.errors.map((error) => ({
    line: lineAt(error.pos[0]),
    where: '',
    problem: `This is no YAML: ${error.message.split('\n')[0]}`,
    cure: 'Look at the indentation and the quotes of this line and the one before it.',
  }));
  if (problems.length > 0) return { value: undefined, problems, problem };

  const raw: unknown = document.toJS();
  const variables = isRecord(raw) ? raw.vars : undefined;
  const fill = (value: unknown, path: Path, depth = 0): unknown => {
    if (Array.isArray(value))
      return value.map((item, index) => fill(item, [...path, index], depth));
    if (isRecord(value)) {
      const [name, ...more] = Object.keys(value);
      if (name?.startsWith('vars.') && more.length === 0 && value[name] === null) {
        problems.push(
          problem(path, `{${name}} is read as a map, not as a variable.`, `Write \${${name}}.`),
        );
        return undefined;
      }
      return Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key, fill(inner, [...path, key], depth)]),
      );
    }
    if (typeof value !== 'string') return value;
    const look = (match: string, name: string): unknown => {
      const found = valueAt(variables, name.split('.'));
      if (found !== undefined && depth < deepest) return fill(found, path, depth + 1);
      problems.push(
        problem(
          path,
          `${match} names no variable.`,
          `Add ${name} below vars, or correct the name.`,
        ),
      );
      return match;
    };
    const [whole, name] = /^\$\{vars\.([\w.-]+)\}$/.exec(value) ?? [];
    if (whole && name) return look(whole, name);
    return value.replace(reference, (match, inner: string) => String(look(match, inner)));
  };
  const value = isRecord(raw)
    ? {
        ...raw,
        resources: fill(raw.resources, ['resources']),
        services: fill(raw.services, ['services']),
      }
    : raw;
  return { value, problems, problem };
};
