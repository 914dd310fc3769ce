/** Why a picture was rejected or set aside, in words: the one table for what people read. */

const words = {
  empty_image: 'the file is empty',
  unsupported_image: 'not a JPEG, PNG or WebP',
  corrupt_image: 'damaged, can not be decoded',
  truncated_image: 'cut off before its end',
  too_many_pixels: 'too many pixels',
  too_many_channels: 'too many colour channels',
  image_too_complex: 'takes too long to decode',
  aspect_ratio: 'too long and thin',
  picture_unreadable: "there is no such file, or it can't be read",
  unknown_label: 'its label is none of this store',
} as const;

/** The ways in which a picture itself can be refused. */
export type ImageRefusal = Exclude<keyof typeof words, 'picture_unreadable' | 'unknown_label'>;

/** @param reason as reports have it: a code, or words already */
export const rejectionInWords = (reason: string): string =>
  Object.hasOwn(words, reason) ? words[reason as keyof typeof words] : reason;
