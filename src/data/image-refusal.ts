/** The ways in which a picture can be refused: stable codes, messages without a library's words. */
import { RelearnError } from '../base/errors.ts';
import type { ImageRefusal } from '../records/rejection-words.ts';

const refusals: Readonly<Record<ImageRefusal, string>> = {
  empty_image: 'The picture is empty.',
  unsupported_image: 'The picture is not a JPEG, PNG or WebP.',
  corrupt_image: 'The picture is damaged and cannot be decoded.',
  truncated_image: 'The picture ends before it is complete.',
  too_many_pixels: 'The picture has too many pixels.',
  too_many_channels: 'The picture has too many colour channels.',
  image_too_complex: 'The picture takes too long to decode.',
  aspect_ratio: 'The picture is too long and thin.',
};

const cures: { readonly [Code in ImageRefusal]?: string } = {
  unsupported_image: 'Send a JPEG, PNG or WebP.',
  too_many_pixels: 'Shrink the picture and send it again.',
  truncated_image: 'Send the whole file again.',
};

export const refuse = (code: ImageRefusal, cause?: unknown): RelearnError => {
  const hint = cures[code];
  return new RelearnError('invalid', code, refusals[code], {
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });
};

/** What a decoder's failure means for the one who sent the picture. */
export const refusalOf = (cause: unknown): RelearnError => {
  const message = cause instanceof Error ? cause.message : '';
  // sharp gives its time-out no code of its own; the words are the only sign.
  return refuse(/timeout/i.test(message) ? 'image_too_complex' : 'corrupt_image', cause);
};
