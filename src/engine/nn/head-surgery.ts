/**
 * Changes the classes of a trained head and leaves everything else alone. A plan says for each
 * class of the new head which old classes its logit comes from; classes that keep theirs get the
 * same row of weights, bit for bit, and so the same logit until they are trained.
 */
import { RelearnError } from '../../base/errors.ts';
import type { Model } from './model-file.ts';

export interface PlannedClass {
  readonly label: string;
  /** Old labels: none for a new class, one that is kept or renamed, several that become one. */
  readonly from: readonly string[];
}

/** The new head's classes in class-index order. Old classes that nothing comes from are dropped. */
export type HeadPlan = readonly PlannedClass[];

const invalidPlan = (message: string): RelearnError =>
  new RelearnError('usage', 'invalid_head_plan', message);

/** Every architecture ends in these: weights [classes, F] and biases [classes]. */
export const headWeights = { kernel: 'logits/kernel', bias: 'logits/bias' } as const;

/**
 * How far below the mean of the other logits a new class starts. A mean is never above the largest,
 * so a new class is never predicted at first; by Jensen's inequality it takes at most
 * e⁻² / classes of the probability (7 % beside two others).
 */
const newClassGap = 2;

/** The rule where only the labels are known: same names are kept, missing ones dropped, others new. */
export const planForLabels = (before: readonly string[], after: readonly string[]): HeadPlan =>
  after.map((label) => ({ label, from: before.includes(label) ? [label] : [] }));

export const keepClasses = (labels: readonly string[]): HeadPlan => planForLabels(labels, labels);

export const addClass = (plan: HeadPlan, label: string): HeadPlan => [...plan, { label, from: [] }];

export const removeClass = (plan: HeadPlan, label: string): HeadPlan =>
  plan.filter((planned) => planned.label !== label);

export const renameClass = (plan: HeadPlan, label: string, to: string): HeadPlan =>
  plan.map((planned) => (planned.label === label ? { ...planned, label: to } : planned));

/** The merged class stands where the first of the named ones stood. */
export const mergeClasses = (plan: HeadPlan, labels: readonly string[], to: string): HeadPlan => {
  const merged = plan.filter(({ label }) => labels.includes(label));
  return plan.flatMap((planned) => {
    if (planned === merged[0]) return [{ label: to, from: merged.flatMap(({ from }) => from) }];
    return merged.includes(planned) ? [] : [planned];
  });
};

/**
 * @param labels every label of the plan, in the new order
 * @throws RelearnError usage/`unknown_label` where a label is not in the plan,
 *   usage/`invalid_head_plan` where one of the plan's is missing: `removeClass` drops classes
 */
export const reorderClasses = (plan: HeadPlan, labels: readonly string[]): HeadPlan => {
  const missing = plan.find(({ label }) => !labels.includes(label));
  if (missing) throw invalidPlan(`The new order leaves out "${missing.label}".`);
  return labels.map((label) => {
    const planned = plan.find((candidate) => candidate.label === label);
    if (!planned)
      throw unknownLabel(
        label,
        plan.map((candidate) => candidate.label),
      );
    return planned;
  });
};

/**
 * The same model with another head.
 *
 * A merged class gets the mean of its rows and biases, plus ln m for m classes. What it should have,
 * the log-sum-exp of their logits, has no linear form; this is its largest lower bound that treats
 * the classes alike, and equal to it where they agree (Gibbs' inequality). It underrates the merged
 * class where one of its parts is sure and the others are not, which training then mends.
 *
 * A new class gets the mean of all other rows of the new head and starts below them, see
 * `newClassGap`. Where no class is kept all start at zero, that is equally likely.
 *
 * @throws RelearnError usage/`unknown_label`, usage/`invalid_head_plan` where a name comes twice or
 *   fewer than two classes are left, corrupt/`invalid_model_file` where the model has no such head
 */
export const operateHead = (model: Model, plan: HeadPlan): Model => {
  checkPlan(plan, model.labels);
  const kernel = model.weights.get(headWeights.kernel);
  const bias = model.weights.get(headWeights.bias);
  const features = (kernel?.length ?? 0) / model.labels.length;
  if (!kernel || bias?.length !== model.labels.length || !Number.isInteger(features)) {
    throw new RelearnError(
      'corrupt',
      'invalid_model_file',
      `The model has no head for its ${model.labels.length} labels.`,
      {
        hint: 'Use a model that Relearn wrote, or train from scratch: relearn train --from scratch',
      },
    );
  }
  const oldRows = model.labels.map((_, index) => ({
    kernel: kernel.subarray(index * features, (index + 1) * features),
    bias: bias[index] as number,
  }));
  const rowsOf = ({ from }: PlannedClass) =>
    from.map((label) => oldRows[model.labels.indexOf(label)] as HeadRow);
  const known = plan.filter(({ from }) => from.length > 0).map((planned) => join(rowsOf(planned)));
  const fresh =
    known.length === 0
      ? { kernel: new Float32Array(features), bias: 0 }
      : shift(meanRow(known), -newClassGap);
  const rows = plan.map((planned) => (planned.from.length === 0 ? fresh : join(rowsOf(planned))));

  const newKernel = new Float32Array(plan.length * features);
  for (const [index, row] of rows.entries()) newKernel.set(row.kernel, index * features);
  const weights = new Map(model.weights);
  weights.set(headWeights.kernel, newKernel);
  weights.set(
    headWeights.bias,
    Float32Array.from(rows, (row) => row.bias),
  );
  return { ...model, labels: plan.map(({ label }) => label), weights };
};

interface HeadRow {
  readonly kernel: Float32Array;
  readonly bias: number;
}

const join = (rows: readonly HeadRow[]): HeadRow =>
  rows.length === 1 ? (rows[0] as HeadRow) : shift(meanRow(rows), Math.log(rows.length));

const shift = ({ kernel, bias }: HeadRow, by: number): HeadRow => ({ kernel, bias: bias + by });

const meanRow = (rows: readonly HeadRow[]): HeadRow => {
  const mean = (numberOf: (row: HeadRow) => number) =>
    rows.reduce((sum, row) => sum + numberOf(row), 0) / rows.length;
  const kernel = (rows[0] as HeadRow).kernel.map((_, f) => mean((row) => row.kernel[f] as number));
  return { kernel, bias: mean((row) => row.bias) };
};

const unknownLabel = (label: string, labels: readonly string[]): RelearnError =>
  new RelearnError('usage', 'unknown_label', `The model has no label "${label}".`, {
    hint: `Use one of: ${labels.join(', ')}.`,
    details: { labels },
  });

const checkPlan = (plan: HeadPlan, labels: readonly string[]): void => {
  const sources = plan.flatMap(({ from }) => from);
  const unknown = sources.find((label) => !labels.includes(label));
  if (unknown !== undefined) throw unknownLabel(unknown, labels);
  const twice = (names: readonly string[]) => names.find((name, i) => names.indexOf(name) !== i);
  const repeated = twice(plan.map(({ label }) => label));
  if (repeated !== undefined) throw invalidPlan(`The label "${repeated}" comes twice.`);
  const torn = twice(sources);
  if (torn !== undefined) throw invalidPlan(`Two classes can't both come from "${torn}".`);
  if (plan.length < 2) throw invalidPlan('A classifier needs at least two classes.');
};
