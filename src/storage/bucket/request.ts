/** One call to a bucket before it is signed, and what came back. Plain values. */

export interface BucketRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** The object's full key in the bucket; left out for calls to the bucket itself. */
  readonly key?: string;
  /** Null = a name without a value, such as `versioning`. */
  readonly query?: Readonly<Record<string, string | null>>;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** What a signer needs to know of a call: nothing of it may change afterwards. */
export interface AddressedRequest extends BucketRequest {
  readonly bucket: string;
  /** Host and port as the `Host` header says them. */
  readonly host: string;
  /** Percent-encoded path, with the query. */
  readonly path: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string;
}

/**
 * Asked before every call, so that temporary credentials can be replaced while a process runs.
 * @param renew the ones given before were refused: do not answer from memory
 */
export type CredentialSource = (renew?: boolean) => Promise<Credentials> | Credentials;

/** How S3 and its relatives differ in what they want to be sent. */
export interface Dialect {
  readonly name: 'S3' | 'OSS';
  /** What the names of metadata headers begin with. */
  readonly metadataPrefix: string;
  /** Makes a put refuse to replace. */
  readonly createOnly: Readonly<Record<string, string>>;
  /** Headers by which the store notices a body that was cut or changed on the way. */
  integrityOf(body: Uint8Array): Readonly<Record<string, string>>;
  /** The headers to send: those of the request, and what proves who sends them. */
  sign(request: AddressedRequest, credentials: Credentials, at: Date): Record<string, string>;
}
