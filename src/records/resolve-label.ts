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

/**
 * The label that a folder of pictures is for: by its id, or by a name, also in other letters (`Dog`)
 * where only one label is meant so.
 */
export const findFolderLabel = (settings: Settings, folder: string): ResolvedLabel | undefined => {
  const { labels, labelIds, aliases } = settings;
  const index = labelIds.indexOf(folder);
  const label = labels[index];
  if (label !== undefined) return { index, label, id: folder };
  const exact = findLabel(settings, folder);
  if (exact) return exact;
  const fold = (name: string) => name.normalize('NFC').trim().toLowerCase();
  const meant = [...labels, ...Object.keys(aliases)]
    .filter((name) => fold(name) === fold(folder))
    .map((name) => findLabel(settings, name));
  return meant.every((found) => found?.index === meant[0]?.index) ? meant[0] : undefined;
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
