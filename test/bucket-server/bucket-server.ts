/**
 * A bucket service in memory, over real HTTP on loopback, for tests. What S3 and OSS do alike lives
 * here; where they differ, `rules` decide. Faults can be put before or after any call.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StoredObject {
  readonly bytes: Buffer;
  /** Content type and metadata, as they were sent. */
  readonly headers: Readonly<Record<string, string>>;
  readonly modifiedAt: number;
}

export interface Bucket {
  readonly objects: Map<string, StoredObject>;
  versioning?: 'Enabled' | 'Suspended';
}

export interface ServedRequest {
  readonly method: string;
  readonly host: string;
  /** As it came: percent-encoded, with the query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export class ServiceError extends Error {
  readonly status: number;
  readonly code: string;
  readonly more: Readonly<Record<string, string>>;
  constructor(status: number, code: string, message = code, more: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.more = more;
  }
}

export interface Rules {
  /** The bucket and key that a request means; key undefined = the bucket itself. */
  locate(request: ServedRequest): { readonly bucket: string; readonly key: string | undefined };
  /** @throws ServiceError where the request is not to be believed */
  authenticate(request: ServedRequest, bucket: string): void;
  /** @throws ServiceError where this put may not replace what is there */
  checkPut(request: ServedRequest, bucket: Bucket, exists: boolean): void;
  /** Whether a header is kept with the object. */
  keeps(header: string): boolean;
  /** How keys are written in lists. */
  encodeKey(key: string): string;
  /** Answers to HEAD have no body; what the service sends in its place. */
  headError(xml: string): Record<string, string>;
}

