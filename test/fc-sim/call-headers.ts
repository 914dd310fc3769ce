/**
 * What Function Compute adds to every request that it hands to an instance: the list of its
 * documentation, and with it the headers that were seen empty behind a real trigger. Empty means
 * absent.
 */
import type { Credentials } from '../../src/storage/open-store.ts';
import type { FunctionConfig } from './read-functions.ts';

export interface CallFacts {
  readonly requestId: string;
  /** `/http-invoke`, `/invoke`, `/initialize` or `/pre-stop`. */
  readonly controlPath: string;
  /** How often an event was tried before. */
  readonly retryCount: number;
  readonly credentials: Credentials;
}

export const callHeaders = (
  { functionName, memorySize, timeout, region, account }: FunctionConfig,
  { requestId, controlPath, retryCount, credentials }: CallFacts,
): Readonly<Record<string, string>> => ({
  'x-fc-request-id': requestId,
  'x-fc-control-path': controlPath,
  'x-fc-access-key-id': credentials.accessKeyId,
  'x-fc-access-key-secret': credentials.secretAccessKey,
  'x-fc-security-token': credentials.sessionToken ?? '',
  'x-fc-function-name': functionName,
  'x-fc-function-handler': 'index.handler',
  'x-fc-function-memory': String(memorySize),
  'x-fc-function-timeout': String(timeout),
  'x-fc-region': region,
  'x-fc-account-id': account,
  'x-fc-qualifier': 'LATEST',
  'x-fc-retry-count': String(retryCount),
  'x-fc-version-id': '',
  'x-fc-service-name': '',
  'x-fc-service-logproject': '',
  'x-fc-service-logstore': '',
  'x-fc-client-ip': '',
  'x-fc-tracing-opentracing-span-context': '',
});
