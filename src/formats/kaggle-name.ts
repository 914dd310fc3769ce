/** Names of Kaggle's "Dogs vs. Cats" kind: `cat.73.jpg` is picture 73 of class cat. */
import { RelearnError } from '../base/errors.ts';

export interface KaggleName {
  readonly label: string;
  readonly id: number;
}

const pattern = /^(?<label>[^/\\]+)\.(?<id>\d{1,15})\.[A-Za-z0-9]{1,5}$/u;

/** @param name a file's name without its folder */
export const parseKaggleName = (name: string): KaggleName | undefined => {
  const groups = pattern.exec(name)?.groups;
  return groups && { label: groups.label as string, id: Number(groups.id) };
};

/**
 * `0-4999` → [0, 4999], both included; `7` → [7, 7].
 * @throws RelearnError usage/`invalid_id_range`
 */
export const parseIdRange = (text: string): readonly [number, number] => {
  const match = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text.trim());
  const low = Number(match?.[1]);
  const high = Number(match?.[2] ?? match?.[1]);
  if (!match || low > high) {
    throw new RelearnError('usage', 'invalid_id_range', `"${text}" is not a range of ids.`, {
      hint: 'Write the first and the last id, as in 0-4999.',
    });
  }
  return [low, high];
};
