import { describe, expect, it } from 'vitest';
import { hostSettings } from './host-settings.ts';

const functionCompute = {
  FC_FUNCTION_NAME: 'relearn-train',
  FC_INSTANCE_ID: 'i-1',
  ALIBABA_CLOUD_ACCESS_KEY_ID: 'old',
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'old-secret',
};

describe('what the host changes', () => {
  it('nothing on a machine', () => {
    expect(hostSettings({}, './store', () => {})).toEqual({
      serve: { host: '127.0.0.1', trainOnFeedback: true },
      open: {},
      opensOnCall: false,
    });
  });

  it.each([{ K_SERVICE: 's' }, { AWS_LAMBDA_FUNCTION_NAME: 'f' }])(
    'hosts that freeze a process train when they are asked: %o',
    (env) => {
      const { serve } = hostSettings(env, 's3://b', () => {});
      expect(serve).toEqual({ host: '0.0.0.0', trainOnFeedback: false });
    },
  );

  it('Function Compute’s calls renew the credentials of an OSS store', async () => {
    const { serve, open, opensOnCall } = hostSettings(
      functionCompute,
      'oss://b?region=r',
      () => {},
    );
    expect(opensOnCall).toBe(true);
    expect(await open.credentials?.()).toMatchObject({ accessKeyId: 'old' });
    serve.functionCompute?.onCredentials?.({ accessKeyId: 'new', secretAccessKey: 'x' });
    expect(await open.credentials?.()).toMatchObject({ accessKeyId: 'new' });
    expect(hostSettings(functionCompute, '/mnt/store', () => {}).open).toEqual({});
  });
});
