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

  it('tells nothing of an error that is not our own', () => {
    expect(clientErrorOf(new TypeError('x is undefined'))).toMatchObject({
      status: 500,
      code: 'internal',
    });
  });
});
