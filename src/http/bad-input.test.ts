/**
 * Hostile and broken requests, one row each: what is sent and what must come back. After every row
 * nothing is stored and a good request still gets its answer.
 */
import { gzipSync } from 'node:zlib';
import type { InjectOptions } from 'fastify';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { createInMemoryRelearn } from '../../test/in-memory-relearn.ts';
import {
  blackPng,
  brightJpeg,
  damaged,
  darkJpeg,
  darkPng,
  dataUrlOf,
  headerOnlyPng,
  pngChunk,
} from '../../test/pictures.ts';
import { systemClock } from '../base/clock.ts';
import { functionNames } from './app-context.ts';
import { buildApp } from './build-app.ts';
import { loopbackHosts } from './loopback.ts';

const relearn = createInMemoryRelearn({ clock: systemClock, threshold: 1000 });
let ids = 0;
const app = buildApp(relearn, {
  functions: functionNames,
  clock: systemClock,
  logger: pino({ level: 'silent' }),
  newRequestId: () => `request-${++ids}`,
  access: { hosts: loopbackHosts },
});
afterAll(() => app.close());

const text = (payload: string | Buffer): InjectOptions => ({
  payload,
  headers: { 'content-type': 'text/plain' },
});
const json = (payload: unknown, type = 'application/json'): InjectOptions => ({
  payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  headers: { 'content-type': type },
});
const raw = (bytes: Uint8Array, type = 'image/jpeg'): InjectOptions => ({
  payload: Buffer.from(bytes),
  headers: { 'content-type': type },
});
const form = (...parts: (readonly [headers: string, body: string | Uint8Array])[]) => ({
  payload: Buffer.concat([
    ...parts.flatMap(([headers, body]) => [
      Buffer.from(`--edge\r\nContent-Disposition: form-data; ${headers}\r\n\r\n`),
      Buffer.from(body as Uint8Array),
      Buffer.from('\r\n'),
    ]),
    Buffer.from('--edge--\r\n'),
  ]),
  headers: { 'content-type': 'multipart/form-data; boundary=edge' },
});
const picturePart = ['name="picture"; filename="a.jpg"', darkJpeg] as const;

const svg = '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>';
const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==', 'base64');
const bigBody = Buffer.alloc(16 * 1024 * 1024 + 1, 'A');
const good = dataUrlOf(darkJpeg);
const P = '/predict';
const F = '/callback';

type Row = readonly [
  row: string,
  url: string,
  request: InjectOptions,
  status: number,
  code: string | null,
];

const feedback = (target: unknown): InjectOptions => json({ picture: good, target });
/** The same picture sent to both verbs. */
const both = (row: string, bytes: Uint8Array | string, status: number, code: string): Row[] => {
  const url = typeof bytes === 'string' ? bytes : dataUrlOf(bytes);
  return [
    [row, P, text(url), status, code],
    [row, F, json({ picture: url, target: 'cat' }), status, code],
  ];
};

