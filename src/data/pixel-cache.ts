export interface LabelledPicture {
  /** Class index. */
  readonly label: number;
  /** The stored JPEG, or how to get it. */
  readonly bytes: Uint8Array | (() => Promise<Uint8Array>);
}
