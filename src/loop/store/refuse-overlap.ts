/**
 * Keeps stores apart. Where one lies inside the other, the outer one takes the inner one's objects
 * for its own: its trainings set them aside, its garbage collection removes them, its copy takes
 * them along.
 */
import { isRelearnError, RelearnError } from '../../base/errors.ts';
import { settingsKey } from '../../records/keys.ts';
import { areSettings } from '../../records/stored-settings.ts';
import { listKeys, type ObjectStore } from '../../storage/object-store.ts';

/** What is looked at, so that the number of calls has a bound however full or deep a place is. */
const bounds = { above: 32, namesBelow: 32, depthBelow: 3 } as const;
/** A file of this name that is larger is another program's. Bytes. */
const largestSettings = 1_000_000;

const overlap = (message: string): RelearnError =>
  new RelearnError('conflict', 'store_overlaps', message, {
    hint: 'The outer store would take the objects of the inner one for its own. Choose a place beside it: another folder, prefix or bucket.',
  });

/** @param folder empty, or ending in a slash */
const holdsStore = async (place: ObjectStore, folder: string): Promise<boolean> => {
  const key = `${folder}${settingsKey}`;
  try {
    const { size = Number.POSITIVE_INFINITY } = (await place.head(key)) ?? {};
    if (size > largestSettings) return false;
    const bytes = await place.get(key);
    return bytes !== undefined && areSettings(bytes);
  } catch (error) {
    // Credentials that see their own prefix alone can't tell.
    if (isRelearnError(error, 'storage_denied')) return false;
    throw error;
  }
};

/**
 * At most 32 places, each by one call, or two where something lies there.
 * @throws RelearnError conflict/`store_overlaps` where a store holds this place
 */
export const refuseOuterStore = async (store: ObjectStore): Promise<void> => {
  const places = ((await store.above?.()) ?? []).slice(0, bounds.above);
  const found = await Promise.all(places.map((place) => holdsStore(place, '')));
  const outer = places[found.indexOf(true)];
  if (outer) throw overlap(`${store.location} lies inside the store at ${outer.location}.`);
};

/** The folders on the way to a key, each with a slash at its end. */
const foldersOf = (key: string): readonly string[] => {
  const names = key.split('/').slice(0, -1);
  return names.map((_, index) => `${names.slice(0, index + 1).join('/')}/`);
};

/** The first key below each of the first names, found without reading what lies between. */
async function* firstKeys(store: ObjectStore): AsyncGenerator<string> {
  let startAfter = '';
  for (let names = 0; names < bounds.namesBelow; names++) {
    let first: string | undefined;
    for await (const key of listKeys(store, '', { startAfter, limit: 1 })) first = key;
    if (first === undefined) return;
    yield first;
    const [name = '', ...below] = first.split('/');
    // `0` is the character that follows the slash: behind everything in the folder.
    startAfter = below.length === 0 ? first : `${name}0`;
  }
}

/**
 * Looks below the first 32 names, there along the first key and three folders deep: all of what
 * stores and people usually make, and at most 128 calls. An empty place costs one.
 * @throws RelearnError conflict/`store_overlaps` where this place holds a store further down
 */
const refuseInnerStore = async (store: ObjectStore): Promise<void> => {
  for await (const key of firstKeys(store)) {
    const folders = foldersOf(key).slice(0, bounds.depthBelow);
    const found = await Promise.all(folders.map((folder) => holdsStore(store, folder)));
    const inner = folders[found.indexOf(true)];
    if (inner) throw overlap(`There is a store at ${inner} inside ${store.location}.`);
  }
};

/** Both, see there. */
export const refuseOverlap = async (store: ObjectStore): Promise<void> => {
  await refuseOuterStore(store);
  await refuseInnerStore(store);
};
