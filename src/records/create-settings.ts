/** From what a person asked for to the settings of a store, checked. */
import { RelearnError } from '../base/errors.ts';
import type { ObjectRef } from './json-object.ts';
import { labelIdsOf } from './label-id.ts';
import type { Settings } from './settings.ts';

export interface SettingsInput {
  readonly labels: readonly string[];
  /** Other names people send, each mapped to a label. Plain plurals are added to these. */
  readonly aliases?: Readonly<Record<string, string>>;
  readonly architecture?: string;
  /** What the architecture is, where it is an imported network and none of the program's own. */
  readonly backbone?: { readonly ref: ObjectRef; readonly imageSize: number };
  /** Pixels; not with architectures of a fixed size. */
  readonly imageSize?: number;
  readonly threshold?: number;
  readonly holdout?: number;
  readonly validation?: number;
}

/** What the architectures that `init` knows take in; `fixed` sizes can't be chosen. */
const architectures: Readonly<
  Record<string, { readonly imageSize: number; readonly fixed: boolean }>
> = {
  compact: { imageSize: 96, fixed: false },
  article: { imageSize: 224, fixed: true },
};

const wrongUsage = (code: string, message: string, hint: string): RelearnError =>
  new RelearnError('usage', code, message, { hint });

// Control and format characters (invisible, or turning the text around), and both slashes.
const unfitForNames = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}/\\]/u;

// Nothing, the names of folders in every folder, and a key that objects of JavaScript don't keep.
const unfitNames: readonly string[] = ['', '.', '..', '__proto__'];

const checkName = (raw: string, what: string): string => {
  const name = raw.normalize('NFC').trim();
  if (name.length > 100 || unfitForNames.test(name) || unfitNames.includes(name)) {
    throw wrongUsage(
      'invalid_label',
      `${JSON.stringify(raw)} can't be ${what}.`,
      'Use 1 to 100 characters, without slashes and without characters that nobody sees.',
    );
  }
  return name;
};

const checkRange = (name: string, value: number, fits: boolean, range: string): number => {
  if (!fits || !Number.isFinite(value)) {
    throw wrongUsage('invalid_setting', `${name} can't be ${value}.`, `Use ${range}.`);
  }
  return value;
};

const sameLabel = (label: string, other: string): RelearnError =>
  label === other
    ? wrongUsage('duplicate_label', `The label "${label}" is given twice.`, 'Name it once.')
    : wrongUsage(
        'duplicate_label',
        `The labels "${label}" and "${other}" are one name in two spellings.`,
        `Keep one of them and let the other stand for it: --alias ${other}=${label}`,
      );

const checkLabels = (raw: readonly string[]): string[] => {
  const labels = raw.map((label) => checkName(label, 'a label'));
  if (labels.length < 2) {
    throw wrongUsage(
      'too_few_labels',
      `A classifier needs at least two labels, not ${labels.length}.`,
      'Name them like this: --labels cat,dog',
    );
  }
  // People mix up names that only capitals tell apart, and some file systems keep one folder for both.
  const seen = new Map<string, string>();
  for (const label of labels) {
    const plain = label.normalize('NFKC').toLowerCase();
    const other = seen.get(plain);
    if (other !== undefined) throw sameLabel(other, label);
    seen.set(plain, label);
  }
  return labels;
};

const checkAliases = (
  labels: readonly string[],
  raw: Readonly<Record<string, string>>,
): Record<string, string> => {
  const aliases = new Map<string, string>();
  for (const [rawName, rawLabel] of Object.entries(raw)) {
    const name = checkName(rawName, 'an alias');
    const label = rawLabel.normalize('NFC').trim();
    if (!labels.includes(label)) {
      throw wrongUsage(
        'unknown_label',
        `The alias "${name}" stands for "${label}", which is no label.`,
        `The labels are ${labels.join(', ')}.`,
      );
    }
    if (labels.includes(name)) {
      throw wrongUsage(
        'invalid_alias',
        `"${name}" is a label, so it can't be an alias.`,
        'Choose another name.',
      );
    }
    aliases.set(name, label);
  }
  for (const label of labels) {
    // An s makes a plural in Latin letters only.
    if (!/\p{Script=Latin}$/u.test(label)) continue;
    const plural = `${label}s`;
    if (!labels.includes(plural) && !aliases.has(plural)) aliases.set(plural, label);
  }
  return Object.fromEntries(aliases);
};

const chooseImageSize = (architecture: string, asked: number | undefined): number => {
  const known = Object.hasOwn(architectures, architecture)
    ? architectures[architecture]
    : undefined;
  if (!known) {
    throw wrongUsage(
      'unknown_architecture',
      `There is no architecture "${architecture}".`,
      `Choose one of ${Object.keys(architectures).join(', ')}, or a pretrained network: FILE.onnx, or hf:OWNER/NAME/FILE.onnx of the Hugging Face Hub.`,
    );
  }
  if (asked === undefined) return known.imageSize;
  if (known.fixed) {
    throw wrongUsage(
      'image_size_fixed',
      `The architecture "${architecture}" always takes ${known.imageSize} × ${known.imageSize} pixels.`,
      'Leave the image size out, or choose another architecture.',
    );
  }
  const fits = Number.isInteger(asked) && asked >= 16 && asked <= 512;
  return checkRange('The image size', asked, fits, 'a whole number of pixels from 16 to 512');
};

/** @throws RelearnError usage, with the cure as its hint */
export const createSettings = (input: SettingsInput): Settings => {
  const labels = checkLabels(input.labels);
  const { architecture = 'compact', threshold = 1000, holdout = 0.15, validation = 0.05 } = input;
  checkRange(
    'The threshold',
    threshold,
    Number.isInteger(threshold) && threshold >= 1 && threshold <= 1e9,
    'a whole number from 1',
  );
  for (const [name, share] of Object.entries({ holdout, validation })) {
    checkRange(`The ${name} share`, share, share > 0 && share < 1, 'a fraction between 0 and 1');
  }
  checkRange(
    'The sum of the holdout and validation shares',
    holdout + validation,
    holdout + validation <= 0.9,
    'shares that leave at least a tenth of the pictures for training',
  );
  return {
    formatVersion: 1,
    labels,
    labelIds: labelIdsOf(labels),
    aliases: checkAliases(labels, input.aliases ?? {}),
    architecture,
    ...(input.backbone ? { backbone: input.backbone.ref } : {}),
    imageSize: input.backbone?.imageSize ?? chooseImageSize(architecture, input.imageSize),
    threshold,
    holdout,
    validation,
  };
};
