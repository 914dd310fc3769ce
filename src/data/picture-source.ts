/** Labelled pictures from files people have. */

export interface SourcePicture {
  /** Where it came from, for people. */
  readonly path: string;
  /** As written in the source; the caller maps it to a class. */
  readonly label: string;
  /** The number in a name like `cat.73.jpg`. */
  readonly id?: number;
  /** The bytes as they lie in the source. @throws RelearnError where they can't be read */
  read(): Promise<Uint8Array>;
}

/** Something that was found and can't be used. */
export interface SourceRejection {
  readonly path: string;
  readonly rejected: string;
}

export type SourceItem = SourcePicture | SourceRejection;

export interface PictureSourceOptions {
  /** Inclusive range on the number in the name; pictures without a number are left out. */
  readonly ids?: readonly [number, number];
  /** Tells a class folder from any other folder. Without it the name's own label goes first. */
  knowsLabel?(label: string): boolean;
  /** Names by class index, for TFRecord files that hold only the index. */
  readonly labels?: readonly string[];
}

/**
 * Every labelled picture at the paths, in a stable order, one at a time.
 * @throws RelearnError invalid/`path_not_found`, invalid/`no_pictures`
 */
export declare const openPictureSource: (
  paths: readonly string[],
  options?: PictureSourceOptions,
) => AsyncGenerator<SourceItem>;
