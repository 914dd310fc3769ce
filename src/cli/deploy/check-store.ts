/** Where a function's store lies: whether its URL can be read, and whether the function reaches it. */
import { isRelearnError } from '../../base/errors.ts';
import { type BucketPlace, readBucketUrl } from '../../storage/bucket/read-bucket-url.ts';
import { bucketNameProblem } from './bucket-names.ts';
import type { DeployedFunction } from './deployed-function.ts';
import type { Problem } from './read-deployment.ts';
import { isOpen, isRecord, valueAt } from './yaml-values.ts';

/** The region that an address of a storage service names. */
const regionsInHosts: readonly RegExp[] = [
  /(?:^|\.)oss-([a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com$/,
  /(?:^|\.)s3[.-]([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/,
];

const regionOfHost = (host: string): string | undefined =>
  regionsInHosts.map((pattern) => pattern.exec(host)?.[1]).find((region) => region !== undefined);

const hostOf = (address: string): string => {
  const url = /^https?:\/\//.test(address) ? address : `https://${address}`;
  return URL.canParse(url) ? new URL(url).hostname : '';
};

const variable = ({ at }: DeployedFunction, ...names: readonly string[]): boolean =>
  names.some((name) => Boolean(at(`environmentVariables.${name}`)));

const checkBucket = (deployed: DeployedFunction, scheme: 's3' | 'oss', text: string): Problem[] => {
  const problem = (what: string, cure: string) => deployed.problem(deployed.storeAt, what, cure);
  const region = deployed.at('region');
  const isKnown = typeof region === 'string' && !isOpen(region);
  let place: BucketPlace;
  try {
    place = readBucketUrl(scheme, text, { FC_REGION: isKnown ? region : 'unknown' });
  } catch (error) {
    if (isRelearnError(error)) return [problem(error.message, error.hint ?? '')];
    throw error;
  }
  const problems: Problem[] = [];
  // Relatives of S3 have rules of their own.
  const isAmazon = scheme === 's3' && place.endpoint.hostname.endsWith('amazonaws.com');
  const badName =
    scheme === 'oss' || isAmazon ? bucketNameProblem(scheme, place.bucket) : undefined;
  if (badName) problems.push(problem(`${place.bucket} can't be a bucket's name.`, badName));
  const named = place.namesRegion ? place.region : undefined;
  const asked = regionOfHost(place.endpoint.hostname);
  if (asked !== undefined && named !== undefined && asked !== named)
    problems.push(
      problem(
        `The endpoint lies in ${asked}, the store's region is ${named}.`,
        'Leave endpoint out, or name the region of the bucket in both.',
      ),
    );
  if (scheme === 'oss' && named !== undefined && isKnown && named !== region)
    problems.push(
      problem(
        `The bucket lies in ${named}, the function in ${region}.`,
        'Put both into one region: no trigger and no internal address reaches another.',
      ),
    );
  if (scheme === 's3' && !variable(deployed, 'AWS_ACCESS_KEY_ID', 'AWS_PROFILE'))
    problems.push(
      problem(
        'The function has no credentials for this bucket: its role opens OSS alone.',
        `Write AWS_ACCESS_KEY_ID: \${env('AWS_ACCESS_KEY_ID')} and AWS_SECRET_ACCESS_KEY likewise.`,
      ),
    );
  if (
    scheme === 'oss' &&
    deployed.at('role') === undefined &&
    !variable(deployed, 'ALIBABA_CLOUD_ACCESS_KEY_ID', 'OSS_ACCESS_KEY_ID')
  )
    problems.push(
      problem(
        'The function has no role, so it has no credentials for the bucket.',
        'Write role: acs:ram::<account>:role/<name>, of a role that may read and write it.',
      ),
    );
  return problems;
};

/** The folders of a function that outlive its instances, and what is mounted there. */
const mountsOf = ({ at }: DeployedFunction, key: string): readonly unknown[] => {
  const mounts = at(`${key}.mountPoints`);
  return Array.isArray(mounts) ? mounts : [];
};

const mountDirectories = (deployed: DeployedFunction): readonly string[] => {
  const disk = deployed.at('nasConfig');
  const written = typeof disk === 'string' ? /mountDir=([^|]+)/.exec(disk)?.[1] : undefined;
  if (disk === 'auto') return [`/mnt/${deployed.at('functionName')}`];
  return [
    ...(written ? [written] : []),
    ...mountsOf(deployed, 'nasConfig').map((mount) => String(valueAt(mount, ['mountDir']))),
  ];
};

const isBelow = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder.replace(/\/+$/, '')}/`);

const checkFolder = (deployed: DeployedFunction, path: string): Problem[] => {
  const problem = (what: string, cure: string) => [deployed.problem(deployed.storeAt, what, cure)];
  if (mountDirectories(deployed).some((folder) => isBelow(path, folder))) return [];
  const isInBucket = mountsOf(deployed, 'ossMountConfig').some((mount) =>
    isBelow(path, String(valueAt(mount, ['mountDir']))),
  );
  return isInBucket
    ? problem(
        'The store lies in a mounted bucket, which has no hard links: nothing there can be written once only.',
        'Name the bucket itself: RELEARN_STORE: oss://bucket?region=…',
      )
    : problem(
        `${path} ends with the instance, and with it what was learned.`,
        'Name a bucket, oss://bucket?region=…, or a folder below the mountDir of a nasConfig.',
      );
};

const checkUrl = (deployed: DeployedFunction): Problem[] => {
  const { store, storeAt, problem } = deployed;
  if (store === undefined || isOpen(store)) return [];
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(store)?.[1]?.toLowerCase();
  if (scheme === 's3' || scheme === 'oss') return checkBucket(deployed, scheme, store);
  if (scheme === undefined || scheme === 'file')
    return checkFolder(deployed, store.replace(/^file:(?:\/\/)?/, ''));
  return [
    problem(
      storeAt,
      `${JSON.stringify(store)} names no store.`,
      'Use oss://bucket?region=…, s3://bucket or a folder of a shared disk.',
    ),
  ];
};

/** A bucket as a folder: what `ossMountConfig` names. */
const checkMounts = (deployed: DeployedFunction): Problem[] =>
  mountsOf(deployed, 'ossMountConfig').flatMap((mount, index) => {
    if (!isRecord(mount)) return [];
    const path = `ossMountConfig.mountPoints.${index}`;
    const name = String(mount.bucketName ?? '');
    const badName = isOpen(name) ? undefined : bucketNameProblem('oss', name);
    const region = regionOfHost(hostOf(String(mount.endpoint ?? '')));
    const own = deployed.at('region');
    return [
      ...(badName
        ? [deployed.problem(`${path}.bucketName`, `${name} can't be a bucket's name.`, badName)]
        : []),
      ...(region !== undefined && region !== own && !isOpen(own)
        ? [
            deployed.problem(
              `${path}.endpoint`,
              `The mounted bucket lies in ${region}, the function in ${own}.`,
              'Put both into one region.',
            ),
          ]
        : []),
    ];
  });

export const checkStore = (deployed: DeployedFunction): Problem[] => [
  ...checkUrl(deployed),
  ...checkMounts(deployed),
];
