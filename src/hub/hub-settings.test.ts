import { expect, it } from 'vitest';
import { hubSettingsFrom } from './hub-settings.ts';

it('asks the public hub as nobody, where the environment says nothing', () => {
  const { endpoint, token, cacheFolder } = hubSettingsFrom({});
  expect({ endpoint, token }).toEqual({ endpoint: 'https://huggingface.co', token: undefined });
  expect(cacheFolder).toMatch(/\.cache[\\/]relearn$/);
});

it('a mirror that is named counts before that of the environment', () => {
  const env = { HF_ENDPOINT: 'https://mirror.example/', RELEARN_CACHE: '/big/disk' };
  expect(hubSettingsFrom(env)).toEqual({
    endpoint: 'https://mirror.example',
    cacheFolder: '/big/disk',
  });
  expect(hubSettingsFrom(env, 'http://10.0.0.1:8080/hub/').endpoint).toBe(
    'http://10.0.0.1:8080/hub',
  );
  expect(hubSettingsFrom({ XDG_CACHE_HOME: '/caches' }).cacheFolder).toBe('/caches/relearn');
});

it.each(['mirror.example', 'ftp://mirror.example', 'https://user:word@mirror.example', 'a b'])(
  '%s is no address of a hub',
  (mirror) => {
    expect(() => hubSettingsFrom({}, mirror)).toThrow(
      expect.objectContaining({
        kind: 'usage',
        code: 'invalid_hub',
        message: mirror.includes('@')
          ? expect.not.stringContaining('word')
          : expect.stringContaining(mirror),
      }),
    );
  },
);

it('says that a token is none without repeating it', () => {
  const secret = 'ghp_secret';
  expect(() => hubSettingsFrom({ HF_TOKEN: secret })).toThrow(
    expect.objectContaining({
      code: 'invalid_hub_token',
      message: expect.not.stringContaining(secret),
    }),
  );
  expect(hubSettingsFrom({ HF_TOKEN: 'hf_abc' }).token).toBe('hf_abc');
});
