/**
 * How deep a YAML text is nested, found without recursion: what makes values of a text that nests
 * without end would end with the process.
 */
import { type CST, Parser } from 'yaml';

type Token = CST.Token | null | undefined;

const childrenOf = (token: CST.Token): readonly Token[] => {
  if ('items' in token) return token.items.flatMap((item) => [item.key, item.value]);
  return 'value' in token ? [token.value] : [];
};

/** @returns levels of lists and maps */
export const nestingOf = (text: string): number => {
  let deepest = 0;
  for (const document of new Parser().parse(text)) {
    const waiting: (readonly [Token, number])[] = [[document, 0]];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const [token, depth] = next;
      if (!token) continue;
      deepest = Math.max(deepest, depth);
      for (const child of childrenOf(token)) waiting.push([child, depth + 1]);
    }
  }
  return deepest;
};
