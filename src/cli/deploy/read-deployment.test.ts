// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the file's own variables look like that.
/** Files that are no deployment, or were made to do harm: one problem with its cure each, and soon. */
import { describe, expect, it } from 'vitest';
import { checkDeployment } from './check-deployment.ts';
import { readDeployment } from './read-deployment.ts';
import { valueAt } from './yaml-values.ts';

const list = (word: string): string => `[${`${word}, `.repeat(9)}${word}]`;
/** Five anchors, each of ten of the one before it: 100,000 values in 300 characters. */
const anchorBomb = ['a', 'b', 'c', 'd', 'e']
  .map(
    (name, index, names) => `${name}: &${name} ${list(index === 0 ? 'x' : `*${names[index - 1]}`)}`,
  )
  .join('\n');
/** Seven variables, each of sixty times the next. */
const variableBomb = [
  'edition: 3.0.0\nvars:',
  ...'abcdefg'
    .split('')
    .map((name, index) => `  ${name}: "${`\${vars.${'bcdefgh'[index]}}`.repeat(60)}"`),
  '  h: x',
  'resources: {t: {component: fc3, props: {role: "${vars.a}"}}}',
].join('\n');

describe.each([
  ['a text that is no YAML', '# Title\n- {\ntext: {\n`code`\n- {\n', /no YAML/],
  ['the bytes of a picture', '\u0089PNG\r\n\u001a\n\u0000\u0000: {\u0000]\n[}\u0007\n', /no YAML/],
  ['brackets without an end', '['.repeat(60_000), /nested/],
  ['lists in lists in one line', '- '.repeat(60_000), /nested/],
  ['an anchor inside itself', 'resources: &a [*a]\n', /anchors/],
  ['anchors that unfold without measure', anchorBomb, /anchors/],
  ['variables that unfold without measure', variableBomb, /variables/i],
  ['several documents', 'edition: 3.0.0\n---\nedition: 3.0.0\n', /several documents/],
])('%s', (_what, text, expected) => {
  it('is one problem', () => {
    const problems = readDeployment(text).problems;
    expect(problems.map(({ problem }) => problem)).toEqual([expect.stringMatching(expected)]);
    expect(problems[0]?.cure).not.toBe('');
    expect(checkDeployment(text).length).toBeGreaterThan(0);
  });

  it('is told without the words of the parser that only repeat the line', () => {
    expect(readDeployment(text).problems[0]?.problem).not.toMatch(/at line \d+/);
  });
});

it('several documents are found where the second begins', () => {
  expect(readDeployment('edition: 3.0.0\n---\nedition: 3.0.0\n').problems[0]?.line).toBe(2);
});

it('a variable that names itself is told once, with the way out', () => {
  const { problems } = readDeployment(
    'vars: {a: "${vars.b}", b: "${vars.a}"}\nresources: {t: {role: "${vars.a}, ${vars.a}"}}\n',
  );
  expect(problems).toEqual([
    {
      line: 2,
      where: 't.role',
      problem: '${vars.a} names itself, or variables that name variables.',
      cure: 'Let a variable hold a value.',
    },
  ]);
});

it('what stands behind an anchor is put in, as the tool that deploys does', () => {
  const { value, problems } = readDeployment(
    'base: &base {cpu: 1, memorySize: 1024}\nresources: {train: {props: {<<: *base, cpu: 2}}}\n',
  );
  expect(problems).toEqual([]);
  expect(valueAt(value, ['resources', 'train', 'props'])).toEqual({ cpu: 2, memorySize: 1024 });
});
