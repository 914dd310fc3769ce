/** Where the credentials of a bucket come from. */
import { RelearnError } from '../../base/errors.ts';
import type { CredentialSource, Credentials } from './request.ts';

/** The variables of the process; passed in by the entrances. */
export type Environment = Readonly<Record<string, string | undefined>>;

type Names = readonly [id: string, secret: string, token: string];

const s3Names: readonly Names[] = [
  ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'],
];
/** Function Compute and Alibaba's own tools use the first, OSS's clients the second. */
const ossNames: readonly Names[] = [
  [
    'ALIBABA_CLOUD_ACCESS_KEY_ID',
    'ALIBABA_CLOUD_ACCESS_KEY_SECRET',
    'ALIBABA_CLOUD_SECURITY_TOKEN',
  ],
  ['OSS_ACCESS_KEY_ID', 'OSS_ACCESS_KEY_SECRET', 'OSS_SESSION_TOKEN'],
];

/** Undefined where the environment has none. */
const readNamed = (env: Environment, names: readonly Names[]): Credentials | undefined => {
  for (const [id, secret, token] of names) {
    const [accessKeyId, secretAccessKey, sessionToken] = [env[id], env[secret], env[token]];
    if (!accessKeyId || !secretAccessKey) continue;
    return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
  }
  return undefined;
};

const missing = (hint: string, cause?: unknown): RelearnError =>
  new RelearnError('unavailable', 'storage_credentials_missing', 'There are no credentials.', {
    hint,
    cause,
  });

/** @throws RelearnError unavailable/`storage_credentials_missing`, when asked */
export const ossCredentials =
  (env: Environment): CredentialSource =>
  () => {
    const found = readNamed(env, ossNames);
    if (found) return found;
    throw missing(`Set ${ossNames[0]?.slice(0, 2).join(' and ')}, or give the function a role.`);
  };

/**
 * The environment first. Else Amazon's own chain, loaded only then: profiles of the shared files,
 * single sign-on, roles of containers and instances. It renews what expires.
 * @throws RelearnError unavailable/`storage_credentials_missing`, when asked
 */
export const s3Credentials = (env: Environment): CredentialSource => {
  const fixed = env.AWS_PROFILE ? undefined : readNamed(env, s3Names);
  if (fixed) return () => fixed;
  let chain: Promise<(options?: { forceRefresh?: boolean }) => Promise<Credentials>> | undefined;
  return async (renew = false) => {
    chain ??= import('@aws-sdk/credential-provider-node').then(({ defaultProvider }) =>
      // A file that was changed since is read again when new credentials are asked for.
      defaultProvider({ ignoreCache: true }),
    );
    try {
      return await (await chain)({ forceRefresh: renew });
    } catch (cause) {
      throw missing(
        'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give this machine a role.',
        cause,
      );
    }
  };
};
