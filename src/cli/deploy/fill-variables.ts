/** Fills `${vars.…}` in, as the tool that deploys does; other references stay as they are written. */
import { isRecord, type Path, valueAt } from './yaml-values.ts';

type Tell = (path: Path, problem: string, cure: string) => void;

const reference = /\$\{vars\.([\w.-]+)\}/g;
/** As deep as variables may name each other. */
const deepest = 8;
/** Values, and characters of texts, that all filling together may make. */
const most = 1_000_000;

/** @param tell what keeps a variable from being filled in; that they unfold without measure only once */
export const createFill = (variables: unknown, tell: Tell) => {
  let left = most;
  const isSpent = (cost: number, path: Path): boolean => {
    if (left < 0) return true;
    left -= cost;
    if (left < 0)
      tell(
        path,
        'The variables unfold to more than a deployment can hold.',
        'Let them name each other less often.',
      );
    return left < 0;
  };

  const fill = (value: unknown, path: Path, depth = 0): unknown => {
    if (isSpent(1, path)) return undefined;
    if (Array.isArray(value))
      return value.map((item, index) => fill(item, [...path, index], depth));
    if (isRecord(value)) {
      const [name, ...more] = Object.keys(value);
      if (name?.startsWith('vars.') && more.length === 0 && value[name] === null)
        return void tell(path, `{${name}} is read as a map.`, `Write \${${name}}.`);
      return Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key, fill(inner, [...path, key], depth)]),
      );
    }
    if (typeof value !== 'string') return value;
    const look = (match: string, name: string): unknown => {
      const found = valueAt(variables, name.split('.'));
      if (found === null)
        return void tell(path, `${match} is empty.`, `Give ${name} a value below vars.`);
      if (found !== undefined && depth < deepest) {
        const filled = fill(found, path, depth + 1);
        return isSpent(String(filled).length, path) ? undefined : filled;
      }
      tell(
        path,
        found === undefined
          ? `${match} names no variable.`
          : `${match} names itself, or variables that name variables.`,
        found === undefined
          ? `Add ${name} below vars, or correct the name.`
          : 'Let a variable hold a value.',
      );
      return match;
    };
    const [whole, name] = /^\$\{vars\.([\w.-]+)\}$/.exec(value) ?? [];
    if (whole && name) return look(whole, name);
    return value.replace(reference, (match, inner: string) => String(look(match, inner)));
  };
  return fill;
};
