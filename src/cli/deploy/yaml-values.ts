/** Values of a YAML file, and ways into them. */

export type Path = readonly (string | number)[];

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** undefined where the path leads nowhere. */
export const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((inner, key) => {
    if (Array.isArray(inner)) return inner[Number(key)];
    return isRecord(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined;
  }, value);

/** Whether a value is known only where the file is deployed: `${env('NAME')}` and the like. */
export const isOpen = (value: unknown): boolean =>
  typeof value === 'string' && /\$\{[^}]*\}/.test(value);

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
