/** Reads a deployment file of Serverless Devs: its values with `${vars.…}` filled in, and their lines. */
import { isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import { createFill } from './fill-variables.ts';
import { nestingOf } from './nesting-of.ts';
import { otherKindOf } from './other-kinds.ts';
import { isRecord, type Path } from './yaml-values.ts';

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

/** Values that a file may unfold to; the one that the project ships has about 200. */
const mostValues = 100_000;

/** Whether there are more, an anchor inside itself included, which has no end. */
const isBoundless = (value: unknown): boolean => {
  const waiting = [value];
  for (let count = 0; waiting.length > 0; count += 1) {
    if (count + waiting.length > mostValues) return true;
    const inner = waiting.pop();
    if (typeof inner === 'object' && inner !== null)
      for (const child of Object.values(inner)) waiting.push(child);
  }
  return false;
};

/** Levels of nesting; the file that the project ships has about ten. */
const mostNesting = 100;

const tooDeep: Problem = {
  line: 1,
  where: '',
  problem: 'Lists and maps are nested too deep for a deployment.',
  cure: 'Begin with deploy/s.yaml.',
};

const anchorProblem = [
  'The anchors of this file unfold to more than a deployment can hold.',
  'Write the values out, or name them below vars.',
] as const;

/** The values of a document; undefined where its anchors have no end or no measure. */
const unfold = (document: ReturnType<typeof parseDocument>): unknown => {
  try {
    const value: unknown = document.toJS();
    return isBoundless(value) ? undefined : (value ?? null);
  } catch (error) {
    // The reader of YAML counts too, in its own way.
    if (error instanceof ReferenceError || error instanceof RangeError) return undefined;
    throw error;
  }
};

export const readDeployment = (text: string): Deployment => {
  if (nestingOf(text) > mostNesting)
    return { value: undefined, problems: [tooDeep], problem: () => tooDeep };
  const other = otherKindOf(text);
  if (other) {
    const told = { line: 1, where: '', ...other };
    return { value: undefined, problems: [told], problem: () => told };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true });
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

  const refused = (line: number, what: string, cure: string): Deployment => ({
    value: undefined,
    problems: [{ line, where: '', problem: what, cure }],
    problem,
  });
  // The first error is the cause of most of those after it.
  const [error] = document.errors;
  if (error?.code === 'MULTIPLE_DOCS')
    return refused(
      lineAt(error.pos[0]),
      'The file holds several documents.',
      'Keep one deployment in a file: remove this line, or what follows it.',
    );
  if (error) {
    const [message = ''] = error.message.split('\n');
    return refused(
      lineAt(error.pos[0]),
      `This is no YAML: ${message.replace(/ at line \d+, column \d+:?$/, '')}.`,
      'Look at the indentation and the quotes of this line and the one before it.',
    );
  }
  const raw = unfold(document);
  if (raw === undefined) return refused(1, ...anchorProblem);
  if (!isRecord(raw)) return { value: raw, problems: [], problem };
  const problems: Problem[] = [];
  const fill = createFill(raw.vars, (...told) => {
    const found = problem(...told);
    if (!problems.some((known) => known.problem === found.problem && known.where === found.where))
      problems.push(found);
  });
  const value = {
    ...raw,
    resources: fill(raw.resources, ['resources']),
    ...(raw.services === undefined ? {} : { services: fill(raw.services, ['services']) }),
  };
  return { value, problems, problem };
};