const refused: readonly Row[] = [
  ['1 empty body', P, { headers: { 'content-type': 'text/plain' } }, 400, 'empty_body'],
  ['1 empty body', F, {}, 400, 'empty_body'],
  ['2 method', P, { method: 'GET' }, 405, 'method_not_allowed'],
  ['2 method', F, { method: 'DELETE' }, 405, 'method_not_allowed'],
  ['2 method', '/healthz', json({}), 405, 'method_not_allowed'],
  ...['TRACE', 'PROPFIND', 'PURGE'].map(
    (method): Row => [
      '2 method',
      '/api/models/1/promote',
      { method: method as 'TRACE' },
      405,
      'method_not_allowed',
    ],
  ),
  ['2 path', '/nothing', json({}), 404, 'not_found'],
  ['2 path', '/assets/../../package.json', { method: 'GET' }, 404, 'not_found'],
  ['2 path', '/%2e%2e/%2e%2e/etc/passwd', { method: 'GET' }, 404, 'not_found'],
  ['2 path', '/%zz', { method: 'GET' }, 400, 'malformed_request'],
  ['3 no content type', P, { payload: good }, 415, 'unsupported_media_type'],
  ['3 type', P, json(good, 'application/xml'), 415, 'unsupported_media_type'],
  ['3 type', F, json('a=b', 'application/x-www-form-urlencoded'), 415, 'unsupported_media_type'],
  ['3 type', F, json('x', 'constructor/prototype'), 415, 'unsupported_media_type'],
  ['4 odd type', F, json({ x: 1 }, 'Application/JSON ; charset=utf-8'), 422, 'invalid_field'],
  ['4 odd type', F, json({ x: 1 }, 'application/json\t;a=b'), 422, 'invalid_field'],
  ['4 odd type', F, json('{"a":1', 'APPLICATION/JSON;x'), 400, 'invalid_json'],
  [
    '5 gzip',
    P,
    {
      payload: gzipSync(Buffer.alloc(1_000_000)),
      headers: { 'content-type': 'text/plain', 'content-encoding': 'gzip' },
    },
    415,
    'unsupported_encoding',
  ],
  ['6 too large', P, text(bigBody), 413, 'body_too_large'],
  ['6 too large', F, { ...text(bigBody) }, 413, 'body_too_large'],
  ['12 JSON', F, json('{"picture":'), 400, 'invalid_json'],
  ['12 trailing bytes', F, json('{"picture":"a","target":"cat"} x'), 400, 'invalid_json'],
  ['12 BOM', F, json('\uFEFF{"picture":"a","target":"cat"}'), 400, 'invalid_json'],
  ['12 NaN', F, json('{"picture":NaN}'), 400, 'invalid_json'],
  ['13 deep', P, json('['.repeat(100_000)), 400, 'json_too_deep'],
  ['13 deep', F, text('{"a":'.repeat(100_000)), 400, 'json_too_deep'],
  ['14 prototype', F, json('{"__proto__":{"x":1},"picture":"a"}'), 400, 'forbidden_key'],
  ['14 prototype', F, json('{"constructor":{"prototype":{}}}'), 400, 'forbidden_key'],
  ['15 twice', F, json('{"picture":"a","picture":"b","target":"cat"}'), 422, 'unknown_field'],
  ['15 extra', F, json({ picture: good, target: 'cat', admin: true }), 422, 'unknown_field'],
  ['15 extra', P, json({ picture: good, target: 'cat' }), 422, 'unknown_field'],
  ...[3, [], null, {}, true].flatMap((value): Row[] => [
    ['16 type', P, json({ picture: value }), 422, 'invalid_field'],
    ['16 type', F, json({ picture: value, target: 'cat' }), 422, 'invalid_field'],
    ['16, 50 type', F, feedback(value), 422, 'invalid_field'],
  ]),
  ['16 missing', F, json({ picture: good }), 422, 'invalid_field'],
  ['16 not an object', F, json([]), 422, 'invalid_field'],
  ['16 not an object', P, json('"data:image/jpeg;base64,QUJD"'), 422, 'invalid_field'],
  ['16 verdict', F, json({ predictionId: 'a', verdict: 'maybe' }), 422, 'invalid_field'],
  ['16 neither', F, json({ predictionId: 'a' }), 422, 'invalid_field'],
  ...both('17 no comma', 'data:image/jpeg;base64', 422, 'bad_data_url'),
  ...both('17 no data URL', 'hello', 422, 'bad_data_url'),
  ...both('18 type', dataUrlOf(Buffer.from('<b>hi</b>'), 'text/html'), 415, 'unsupported_image'),
  ...both('18 type', dataUrlOf(Buffer.from(svg), 'image/svg+xml'), 415, 'unsupported_image'),
  ...both('19 alphabet', 'data:image/jpeg;base64,!!!@@@not base64', 422, 'bad_base64'),
  ...both('19 padding', 'data:image/jpeg;base64,QUI', 422, 'bad_base64'),
  ...both('19 URL alphabet', 'data:image/jpeg;base64,_-_-', 422, 'bad_base64'),
  ...both('19 spaces', 'data:image/jpeg;base64,QU JD', 422, 'bad_base64'),
  ['20 percent', P, text(`data:,${'%41'.repeat(6_000_000)}`), 413, 'body_too_large'],
  ...both('21 empty', new Uint8Array(), 422, 'empty_image'),
  ...['x', '<!doctype html>', '%PDF-1.7', 'PK\x03\x04', '\x7fELF', 'hello'].flatMap((bytes) =>
    both(`22 ${JSON.stringify(bytes)}`, Buffer.from(bytes), 415, 'unsupported_image'),
  ),
  ...both('23 magic only', Buffer.from([0xff, 0xd8, 0xff]), 422, 'corrupt_image'),
  ...both('24 cut', darkJpeg.subarray(0, darkJpeg.length >> 1), 422, 'truncated_image'),
  ...both('24 cut', darkPng.subarray(0, darkPng.length >> 1), 422, 'truncated_image'),
  ...both('26 no IDAT', headerOnlyPng(8, 8), 422, 'corrupt_image'),
  ...both('26 0 × 0', headerOnlyPng(0, 0), 422, 'corrupt_image'),
  ...both('26 2³¹−1', headerOnlyPng(2 ** 31 - 1, 2 ** 31 - 1), 422, 'corrupt_image'),
  ...both('26 checksum', damaged(darkPng, 20), 422, 'corrupt_image'),
  ...both('27 36 megapixels', blackPng(6000, 6000), 422, 'too_many_pixels'),
  ...both('28 256 megapixels', headerOnlyPng(16_000, 16_000), 422, 'too_many_pixels'),
  ...both('31 GIF', gif, 415, 'unsupported_image'),
  ...both('32 SVG', Buffer.from(svg), 415, 'unsupported_image'),
  ...both('33 TIFF', Buffer.from('II*\0\x08\0\0\0'), 415, 'unsupported_image'),
  ...both('33 AVIF', Buffer.from('\0\0\0 ftypavif\0\0\0\0'), 415, 'unsupported_image'),
  ['22 octets', P, raw(Buffer.from('text'), 'application/octet-stream'), 415, 'unsupported_image'],
  ['32 raw SVG', P, raw(Buffer.from(svg), 'image/svg+xml'), 415, 'unsupported_image'],
  ['37 no boundary', P, json('--x', 'multipart/form-data'), 400, 'invalid_multipart'],
  ['37 cut', P, json('--edge\r\n', 'multipart/form-data; boundary=edge'), 400, 'invalid_multipart'],
  ['37 two pictures', P, form(picturePart, picturePart), 400, 'invalid_multipart'],
  [
    '37 many parts',
    F,
    form(...Array.from({ length: 10_000 }, (_, at) => [`name="f${at}"`, 'x'] as const)),
    400,
    'invalid_multipart',
  ],
  ['37 other file', F, form(['name="x"; filename="x"', 'x']), 422, 'unknown_field'],
  ['37 no picture', P, form(['name="picture"', 'x']), 422, 'invalid_field'],
  ['37 no target', F, form(picturePart), 422, 'invalid_field'],
  ...['../../models/x', '/etc', '..', '.', 'a/b', 'a\\b'].map(
    (label): Row => ['45 path', F, feedback(label), 422, 'unknown_label'],
  ),
  ...['constructor', '__proto__', 'toString'].map(
    (label): Row => ['46 object', F, feedback(label), 422, 'unknown_label'],
  ),
  ...['', 'x'.repeat(10_000), 'cat\0', 'a\r\nb', '\x1b[31mcat', '\u202Ecat', '🐈'].map(
    (label): Row => ['47 odd', F, feedback(label), 422, 'unknown_label'],
  ),
  ...['CAT', 'Cat', 'ｃａｔ', 'kitten'].map(
    (label): Row => ['48 variant', F, feedback(label), 422, 'unknown_label'],
  ),
  ...[
    'http://169.254.169.254/latest',
    'https://example.com/a.jpg',
    'http://[::ffff:127.0.0.1]/',
    'file:///etc/passwd',
    'gopher://127.0.0.1',
  ].flatMap((url) => both('64 address', url, 422, 'url_not_supported')),
  ['65 preflight', P, { method: 'OPTIONS' }, 405, 'method_not_allowed'],
  [
    '66 cross site',
    F,
    {
      ...text(JSON.stringify({ picture: good, target: 'cat' })),
      headers: {
        'content-type': 'text/plain',
        cookie: 'session=1',
        origin: 'https://evil.example',
      },
    },
    403,
    'cross_site_request',
  ],
  [
    '66 cross site',
    '/api/rollback',
    { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } },
    403,
    'cross_site_request',
  ],
  [
    '66 null origin',
    '/invoke',
    { method: 'POST', headers: { origin: 'null' } },
    403,
    'cross_site_request',
  ],
  ['70 host', P, { ...text(good), authority: 'evil.example' }, 421, 'bad_host'],
  ['70 host', '/healthz', { method: 'GET', authority: '127.0.0.1.evil.example' }, 421, 'bad_host'],
  ...['-1', '1e3', '0x10', '%20', '1.5', '0', '01', '99999999999'].map(
    (version): Row => [
      '73 version',
      `/api/models/${version}/promote`,
      { method: 'POST' },
      422,
      'invalid_version',
    ],
  ),
  ['73 unknown', '/api/models/77/promote', { method: 'POST' }, 404, 'version_not_found'],
  ['74 batch', P, json({ pictures: Array(65).fill(good) }), 413, 'too_many_pictures'],
  ['74 batch', P, json({ pictures: Array(10_001).fill('x') }), 413, 'too_many_pictures'],
  ['74 batch', P, json({ pictures: [] }), 422, 'invalid_field'],
  ['predictionId', F, json({ predictionId: 'x', target: 'cat' }), 404, 'prediction_not_found'],
];

