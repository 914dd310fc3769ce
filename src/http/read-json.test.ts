import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pointerTo, readJson } from './read-json.ts';

const bytes = (text: string) => Buffer.from(text);
const codeOf = (body: Uint8Array): unknown => {
  try {
    readJson(body, 16);
    return 'accepted';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

describe('readJson', () => {
  it('reads what JSON.stringify writes', () => {
    const safe = fc
      .jsonValue({ maxDepth: 5 })
      .filter((value) => !/"(__proto__|constructor|prototype)"\s*:/.test(JSON.stringify(value)));
    fc.assert(
      fc.property(safe, (value) => {
        const text = JSON.stringify(value, null, 1);
        expect(readJson(bytes(text), 16)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['{"a":1}{"b":2}', 'invalid_json'],
    ['{"a":1} x', 'invalid_json'],
    ['\uFEFF{"a":1}', 'invalid_json'],
    ['{"a":NaN}', 'invalid_json'],
    ['{"a', 'invalid_json'],
    ['{"a\\":1}', 'invalid_json'],
    [']]]', 'invalid_json'],
    ['{"\\q":1}', 'invalid_json'],
    ['{"__proto__":{"x":1}}', 'forbidden_key'],
    ['{"\\u005f_proto__" : 1}', 'forbidden_key'],
    ['{"constructor":{"prototype":{}}}', 'forbidden_key'],
    ['{"a":[{"__proto__":1}]}', 'forbidden_key'],
    ['{"a":"__proto__"}', 'accepted'],
    ['["__proto__"]', 'accepted'],
    ['{"a":1,"a":2}', 'unknown_field'],
    ['{"a":1,"\\u0061":2}', 'unknown_field'],
    ['{"a":{"b":1},"c":{"b":1}}', 'accepted'],
    ['{"a":"\\\\","b":"\\""}', 'accepted'],
  ])('%s: %s', (text, code) => {
    expect(codeOf(bytes(text))).toBe(code);
  });

  it('refuses depth before it parses', () => {
    expect(codeOf(bytes('['.repeat(100_000)))).toBe('json_too_deep');
    expect(codeOf(bytes('{"a":'.repeat(100_000)))).toBe('json_too_deep');
  });

  it('refuses text that is not UTF-8', () => {
    expect(codeOf(Buffer.from([0x22, 0xff, 0xfe, 0x22]))).toBe('invalid_json');
  });

  it('scans a long string in one step', () => {
    const long = 'A'.repeat(10_000_000);
    expect(readJson(bytes(`{"picture":"${long}"}`), 16)).toEqual({ picture: long });
  });
});

describe('pointerTo', () => {
  it('escapes and cuts', () => {
    expect(pointerTo(['a/b', '~', 3])).toBe('/a~1b/~0/3');
    expect(pointerTo(['x'.repeat(1000)])).toHaveLength(65);
  });
});
