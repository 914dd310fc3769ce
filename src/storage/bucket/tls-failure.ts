/** Why no secure connection came about: what Node's and OpenSSL's codes mean to who runs the program. */

export type TlsFailure =
  /** The other side does not speak TLS, or none that this side takes. */
  | 'no-tls'
  /** Nobody whom this machine trusts vouches for the certificate. */
  | 'untrusted'
  /** The certificate is for another host. */
  | 'other-name'
  /** The certificate's time is over, or has not come. */
  | 'out-of-date';

const failures: Readonly<Record<string, TlsFailure>> = {
  EPROTO: 'no-tls',
  ERR_TLS_CERT_ALTNAME_INVALID: 'other-name',
  CERT_HAS_EXPIRED: 'out-of-date',
  CERT_NOT_YET_VALID: 'out-of-date',
  ...Object.fromEntries(
    [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'CERT_UNTRUSTED',
      'CERT_REJECTED',
      'CERT_REVOKED',
      'CERT_SIGNATURE_FAILURE',
      'CERT_CHAIN_TOO_LONG',
      'INVALID_CA',
      'INVALID_PURPOSE',
      'PATH_LENGTH_EXCEEDED',
    ].map((code) => [code, 'untrusted'] as const),
  ),
};

/** @param code of Node's error; undefined where it is about something else */
export const tlsFailureOf = (code: string): TlsFailure | undefined =>
  code.startsWith('ERR_SSL_')
    ? 'no-tls'
    : Object.hasOwn(failures, code)
      ? failures[code]
      : undefined;