const accepted: readonly Row[] = [
  [
    '4 odd type',
    P,
    { ...text(good), headers: { 'content-type': 'TEXT/Plain; charset=UTF-8' } },
    200,
    null,
  ],
  ['18 wrong declaration', P, text(dataUrlOf(darkPng, 'image/jpg')), 200, null],
  ['18 wrong declaration', P, text(dataUrlOf(darkJpeg, 'text/html')), 200, null],
  ['raw', P, raw(darkPng, 'image/webp'), 200, null],
  ['34 trailer', P, raw(Buffer.concat([darkJpeg, Buffer.from('PK\x03\x04<script>')])), 200, null],
  [
    '36 file name',
    P,
    form([`name="picture"; filename="../../x\\0${'y'.repeat(9000)}"`, darkJpeg]),
    200,
    null,
  ],
  [
    '30 ten thousand texts',
    P,
    raw(blackPng(8, 8, Array(10_000).fill(pngChunk('tEXt', Buffer.from('Comment\0hello'))))),
    200,
    null,
  ],
  [
    '30 ten megabytes of metadata',
    P,
    raw(blackPng(8, 8, [pngChunk('eXIf', Buffer.alloc(10_000_000, 77))])),
    200,
    null,
  ],
  ['43 all black', P, raw(blackPng(300, 300)), 200, null],
  ['40 one pixel', P, raw(blackPng(1, 1)), 200, null],
  ['40 wide', P, raw(blackPng(4000, 1)), 200, null],
];

