/**
 * A hub for tests: one repository over HTTP with the answers that the Hugging Face Hub gives, large
 * files by redirect to another origin as there, and every way to fail that a test asks for.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HubServerOptions {
  readonly repository: string;
  /** By `revision/path`. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** Needed to see the repository. */
  readonly token?: string;
}

/** Tests set these between requests. */
export interface HubFaults {
  /** Bytes after which the connection is closed, for as many answers as stand here. */
  cuts: number[];
  /** Answer the next requests with these statuses. */
  statuses: number[];
  /** Send these bytes in place of the file's. */
  replaced: Uint8Array | undefined;
  /** Take requests and say nothing. */
  silent: boolean;
  /** Send whole files whatever range is asked for. */
  withoutRanges: boolean;
  /** Claim this size. */
  claimedSize: number | undefined;
  /** Answer with this page, as a captive portal does. */
  page: string | undefined;
}

export interface HubServer {
  readonly url: string;
  readonly faults: HubFaults;
  /** `METHOD path range`, with the origin that was asked: `hub` or `files`. */
  readonly requests: { readonly origin: 'hub' | 'files'; line: string; authorization: string }[];
  close(): Promise<void>;
}

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const gitHash = (bytes: Uint8Array) =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

/** As the hub's default rule for `.gitattributes` has it. */
const isLarge = (path: string): boolean => path.endsWith('.onnx');

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
};

export const startHubServer = async (options: HubServerOptions): Promise<HubServer> => {
  const { repository, files, token } = options;
  const faults: HubFaults = {
    cuts: [],
    statuses: [],
    replaced: undefined,
    silent: false,
    withoutRanges: false,
    claimedSize: undefined,
    page: undefined,
  };
  const requests: HubServer['requests'] = [];

  const sendFile = (request: IncomingMessage, response: ServerResponse, stored: Uint8Array) => {
    const bytes = faults.replaced ?? stored;
    const range = faults.withoutRanges ? undefined : request.headers.range;
    const [, first = '0', last = String(bytes.length - 1)] =
      /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    const part = bytes.subarray(Number(first), Number(last) + 1);
    response.writeHead(range ? 206 : 200, {
      'content-length': part.length,
      etag: `"${sha256(stored)}"`,
      // The word by which the hub's client lets itself be led to the other origin for good.
      'x-cache': 'Hit from cloudfront',
      ...(range ? { 'content-range': `bytes ${first}-${last}/${bytes.length}` } : {}),
    });
    const cut = part.length > 1 ? faults.cuts.shift() : undefined;
    if (cut === undefined) return response.end(part);
    response.write(part.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
  };

  /** @returns whether the request is answered already */
  const misbehaves = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (faults.silent) return true;
    const status = faults.statuses.shift();
    if (status !== undefined) {
      response.writeHead(status).end();
      return true;
    }
    if (faults.page !== undefined) {
      response.writeHead(200, { 'content-type': 'text/html' }).end(faults.page);
      return true;
    }
    if (token && request.headers.authorization !== `Bearer ${token}`) {
      // As the hub does: whoever may not see a repository is not told whether it is there.
      response.writeHead(401, { 'x-error-code': 'RepoNotFound' }).end();
      return true;
    }
    return false;
  };

  const record = (origin: 'hub' | 'files', request: IncomingMessage) =>
    requests.push({
      origin,
      line: `${request.method} ${request.url} ${request.headers.range ?? ''}`.trim(),
      authorization: request.headers.authorization ?? '',
    });

  const fileServer = createServer((request, response) => {
    record('files', request);
    const file = files[decodeURIComponent(request.url?.slice(1) ?? '')];
    if (file) sendFile(request, response, file);
    else response.writeHead(404).end();
  });
  const fileOrigin = await listen(fileServer);

  const hub = createServer(async (request, response) => {
    record('hub', request);
    const body = await bodyOf(request);
    if (misbehaves(request, response)) return;
    const url = request.url ?? '';
    const info = new RegExp(`^/api/models/${repository}/paths-info/([^/]+)$`).exec(url);
    if (info) {
      const { paths } = JSON.parse(body) as { paths: readonly string[] };
      const found = paths.flatMap((path) => {
        const file = files[`${info[1]}/${path}`];
        if (!file) return [];
        const size = faults.claimedSize ?? file.length;
        const lfs = isLarge(path) ? { lfs: { oid: sha256(file), size } } : {};
        return [{ type: 'file', path, size, oid: gitHash(file), ...lfs }];
      });
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found));
      return;
    }
    const resolved = new RegExp(`^/${repository}/resolve/(.+)$`).exec(url)?.[1];
    const file = resolved ? files[resolved] : undefined;
    if (!resolved || !file) response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
    else if (isLarge(resolved))
      response
        .writeHead(302, {
          location: `${fileOrigin}/${encodeURIComponent(resolved)}`,
          'x-linked-etag': `"${sha256(file)}"`,
          'x-linked-size': file.length,
        })
        .end();
    else sendFile(request, response, file);
  });
  const url = await listen(hub);

  return {
    url,
    faults,
    requests,
    close: async () => {
      for (const server of [hub, fileServer]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
};
