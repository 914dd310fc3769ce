/** Names of runs, imports and predictions that sort by time and never meet. */

/**
 * `20261123t002815-1f0c9a7e`: lower-case, as object keys are.
 * @param now milliseconds since 1970
 * @param id at least eight characters of `[0-9a-z-]` that nobody else draws
 */
export const newName = (now: number, id: string): string => {
  const time = new Date(now).toISOString().slice(0, 19).replace(/[-:]/g, '').toLowerCase();
  return `${time}-${id.replaceAll('-', '').slice(0, 12)}`;
};
