/**
 * How a picture becomes a model's input. One value, stored in the model and used by serving and
 * training alike, so that the two cannot drift apart.
 */
export interface Preprocessing {
  readonly width: number;
  readonly height: number;
  /** 1 = grey (Rec. 709 luma as sharp computes it), 3 = sRGB. */
  readonly channels: 1 | 3;
  /** The picture is squeezed to width × height; nothing is cut away. */
  readonly fit: 'fill';
}
