import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeDataUrl } from './data-url.ts';

const codeOf = (text: string): unknown => {
  try {
    decodeDataUrl(text);
    return 'accepted';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

describe('decodeDataUrl', () => {
  it('gives back the bytes of any canonical data URL', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = `data:image/jpg;base64,${Buffer.from(bytes).toString('base64')}`;
        expect([...decodeDataUrl(text)]).toEqual([...bytes]);
      }),
    );
  });

  it.each([
    ['data:image/jpeg;base64,QUJD', 'accepted'],
    ['DATA:image/jpeg;charset=x;BASE64,QUJD', 'accepted'],
    ['', 'bad_data_url'],
    ['QUJD', 'bad_data_url'],
    ['data:image/jpeg;base64', 'bad_data_url'],
    ['data:,hello', 'bad_data_url'],
    [`data:${'x'.repeat(300)};base64,QUJD`, 'bad_data_url'],
    ['http://169.254.169.254/', 'url_not_supported'],
    ['HTTPS://example.com/a.jpg', 'url_not_supported'],
    ['//example.com/a.jpg', 'url_not_supported'],
    [' file:///etc/passwd', 'url_not_supported'],
    ['gopher://x', 'url_not_supported'],
    ['data:image/jpeg;base64,!!!@@@not base64', 'bad_base64'],
    ['data:image/jpeg;base64,QUI', 'bad_base64'],
    ['data:image/jpeg;base64,QUJD=', 'bad_base64'],
    ['data:image/jpeg;base64,QR==', 'bad_base64'],
    ['data:image/jpeg;base64,-_-_', 'bad_base64'],
    ['data:image/jpeg;base64,QU JD', 'bad_base64'],
    ['data:image/jpeg;base64,QUJD\n', 'bad_base64'],
    ['data:image/jpeg;base64,QUJD%3D', 'bad_base64'],
  ])('%s: %s', (text, code) => {
    expect(codeOf(text)).toBe(code);
  });
});
