/** From a name that people or files use to the label it means. */
import { RelearnError } from '../base/errors.ts';
import type { Settings } from './settings.ts';

export interface ResolvedLabel {
  /** Class index. */
  readonly index: number;
  readonly label: string;
  /** ASCII id, as object keys hold it. */
  readonly id: string;
}

/** A label, or what an alias stands for; undefined for any other name. */
export const findLabel = (settings: Settings, name: string): ResolvedLabel | undefined => {
  const plain = name.normalize('NFC').trim();
  const label = Object.hasOwn(settings.aliases, plain) ? settings.aliases[plain] : plain;
  const index = settings.labels.indexOf(label ?? plain);
  const found = settings.labels[index];
  const id = settings.labelIds[index];
  return found === undefined || id === undefined ? undefined : { index, label: found, id };
};

/** @throws RelearnError invalid/`unknown_label`, with the labels in its details */
export const resolveLabel = (settings: Settings, name: string): ResolvedLabel => {
  const found = findLabel(settings, name);
  if (found) return found;
  const shown = name.length > 100 ? `${name.slice(0, 100)}…` : name;
  throw new RelearnError('invalid', 'unknown_label', `${JSON.stringify(shown)} is not a label.`, {
    hint: `The labels are ${settings.labels.join(', ')}.`,
    details: { labels: settings.labels },
  });
};
