import { describe, expect, it } from 'vitest';
import { RelearnError } from '../base/errors.ts';
import { clientErrorOf } from './error-table.ts';

describe('clientErrorOf', () => {
  it.each([
    ['corrupt', 'hash_mismatch', 500, 'internal'],
    ['corrupt', 'object_missing', 500, 'internal'],
    ['internal', 'registration_refused', 500, 'internal'],
    ['unavailable', 'ambiguous_write', 503, 'storage_unavailable'],
    ['unavailable', 'store_too_new', 503, 'store_too_new'],
    ['not-found', 'version_not_found', 404, 'version_not_found'],
    ['conflict', 'version_incomplete', 409, 'version_incomplete'],
  ] as const)('%s/%s is answered with %i %s', (kind, code, status, known) => {
    const answer = clientErrorOf(new RelearnError(kind, code, 'models/abc/model.onnx is gone'));
    expect(answer).toMatchObject({ status, code: known });
    expect(JSON.stringify(answer)).not.toContain('abc');
  });

  // Clients rely on these; a code never changes its status.
  it.each(
    Object.entries({
      400: 'empty_body malformed_request invalid_event invalid_json json_too_deep forbidden_key invalid_multipart contradicting_feedback',
      401: 'missing_key bad_key',
      403: 'insufficient_scope cross_site_request',
      404: 'not_found version_not_found prediction_not_found',
      405: 'method_not_allowed',
      408: 'request_timeout',
      409: 'label_retired version_incomplete',
      410: 'prediction_expired',
      413: 'body_too_large too_many_pictures',
      415: 'unsupported_media_type unsupported_encoding unsupported_image',
      421: 'bad_host',
      422: 'unknown_field invalid_field bad_data_url url_not_supported bad_base64 empty_image corrupt_image truncated_image too_many_pixels too_many_channels image_too_complex aspect_ratio unknown_label invalid_version',
      429: 'rate_limited',
      431: 'headers_too_large',
      500: 'internal model_output_invalid',
      503: 'model_not_ready overloaded storage_unavailable storage_read_only store_too_new name_taken shutting_down',
      504: 'deadline_exceeded',
      507: 'storage_full',
    }),
  )('status %s is that of %s', (status, codes) => {
    for (const code of codes.split(' ')) {
      const answer = clientErrorOf(new RelearnError('invalid', code, 'of no kind in particular'));
      expect([answer.code, answer.status]).toEqual([code, Number(status)]);
      expect(answer.title).toMatch(/^[A-Z].+\.$/);
      expect(answer.hint).toMatch(/^\S.+\.$/);
    }
  });

  it('tells nothing of an error that is not our own', () => {
    expect(clientErrorOf(new TypeError('x is undefined'))).toMatchObject({
      status: 500,
      code: 'internal',
    });
  });
});
