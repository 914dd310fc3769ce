/** The event that OSS sends to a function for a stored object, in the form of its documentation. */
import type { FunctionConfig } from './read-functions.ts';

export interface StoredFact {
  readonly bucket: string;
  readonly key: string;
  readonly size: number;
}

export const isSubscribed = ({ triggers }: FunctionConfig, { key }: StoredFact): boolean =>
  triggers.some(({ triggerType, triggerConfig: { events = [], filter } }) => {
    const { prefix = '', suffix = '' } = filter?.key ?? {};
    return (
      triggerType === 'oss' &&
      events.includes('oss:ObjectCreated:PutObject') &&
      key.startsWith(prefix) &&
      key.endsWith(suffix)
    );
  });

export const ossEvent = (
  { region, account }: FunctionConfig,
  { bucket, key, size }: StoredFact,
): string =>
  JSON.stringify({
    events: [
      {
        eventName: 'ObjectCreated:PutObject',
        eventSource: 'acs:oss',
        eventTime: new Date().toISOString(),
        eventVersion: '1.0',
        oss: {
          bucket: {
            arn: `acs:oss:${region}:${account}:${bucket}`,
            name: bucket,
            ownerIdentity: account,
            virtualBucket: '',
          },
          object: { deltaSize: size, eTag: '688A7BF4F233DC9C88A80BF985AB7329', key, size },
          ossSchemaVersion: '1.0',
          ruleId: '9adac8e253828f4f7c0466d941fa3db81161aaaa',
        },
        region,
        requestParameters: { sourceIPAddress: '140.205.0.1' },
        responseElements: { requestId: '58F9FF2D3DF792092E12044C' },
        userIdentity: { principalId: account },
      },
    ],
  });
