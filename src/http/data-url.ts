/**
 * Data URLs (RFC 2397), base64 only, read strictly: Node's own decoder skips what it does not know.
 * The declared type is not trusted; the picture's magic bytes decide what it is.
 */
import { invalid } from './error-table.ts';

const longestHeader = 256;

/** @throws RelearnError invalid/`bad_data_url`, `url_not_supported` or `bad_base64` */
export const decodeDataUrl = (text: string): Uint8Array => {
  if (!/^data:/i.test(text)) {
    const isAddress = /^\s*(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(text);
    if (isAddress) throw invalid('url_not_supported', 'The picture is an address.');
    throw invalid('bad_data_url', 'The picture does not start with "data:".');
  }
  const comma = text.slice(0, longestHeader).indexOf(',');
  if (comma < 0) throw invalid('bad_data_url', 'The data URL has no comma.');
  if (!/;base64$/i.test(text.slice(0, comma)))
    throw invalid('bad_data_url', 'The data URL is not base64.');
  return decodeBase64(text.slice(comma + 1));
};

/** Canonical base64 (RFC 4648, section 4) or nothing: what we encode again is what came in. */
const decodeBase64 = (text: string): Uint8Array => {
  const bytes = Buffer.from(text, 'base64');
  const isCanonical = text.length % 4 === 0 && bytes.toString('base64') === text;
  if (!isCanonical) throw invalid('bad_base64', 'The data URL holds something else than base64.');
  return bytes;
};
