/**
 * Checks that need no body, in order: does the server answer for this host name, who is calling,
 * may they, and did the request come from our own page. They run before a byte of the body is read.
 */
import type { FastifyRequest } from 'fastify';
import { RelearnError } from '../base/errors.ts';
import type { Access, Limits } from './app-context.ts';
import { invalid } from './error-table.ts';
import { findKey, type Scope } from './keys.ts';
import { loopbackHosts } from './loopback.ts';

const refuse = (code: string, message: string) => new RelearnError('invalid', code, message);

/** Node bounds the bytes of a request's head, not how many headers share them; and a host is named. */
export const checkHead = (request: FastifyRequest, limits: Limits): void => {
  if (request.raw.rawHeaders.length / 2 > limits.headers)
    throw invalid('headers_too_large', 'There are too many headers.', { limit: limits.headers });
  if (request.headers.host === undefined && request.raw.httpVersion !== '1.0')
    throw invalid('malformed_request', 'HTTP/1.1 asks for a Host header.');
};

const hostName = ({ host = '' }: FastifyRequest['headers']): string =>
  host.replace(/:\d+$/, '').toLowerCase();

/** Stops pages that reach a loopback server through a host name of their own (DNS rebinding). */
export const checkHost = (request: FastifyRequest, access: Access): void => {
  if (access.hosts === null) return;
  if (!access.hosts.includes(hostName(request.headers)))
    throw refuse('bad_host', 'The host name is not ours.');
};

/**
 * @returns who calls, for provenance: `key:NAME`, `anonymous` or `local`
 * @throws RelearnError `missing_key`, `bad_key`, `insufficient_scope` or `cross_site_request`
 */
export const authorize = (request: FastifyRequest, scope: Scope, access: Access): string => {
  const { authorization } = request.headers;
  if (authorization !== undefined && access.keys.length > 0) {
    const key = findKey(access.keys, authorization);
    if (key === undefined) throw refuse('bad_key', 'The key is not known.');
    if (!key.scopes.has(scope)) throw refuse('insufficient_scope', `The key lacks "${scope}".`);
    return `key:${key.name}`;
  }
  if (access.anonymous.has(scope)) {
    if (request.headers.cookie !== undefined) refuseOtherSites(request);
    return 'anonymous';
  }
  const isOpen = access.keys.length === 0 || (scope === 'train' && isFromHere(request));
  if (!access.isLocal || !isOpen) throw refuse('missing_key', 'No key was sent.');
  // Here the right to call comes from where the browser runs, so any page could borrow it.
  refuseOtherSites(request);
  return 'local';
};

/**
 * Events are hints, and whoever is on this machine may give one. A proxy on it speaks for others: it
 * is known by the name it was asked for, or by what it says of them.
 */
const isFromHere = ({ headers }: FastifyRequest): boolean =>
  loopbackHosts.includes(hostName(headers)) &&
  headers.forwarded === undefined &&
  headers['x-forwarded-for'] === undefined;

const refuseOtherSites = ({ method, headers }: FastifyRequest): void => {
  if (method !== 'POST') return;
  const site = headers['sec-fetch-site'];
  const isOtherSite = site !== undefined && site !== 'same-origin' && site !== 'none';
  const isOtherOrigin = headers.origin !== undefined && hostOf(headers.origin) !== headers.host;
  if (isOtherSite || isOtherOrigin)
    throw refuse('cross_site_request', 'The request comes from another site.');
};

const hostOf = (origin: string): string | undefined => {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
};

/** Refuses by the head alone what would be refused anyway after the body was read. */
export const checkBodyHeaders = ({ headers }: FastifyRequest, limits: Limits): void => {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    throw invalid('unsupported_encoding', `The body is encoded as "${encoding}".`);
  if (Number(headers['content-length'] ?? 0) > limits.bodyBytes)
    throw invalid('body_too_large', 'The body is over the limit.', { limit: limits.bodyBytes });
};
