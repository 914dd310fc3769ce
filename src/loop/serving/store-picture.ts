/** A received picture as the feedback item that is stored: decoded once, written by one encoder. */
import { sha256 } from '../../base/hash.ts';
import { normalizeImage } from '../../data/decode-image.ts';
import type { FeedbackHeader, FeedbackItem } from '../../records/feedback-item.ts';

/** How pictures are stored; recorded in each item. */
const pictureEncoder = 'jpeg q95 4:4:4 short-side<=256';

/** @throws RelearnError invalid, with the decoder's codes */
export const toFeedbackItem = async (
  picture: Uint8Array,
  facts: Omit<FeedbackHeader, 'formatVersion' | 'sha256' | 'width' | 'height' | 'encoder'>,
): Promise<FeedbackItem> => {
  const { bytes, width, height } = await normalizeImage(picture);
  return {
    header: {
      formatVersion: 1,
      sha256: sha256(picture),
      width,
      height,
      encoder: pictureEncoder,
      ...facts,
    },
    image: bytes,
  };
};
