import { describe, expect, it } from 'vitest';
import { findKey, parseKeys, parseScopes } from './keys.ts';

describe('keys', () => {
  const keys = parseKeys(
    'phone:s3cret:predict+feedback,ops:0ther:train+admin\n# note\nci:third:train',
  );

  it('reads one key a line or separated by commas', () => {
    expect(keys.map(({ name, scopes }) => [name, [...scopes]])).toEqual([
      ['phone', ['predict', 'feedback']],
      ['ops', ['train', 'admin']],
      ['ci', ['train']],
    ]);
  });

  it('tells keys that are short enough to be guessed', () => {
    const lengths = parseKeys(`a:${'x'.repeat(15)}:predict,b:${'x'.repeat(16)}:predict`);
    expect(lengths.map(({ isShort }) => isShort)).toEqual([true, false]);
  });

  it('keeps no key in the clear', () => {
    expect(JSON.stringify(keys)).not.toContain('s3cret');
  });

  it('finds a key by its bearer header only', () => {
    expect(findKey(keys, 'Bearer 0ther')?.name).toBe('ops');
    expect(findKey(keys, 'bearer  0ther ')?.name).toBe('ops');
    for (const wrong of ['Bearer 0the', 'Bearer ', 'Basic 0ther', '0ther', 'Bearer a b'])
      expect(findKey(keys, wrong)).toBeUndefined();
  });

  it.each(['phone', 'phone:key', 'a:b:c:d', ':key:predict', 'a:b:'])('refuses %s', (text) => {
    expect(() => parseKeys(text)).toThrow(expect.objectContaining({ code: 'invalid_keys' }));
  });

  it('refuses unknown scopes and never shows the key', () => {
    expect(() => parseKeys('a:s3cret:root')).toThrow(
      expect.objectContaining({
        code: 'unknown_scope',
        message: expect.not.stringContaining('s3cret'),
      }),
    );
    expect([...parseScopes('predict, feedback')]).toEqual(['predict', 'feedback']);
  });
});
