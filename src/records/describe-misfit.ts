/** What does not fit in a record, field by field, in this program's words and not in a library's. */
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

const types: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** Of a number its value is bounded, of everything else its length. */
const isNumber = (origin: string): boolean => origin === 'number' || origin === 'int';

/** Other kinds of misfit say no more than that. */
const descriptions: {
  readonly [Code in Issue['code']]?: (issue: Extract<Issue, { code: Code }>) => string;
} = {
  invalid_type: ({ expected }) => `should be ${types[expected] ?? expected}`,
  invalid_value: ({ values }) => `should be ${values.map(String).join(' or ')}`,
  invalid_format: () => 'has a wrong form',
  too_small: ({ minimum, origin, inclusive }) =>
    isNumber(origin)
      ? `should be ${inclusive ? 'at least' : 'more than'} ${minimum}`
      : `should hold at least ${minimum}`,
  too_big: ({ maximum, origin, inclusive }) =>
    isNumber(origin)
      ? `should be ${inclusive ? 'at most' : 'less than'} ${maximum}`
      : `should hold at most ${maximum}`,
  unrecognized_keys: ({ keys }) => `has ${keys.join(', ')}, which is not known`,
};

const isMissing = (value: unknown, path: Issue['path']): boolean => {
  let found: unknown = value;
  for (const name of path) found = (found as Record<PropertyKey, unknown> | undefined)?.[name];
  return found === undefined;
};

const describe = (issue: Issue, value: unknown): string => {
  // A rule of ours between fields has its own sentence.
  if (issue.code === 'custom') return issue.message;
  const field = issue.path.length === 0 ? 'it' : issue.path.map(String).join('.');
  if (isMissing(value, issue.path)) return `${field} is missing`;
  const of = descriptions[issue.code] as ((issue: Issue) => string) | undefined;
  return `${field} ${of?.(issue) ?? 'does not fit'}`;
};

const mostDescribed = 3;

/** @param value what was held against the schema */
export const describeMisfit = ({ issues }: z.ZodError, value: unknown): string => {
  const described = issues.slice(0, mostDescribed).map((issue) => describe(issue, value));
  const others = issues.length - described.length;
  return described.join('; ') + (others > 0 ? `; and ${others} more` : '');
};