const send = (url: string, request: InjectOptions) =>
  app.inject({ method: 'POST', url, ...request });

describe('bad input', () => {
  it.each(refused.map((row, index) => [`${index}: ${row[0]} at ${row[1]}`, row] as const))(
    '%s',
    async (_name, [, url, request, status, code]) => {
      const answer = await send(url, request);
      expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.headers['x-request-id']).toBe(answer.json().requestId);
      expect(answer.json()).toMatchObject({ status, type: `urn:relearn:problem:${code}` });
      expect(answer.json().title).toMatch(/^[A-Z].{5,70}\.$/);
      expect(answer.body).not.toMatch(/node_modules|\.ts|\/src|Error:|sharp|vips|fastify|FST_/i);
      expect(answer.body.length).toBeLessThan(600);
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      expect(await relearn.recentFeedback(10)).toEqual([]);
      expect((await send(P, text(good))).statusCode).toBe(200);
    },
  );

  it.each(accepted)('%s at %s is accepted', async (_name, url, request, status) => {
    const answer = await send(url, request);
    expect(answer.statusCode, answer.body).toBe(status);
    const shares = Object.values<number>(answer.json().result);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
  });

  it('names the methods that a path has', async () => {
    const answer = await app.inject({ method: 'PUT', url: '/' });
    expect(answer.headers.allow?.toString().split(', ').sort()).toEqual(['GET', 'HEAD', 'POST']);
  });

  it('points at the field and names the labels', async () => {
    expect((await send(F, feedback(['cat']))).json().pointer).toBe('/target');
    expect((await send(F, json({ picture: good, target: 'cat', x: 1 }))).json().pointer).toBe('/x');
    expect((await send(F, feedback('kitten'))).json().labels).toEqual(['cat', 'dog']);
  });

  it('lets a bad picture of a batch fail alone', async () => {
    const pictures = [good, 'data:image/jpeg;base64,QUJD', 'nonsense', dataUrlOf(brightJpeg)];
    const { results } = (await send(P, json({ pictures }))).json();
    expect(
      results.map((item: { label?: string; error?: { code: string } }) => item.label ?? item.error),
    ).toEqual([
      'cat',
      { code: 'unsupported_image', title: 'The picture is not a JPEG, PNG or WebP.' },
      { code: 'bad_data_url', title: 'The picture is not a base64 data URL.' },
      'dog',
    ]);
  });
});
