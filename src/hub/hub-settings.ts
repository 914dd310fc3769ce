/** Which hub is asked, as whom, and where its files are kept. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { RelearnError } from '../base/errors.ts';

export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  /** Sent to the endpoint and to nobody else. */
  readonly token?: string;
  /** A folder that may be deleted at any time. */
  readonly cacheFolder: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const publicHub = 'https://huggingface.co';

/**
 * The variables that the hub's own tools read, and `RELEARN_CACHE`.
 * @param mirror in place of what the environment names
 * @throws RelearnError usage/`invalid_hub`, `invalid_hub_token`; no message ever holds the token
 */
export const hubSettingsFrom = (env: Environment, mirror?: string): HubSettings => {
  const token = env.HF_TOKEN;
  // The hub's client refuses any other, in words that don't say where it came from.
  if (token && !/^hf_\w+$/.test(token)) {
    throw new RelearnError('usage', 'invalid_hub_token', 'HF_TOKEN holds no token of the hub.', {
      hint: 'A token begins with hf_; unset HF_TOKEN where the file is public.',
    });
  }
  return {
    endpoint: parseEndpoint(mirror || env.HF_ENDPOINT || publicHub),
    ...(token ? { token } : {}),
    cacheFolder:
      env.RELEARN_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'relearn'),
  };
};

const parseEndpoint = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash)
    return url.href.replace(/\/+$/, '');
  // It may hold a password.
  const shown = text.includes('@') ? 'The address of the hub' : JSON.stringify(text);
  throw new RelearnError('usage', 'invalid_hub', `${shown} is no address of a hub.`, {
    hint: `Give an address such as ${publicHub} (HF_ENDPOINT, --hub), without a name and a password.`,
  });
};
