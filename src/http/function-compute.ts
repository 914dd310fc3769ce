/**
 * Alibaba Cloud Function Compute 3.0's side of a request (custom container runtime): what kind of
 * call it is, whose credentials it brings, and the lines that split its log. On FC clients cannot
 * set `x-fc-*` headers, so these decide; anywhere else nobody reads them.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** `stranger`: a client's own HTTP request, which has to say who it is. */
export type CallKind = 'event' | 'initialize' | 'pre-stop' | 'stranger';

const kinds: Readonly<Record<string, CallKind>> = {
  '/invoke': 'event',
  '/initialize': 'initialize',
  '/pre-stop': 'pre-stop',
};

/** FC sends many headers empty, which means absent. */
const headerOf = (headers: IncomingHttpHeaders, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/** What FC says of a call. A call without the header comes from no trigger: a stranger's. */
export const callKindOf = (headers: IncomingHttpHeaders): CallKind =>
  kinds[headerOf(headers, 'x-fc-control-path') ?? ''] ?? 'stranger';

export const requestIdOfCall = (headers: IncomingHttpHeaders): string | undefined =>
  headerOf(headers, 'x-fc-request-id');

export interface CallCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The role's fresh credentials, which every call brings; those of the environment age. */
export const credentialsOfCall = (headers: IncomingHttpHeaders): CallCredentials | undefined => {
  const accessKeyId = headerOf(headers, 'x-fc-access-key-id');
  const secretAccessKey = headerOf(headers, 'x-fc-access-key-secret');
  const sessionToken = headerOf(headers, 'x-fc-security-token');
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
};

/**
 * FC drops the HTTP status of an event call; this header alone tells a failure, and a failed call is
 * tried again. What is wrong with the event itself stays wrong, so only our own faults are failures.
 */
export const callStatusOf = (status: number): '200' | '404' => (status >= 500 ? '404' : '200');

const phases: Readonly<Record<CallKind, string>> = {
  event: 'Invoke',
  stranger: 'Invoke',
  initialize: 'Initialize',
  'pre-stop': 'PreStop',
};

/** The lines that FC's log service looks for around each call. */
export const markerLine = (kind: CallKind, edge: 'Start' | 'End', requestId: string): string =>
  `FC ${phases[kind]} ${edge} RequestId: ${requestId}\n`;

/** Milliseconds. FC keeps connections for 15 minutes; a server that closes first loses calls. */
export const connectionTimeouts = { head: 910_000, request: 920_000, idle: 905_000 };
