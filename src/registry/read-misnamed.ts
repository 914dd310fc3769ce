/** What lies under `feedback/` and is in no list because of its name. */
import { feedbackPrefix } from '../records/keys.ts';
import type { MisnamedObject, ObjectStore } from '../storage/object-store.ts';

/** Larger objects are neither taken in nor moved: they would have to be held in memory. */
export const largestForeign = 256 * 1024 * 1024;

export const tooLargeFault =
  'it is larger than 256 MiB and stays until somebody makes it smaller or removes it';

export interface Misnamed {
  readonly objects: readonly MisnamedObject[];
  /** Empty objects with a slash at the end, as the consoles of buckets make them for a folder. */
  readonly folderMarkers: number;
}

const isFolderMarker = ({ name, size }: MisnamedObject): boolean =>
  size === 0 && name.endsWith('/');

export const readMisnamed = async (store: ObjectStore): Promise<Misnamed> => {
  const objects: MisnamedObject[] = [];
  let folderMarkers = 0;
  for await (const found of store.misnamed?.(feedbackPrefix) ?? []) {
    if (isFolderMarker(found)) folderMarkers++;
    else objects.push(found);
  }
  return { objects, folderMarkers };
};