/** What goes wrong with one call: before it had an effect, or only its answer. */
export interface Fault {
  readonly when: 'before' | 'after';
  /** Nothing = the connection is cut. */
  readonly answer?: {
    readonly status: number;
    readonly code: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
  /** In place of `answer`: whatever something between client and service would do. */
  answerOddly?(response: ServerResponse): void;
}

export interface BucketServer {
  readonly url: string;
  readonly buckets: Map<string, Bucket>;
  /** Every request that came, in order. */
  readonly requests: ServedRequest[];
  /** Asked for each request; the next faults, or none. */
  faults: (request: ServedRequest) => Fault | undefined;
  /** Milliseconds before each answer. */
  delay: number;
  /** Told of every object that was put, as a notification would be. */
  stored: (fact: { bucket: string; key: string; size: number }) => void;
  /** Closes the connections on which nothing happens, as services do after a while. */
  closeIdle(): void;
  close(): Promise<void>;
}

const escapeXml = (text: string): string =>
  text.replace(/[<>&'"]/g, (character) => `&#${character.charCodeAt(0)};`);

const element = (name: string, content: string): string => `<${name}>${content}</${name}>`;
const document = (content: string): string => `<?xml version="1.0" encoding="UTF-8"?>\n${content}`;

const errorXml = ({ code, message, more }: ServiceError): string =>
  document(
    element(
      'Error',
      [
        ['Code', code],
        ['Message', message],
        ['RequestId', '5C3D9175B6FC201293AD'],
        ...Object.entries(more),
      ]
        .map(([name = '', text = '']) => element(name, escapeXml(text)))
        .join(''),
    ),
  );

/** As S3 and OSS make it of an object that came in one piece. */
const entityTag = (bytes: Buffer): string =>
  `"${createHash('md5').update(bytes).digest('hex').toUpperCase()}"`;

const readAll = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const listXml = (rules: Rules, bucket: Bucket, query: URLSearchParams): string => {
  const prefix = query.get('prefix') ?? '';
  const after = Buffer.from(query.get('start-after') ?? '');
  const most = Number(query.get('max-keys') ?? 1000);
  const encode = query.get('encoding-type') === 'url' ? rules.encodeKey : escapeXml;
  const keys = [...bucket.objects.keys()]
    .filter((key) => key.startsWith(prefix) && Buffer.compare(Buffer.from(key), after) > 0)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const contents = keys.slice(0, most).map((key) => {
    const { bytes, modifiedAt } = bucket.objects.get(key) as StoredObject;
    return element(
      'Contents',
      element('Key', encode(key)) +
        element('LastModified', new Date(modifiedAt).toISOString()) +
        element('Size', String(bytes.length)),
    );
  });
  return document(
    element(
      'ListBucketResult',
      element('IsTruncated', String(keys.length > most)) + contents.join(''),
    ),
  );
};

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

const xmlReply = (xml: string): Reply => ({
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body: Buffer.from(xml),
});

export const startBucketServer = async (rules: Rules): Promise<BucketServer> => {
  const buckets = new Map<string, Bucket>();
  const requests: ServedRequest[] = [];

  const toBucket = (request: ServedRequest, name: string): Reply => {
    const bucket = buckets.get(name);
    if (request.method === 'PUT') {
      if (!bucket) buckets.set(name, { objects: new Map() });
      return { status: 200 };
    }
    if (!bucket) throw new ServiceError(404, 'NoSuchBucket', 'The bucket does not exist.');
    const query = new URL(request.url, 'http://x').searchParams;
    if (query.has('versioning')) {
      const status = bucket.versioning ? element('Status', bucket.versioning) : '';
      return xmlReply(document(element('VersioningConfiguration', status)));
    }
    return xmlReply(listXml(rules, bucket, query));
  };

  const toObject = (request: ServedRequest, name: string, key: string): Reply => {
    const bucket = buckets.get(name);
    if (!bucket) throw new ServiceError(404, 'NoSuchBucket', 'The bucket does not exist.');
    const found = bucket.objects.get(key);
    if (request.method === 'PUT') {
      rules.checkPut(request, bucket, found !== undefined);
      const kept = Object.entries(request.headers).filter(([header]) => rules.keeps(header));
      const headers = Object.fromEntries(kept);
      bucket.objects.set(key, { bytes: request.body, headers, modifiedAt: Date.now() });
      server.stored({ bucket: name, key, size: request.body.length });
      return { status: 200, headers: { etag: entityTag(request.body) } };
    }
    if (request.method === 'DELETE') {
      bucket.objects.delete(key);
      return { status: 204 };
    }
    if (!found) throw new ServiceError(404, 'NoSuchKey', 'The key does not exist.');
    return {
      status: 200,
      headers: {
        ...found.headers,
        etag: entityTag(found.bytes),
        'last-modified': new Date(found.modifiedAt).toUTCString(),
      },
      body: found.bytes,
    };
  };

  const answer = (request: ServedRequest): Reply => {
    const { bucket, key } = rules.locate(request);
    rules.authenticate(request, bucket);
    return key === undefined ? toBucket(request, bucket) : toObject(request, bucket, key);
  };

  const errorReply = (error: unknown, method: string): Reply => {
    if (!(error instanceof ServiceError)) throw error;
    const xml = errorXml(error);
    const headers = { 'content-type': 'application/xml' };
    return method === 'HEAD'
      ? { status: error.status, headers: { ...headers, ...rules.headError(xml) } }
      : { status: error.status, headers, body: Buffer.from(xml) };
  };

  const handle = (request: ServedRequest, fault: Fault | undefined): Reply | 'cut' | 'odd' => {
    let reply: Reply | undefined;
    try {
      if (fault?.when !== 'before') reply = answer(request);
      if (!fault && reply) return reply;
      if (fault?.answerOddly) return 'odd';
      if (!fault?.answer) return 'cut';
      throw new ServiceError(fault.answer.status, fault.answer.code);
    } catch (error) {
      const failed = errorReply(error, request.method);
      return { ...failed, headers: { ...failed.headers, ...fault?.answer?.headers } };
    }
  };

  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '', headers } = message;
    const plain = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, String(value)]),
    );
    const body = await readAll(message);
    const request = { method, url, host: plain.host ?? '', headers: plain, body };
    requests.push(request);
    const fault = server.faults(request);
    const reply = handle(request, fault);
    if (reply === 'odd') return fault?.answerOddly?.(response);
    if (reply === 'cut') return void message.socket.destroy();
    if (server.delay > 0) await new Promise((resolve) => setTimeout(resolve, server.delay));
    const { status, headers: sent = {}, body: content = Buffer.alloc(0) } = reply;
    response.writeHead(status, { ...sent, 'content-length': content.length });
    response.end(method === 'HEAD' ? undefined : content);
  };

  const listening = createServer((message, response) => {
    serve(message, response).catch((error) => {
      response.destroy(error);
    });
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const server: BucketServer = {
    url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`,
    buckets,
    requests,
    faults: () => undefined,
    delay: 0,
    stored: () => {},
    closeIdle: () => listening.closeIdleConnections(),
    close: () =>
      new Promise((resolve) => {
        listening.close(() => resolve());
        listening.closeAllConnections();
      }),
  };
  return server;
};
