/** Keys that the platform does not know, and values of the wrong kind: both are dropped silently. */

import { nearestWord } from '../nearest-word.ts';
import type { DeployedFunction } from './deployed-function.ts';
import { keysOfVersion2, type Shape } from './function-compute-rules.ts';
import type { Problem } from './read-deployment.ts';
import { isRecord } from './yaml-values.ts';

/** Where one word may stand in place of a map: `auto`, or a form of the tool's own. */
const wordsForMaps = new Set(['logConfig', 'vpcConfig', 'nasConfig', 'ossMountConfig']);

export const unknownKeys = (
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
      : [deployed.problem(path, 'This is no list.', 'Begin each entry with a hyphen.')];
  }
  if (!isRecord(value))
    return typeof value === 'string' && wordsForMaps.has(path)
      ? []
      : [deployed.problem(path, 'This is no map of keys and values.', 'See deploy/s.yaml.')];
  const known = shape as { readonly [key: string]: Shape };
  return Object.entries(value).flatMap(([key, inner]) => {
    const next = Object.hasOwn(known, key) ? known[key] : undefined;
    if (next !== undefined) return unknownKeys(deployed, inner, next, below(key));
    const cure = Object.hasOwn(keysOfVersion2, key) ? keysOfVersion2[key] : undefined;
    const names = Object.keys(known);
    const near = nearestWord(key, names);
    return [
      deployed.problem(
        below(key),
        `\`${key}\` is no key here; it would be dropped silently.`,
        cure ?? (near ? `Write ${near}.` : `Known here: ${names.sort().join(', ')}.`),
      ),
    ];
  });
};
