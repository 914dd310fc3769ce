/** How often each text comes. */
export const countEach = (texts: readonly string[]): Readonly<Record<string, number>> => {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return Object.fromEntries(counts);
};
