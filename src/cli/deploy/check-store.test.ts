// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the file's own variables look like that.
/** Where a function's store lies: each row breaks it in one place of `deploy/s.yaml`. */
import { describe, expect, it } from 'vitest';
import {
  type BrokenDeployment,
  expectProblem,
  goodDeployment,
} from '../../../test/broken-deployment.ts';
import { checkDeployment } from './check-deployment.ts';

const store = 'oss://${vars.bucket}?region=${vars.region}&internal=true';
const given = 'RELEARN_STORE: ${vars.store}';
/** Another store for all three functions. */
const stored = (name: string, url: string, problem: RegExp): BrokenDeployment => [
  name,
  store,
  url,
  'RELEARN_STORE',
  problem,
];

const rows: readonly BrokenDeployment[] = [
  stored('a misspelt parameter', `${store}&internl=true`, /internl is not known/),
  stored('a value that a parameter has not', store.replace('true', 'yes'), /internal can't be/),
  stored('a parameter twice', `${store}&region=cn-shanghai`, /given twice/),
  stored('an unknown scheme', store.replace('oss:', 'gs:'), /names no store/),
  stored('a secret', store.replace('oss://', 'oss://me:secret@'), /no user/),
  stored('a bucket with an underscore', store.replace('${vars.bucket}', 'my_bucket'), /hyphens/),
  stored('a bucket with dots', store.replace('${vars.bucket}', 'my.bucket'), /hyphens/),
  stored('a bucket of two letters', store.replace('${vars.bucket}', 'ab'), /3 to 63/),
  stored('a bucket in capitals', store.replace('${vars.bucket}', 'MyBucket'), /small letters/),
  stored("a bucket with Amazon's reserved end", 's3://cats-s3alias?region=eu-west-1', /-s3alias/),
  stored('a bucket that looks like an address', 's3://192.168.5.4?region=eu-west-1', /address/),
  stored('a bucket with two dots', 's3://cats..dogs?region=eu-west-1', /dots/),
  stored(
    'a bucket elsewhere, from inside',
    store.replace('${vars.region}', 'cn-hangzhou'),
    /cn-hangzhou.*cn-shanghai/,
  ),
  stored(
    'an endpoint of another region',
    `${store.replace('&internal=true', '')}&endpoint=https://oss-cn-hangzhou.aliyuncs.com`,
    /endpoint.*cn-hangzhou/,
  ),
  stored(
    "an endpoint of another of Amazon's regions",
    's3://cats?region=eu-west-1&endpoint=https://s3.us-east-2.amazonaws.com',
    /endpoint.*us-east-2/,
  ),
  stored('Amazon without credentials', 's3://cats?region=eu-west-1', /AWS_ACCESS_KEY_ID/),
  ['a folder of the instance', given, 'RELEARN_STORE: /mnt/relearn', 'RELEARN_STORE', /nasConfig/],
  [
    'a folder in a mounted bucket',
    `${given}\n        RELEARN_KEYS: \${env('RELEARN_KEYS')} # name`,
    `RELEARN_STORE: /mnt/models/store
      ossMountConfig: {mountPoints: [{bucketName: relearn-feedback, endpoint: 'http://oss-cn-shanghai-internal.aliyuncs.com', mountDir: /mnt/models}]}
      # name`,
    'RELEARN_STORE',
    /mounted bucket/,
  ],
  [
    'a mounted bucket of another region',
    '# nasConfig: ${vars.nas}',
    "ossMountConfig: {mountPoints: [{bucketName: relearn-feedback, endpoint: 'http://oss-cn-beijing-internal.aliyuncs.com', mountDir: /mnt/models}]}",
    'ossMountConfig',
    /cn-beijing/,
  ],
  [
    'a mounted bucket that can have no such name',
    '# nasConfig: ${vars.nas}',
    "ossMountConfig: {mountPoints: [{bucketName: My_Bucket, endpoint: 'http://oss-cn-shanghai-internal.aliyuncs.com', mountDir: /mnt/models}]}",
    'ossMountConfig',
    /My_Bucket/,
  ],
  [
    'a trigger on a bucket that can have no such name',
    ':${vars.bucket}\n',
    ':My_Bucket\n',
    'sourceArn',
    /small letters/,
  ],
  ['no role', 'role: ${vars.role}', 'tags: []', 'RELEARN_STORE', /role/],
  ['a role that is none', 'role: ${vars.role}', 'role: relearn-fc', 'role: relearn', /acs:ram::/],
];

describe('the store of a deployment', () => {
  it.each(rows)('%s', (...row) => expectProblem(...row));

  it('may be a folder of a shared disk, as the comments say', () => {
    const text = goodDeployment
      .replace(/^ {2}store: .*$/m, '  store: /mnt/relearn')
      .replaceAll('# nas: ', 'nas: ')
      .replaceAll('# nasConfig: ', 'nasConfig: ')
      .replace(/ {8}- triggerName: feedback\n[\s\S]*?suffix: ''\n/, '');
    expect(checkDeployment(text)).toEqual([]);
  });

  it('may be a relative of S3, whose names are freer', () => {
    const text = goodDeployment
      .replace(/^ {2}store: .*$/m, '  store: s3://cats_and_dogs?endpoint=https://ceph.example.com')
      .replaceAll(
        given,
        `${given}\n        AWS_ACCESS_KEY_ID: \${env('ID')}\n        AWS_SECRET_ACCESS_KEY: \${env('SECRET')}`,
      )
      .replace(/ {8}- triggerName: feedback\n[\s\S]*?suffix: ''\n/, '');
    expect(checkDeployment(text)).toEqual([]);
  });
});
