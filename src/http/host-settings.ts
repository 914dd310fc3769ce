/**
 * What the host of this process changes: where it listens, whether feedback may start a training by
 * itself, whose credentials open the store, and the protocol of Function Compute.
 */
import { ossCredentials } from '../storage/bucket/credentials.ts';
import type { CredentialSource, Credentials } from '../storage/open-store.ts';
import { hostFrom, listenAddressFrom } from './environment.ts';
import type { ServeOptions } from './serve.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface HostSettings {
  readonly serve: Required<Pick<ServeOptions, 'host' | 'trainOnFeedback'>> &
    Pick<ServeOptions, 'functionCompute'>;
  /** For opening the store. */
  readonly open: { readonly credentials?: CredentialSource };
  /** Whether the store's credentials may come with the first call and not before. */
  readonly opensOnCall: boolean;
}

/**
 * @param storeUrl where the store is
 * @param writeLine standard output
 */
export const hostSettings = (
  env: Environment,
  storeUrl: string,
  writeLine: (line: string) => void,
): HostSettings => {
  const host = hostFrom(env);
  const serve = { host: listenAddressFrom(env), trainOnFeedback: host === 'machine' };
  if (host !== 'function-compute') return { serve, open: {}, opensOnCall: false };
  let newest: Credentials | undefined;
  const atStart = ossCredentials(env);
  const onCredentials = (credentials: Credentials) => {
    newest = credentials;
  };
  return {
    serve: { ...serve, functionCompute: { writeLine, onCredentials } },
    opensOnCall: true,
    // A call without credentials, of a function without a role, is left with the environment's.
    open: storeUrl.startsWith('oss:') ? { credentials: (renew) => newest ?? atStart(renew) } : {},
  };
};
