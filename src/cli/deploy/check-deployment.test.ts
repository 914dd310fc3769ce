// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the file's own variables look like that.
/** Each row breaks `deploy/s.yaml` in one place; the check names the line and the cure. */
import { describe, expect, it } from 'vitest';
import {
  type BrokenDeployment,
  expectProblem,
  goodDeployment as good,
  replaceLast,
} from '../../../test/broken-deployment.ts';
import { checkDeployment } from './check-deployment.ts';

/** The line, from 1, on which a text begins to stand. */
const lineOf = (text: string, part: string) => text.slice(0, text.indexOf(part)).split('\n').length;

const rows: readonly BrokenDeployment[] = [
  [
    'a misspelt key',
    'instanceConcurrency: 1\n',
    'instanceConcurency: 1\n',
    'instanceConcurency',
    /no key here/,
  ],
  ['a misspelt key of a trigger', 'enable: true', 'enabled: true', 'enabled', /no key here/],
  [
    'a key of version 2',
    'cpu: 8',
    'caPort: 8080\n      cpu: 8',
    'caPort',
    /customContainerConfig\.port/,
  ],
  [
    'every event of an upload',
    'oss:ObjectCreated:PutObject',
    'oss:ObjectCreated:*',
    'events:',
    /finished upload/,
  ],
  ['a prefix that loops', 'prefix: feedback/', "prefix: ''", 'prefix:', /start the next training/],
  [
    'a prefix without its slash',
    'prefix: feedback/',
    'prefix: feedback',
    'prefix:',
    /Write prefix: feedback\//,
  ],
  [
    'a store deeper in the bucket',
    'oss://${vars.bucket}?',
    'oss://${vars.bucket}/cats?',
    'prefix:',
    /Write prefix: cats\/feedback\//,
  ],
  ['no suffix', "suffix: ''", '', 'filter:', /no suffix/],
  ['memory without cores', 'cpu: 8', 'cpu: 4', 'memorySize: 32768', /Give each core 1 to 4 GB/],
  [
    'memory between the steps',
    'memorySize: 512',
    'memorySize: 500',
    'memorySize: 500',
    /multiple of 64/,
  ],
  ['a core between the steps', 'cpu: 0.5', 'cpu: 0.52', 'cpu: 0.52', /multiple of 0\.05/],
  [
    'a name that begins with a digit',
    'relearn-train',
    '2train',
    'functionName: 2train',
    /no name for a function/,
  ],
  [
    'two functions of one name',
    'relearn-train',
    'relearn-feedback',
    'functionName: relearn-feedback',
    /replaces the first/,
  ],
  [
    'a shared disk that is none',
    '# nasConfig: ${vars.nas}',
    'nasConfig: auto',
    'nasConfig: auto',
    /folder of its own/,
  ],
  [
    'a bucket elsewhere',
    'acs:oss:${vars.region}',
    'acs:oss:cn-hangzhou',
    'sourceArn',
    /one region/,
  ],
  [
    'another bucket',
    ':${vars.bucket}\n',
    ':other-bucket\n',
    'sourceArn',
    /the store lies in relearn-feedback/,
  ],
  [
    'no bucket',
    'acs:oss:${vars.region}:${vars.account}:${vars.bucket}',
    'relearn-feedback',
    'triggerName: feedback',
    /names no bucket/,
  ],
  [
    'an access key',
    'image: registry',
    `image: ${'LTAI'}5tAbcdefghijklmn # registry`,
    'image: LTAI',
    /secret/,
  ],
  [
    'keys in the file',
    "RELEARN_KEYS: ${env('RELEARN_KEYS')}\n        # RELEARN_ANONYMOUS: feedback",
    'RELEARN_KEYS: me:0123456789:admin',
    'RELEARN_KEYS: me',
    /secret/,
  ],
  [
    'too many variables',
    '# RELEARN_ANONYMOUS: feedback',
    `NOTE: ${'x'.repeat(4096)}`,
    'environmentVariables',
    /4\d{3} bytes/,
  ],
  [
    'a port that is none',
    'port: 9000\n        entrypoint: [node, /app/dist/functions-train.js]',
    'port: web',
    'port: web',
    /port is "web"/,
  ],
  ['no image', 'image: ${vars.image}', 'image:', 'image:', /image is null/],
  ['a hook without seconds', 'timeout: 10', 'timeout: soon', 'timeout: soon', /is "soon"/],
  [
    'an empty name',
    'functionName: relearn-train',
    'functionName:',
    'functionName',
    /null is no name/,
  ],
  ['a log that is none', 'logConfig: auto', 'logConfig: please', 'logConfig', /is "please"/],
  ['an odd protocol', 'protocol: HTTP', 'protocol: SMTP', 'protocol: SMTP', /is "SMTP"/],
  [
    'an empty variable',
    'bucket: relearn-feedback',
    'bucket:',
    'RELEARN_STORE',
    /vars.bucket. is empty/,
  ],
  [
    'a function without settings',
    'resources:\n',
    'resources:\n  spare:\n    component: fc3\n',
    'spare',
    /describes no function/,
  ],
  ['a reserved variable', '# RELEARN_ANONYMOUS: feedback', 'FC_REGION: x', 'FC_REGION', /reserved/],
  [
    'no store',
    'RELEARN_STORE: ${vars.store}',
    'OTHER: x',
    'environmentVariables',
    /RELEARN_STORE is not set/,
  ],
  [
    'two stores',
    'RELEARN_STORE: ${vars.store}',
    'RELEARN_STORE: /mnt/relearn',
    'RELEARN_STORE: /mnt',
    /different stores/,
  ],
  ['a short training', 'timeout: 7200', 'timeout: 60', 'timeout: 60', /A training gets 60 seconds/],
  ['the shortest time-out', '      timeout: 7200\n', '', 'props:', /timeout is missing/],
  [
    'many trainings',
    'concurrencyConfig:',
    'tags: []\n      tracingConfig:',
    'props:',
    /Many instances/,
  ],
  [
    'events beside a training',
    'instanceConcurrency: 1\n',
    'instanceConcurrency: 8\n',
    'instanceConcurrency: 8',
    /while it trains/,
  ],
  [
    'two ways to scale',
    'minInstances: 1',
    'minInstances: 1\n      provisionConfig: {defaultTarget: 1}',
    'provisionConfig',
    /exclude each other/,
  ],
  [
    'a health check beyond its limits',
    'timeoutSeconds: 1',
    'timeoutSeconds: 9',
    'timeoutSeconds: 9',
    /from 1 to 3/,
  ],
  ['five fields of time', "'@every 60m'", "'0 3 * * *'", 'triggerConfig', /six fields/],
  ['no timer', 'triggerType: timer', 'triggerType: eventbridge', 'triggers', /lost event is lost/],
  [
    'an unknown trigger',
    'triggerType: timer',
    'triggerType: clock',
    'triggerName: sweep',
    /no type of trigger/,
  ],
  [
    'an unknown way to ask',
    'authType: anonymous',
    'authType: none',
    'authType: none',
    /no authType/,
  ],
  [
    'an open door to training',
    'functions-feedback.js',
    'functions-train.js',
    'triggerName: http',
    /Everybody could call/,
  ],
  [
    'events for a function that predicts',
    'functions-train.js',
    'functions-predict.js',
    'triggerName: feedback',
    /asks for a training, and the function serves predict only/,
  ],
  [
    'a timer for a function that takes feedback',
    'entrypoint: [node, /app/dist/functions-train.js]',
    "entrypoint: [node, /app/dist/cli.js, serve, --functions, 'predict,feedback']",
    'triggerName: feedback',
    /serves predict and feedback only/,
  ],
  [
    'a variable without its $',
    'role: ${vars.role}',
    'role: {vars.role}',
    'role: {',
    /read as a map/,
  ],
  [
    'a variable that is none',
    'role: ${vars.role}',
    'role: ${vars.rolle}',
    'role: ${vars.rolle}',
    /names no variable/,
  ],
  ['another edition', 'edition: 3.0.0', 'edition: 2.0.0', 'edition', /not 3\.0\.0/],
  [
    'a region that there is not',
    'region: cn-shanghai',
    'region: cn-shangai',
    'region',
    /cn-shanghai/,
  ],
  ['a disk between the sizes', 'diskSize: 10240', 'diskSize: 1024', 'diskSize', /512, 10240/],
  [
    'a runtime that there is not',
    'runtime: custom-container',
    'runtime: custom-contaner',
    'runtime',
    /custom-container/,
  ],
  [
    'a GPU that there is not',
    'diskSize: 10240',
    'gpuConfig: {gpuType: fc.gpu.hopper.1, gpuMemorySize: 8192}',
    'gpuConfig',
    /fc\.gpu\.ampere\.1/,
  ],
  ['memory without cores named', 'cpu: 8\n', '\n', 'memorySize: 32768', /0\.35 cores/],
  [
    'an image elsewhere',
    'image: registry.cn-shanghai',
    'image: registry.cn-beijing',
    'image: ${vars.image}',
    /cn-beijing/,
  ],
  [
    'an image that the platform cannot pull',
    'image: registry.cn-shanghai.aliyuncs.com/relearn',
    'image: docker.io/relearn',
    'image: ${vars.image}',
    /container registry/,
  ],
  ['a timer that is off', 'enable: true', 'enable: false', 'triggers', /lost event is lost/],
  [
    'a trigger that takes no pictures',
    'methods: [GET, POST]',
    'methods: [GET]',
    'methods: [GET]',
    /POST/,
  ],
  [
    'two triggers of one name',
    'triggerName: sweep',
    'triggerName: feedback',
    'triggerName: feedback',
    /second replaces/,
  ],
  ['a trigger without a name', 'triggerName: sweep\n          ', '', 'triggerType', /no name/],
  [
    'triggers that are no list',
    'triggers:\n        - triggerName: http\n          triggerType',
    'triggers:\n          triggerName: http\n          triggerType',
    'triggers:',
    /no list/,
  ],
  [
    'variables that are no map',
    'environmentVariables:\n        RELEARN_STORE: ${vars.store}\n      customContainerConfig',
    'environmentVariables: [RELEARN_STORE]\n      customContainerConfig',
    'environmentVariables',
    /no map/,
  ],
  [
    'the component of version 2',
    'component: fc3',
    'component: fc',
    'component: fc',
    /version 2.*component: fc3/,
  ],
  [
    'a component that there is not',
    'component: fc3',
    'component: fc4',
    'component: fc4',
    /component: fc3/,
  ],
  ['no YAML', 'vars:\n', 'vars: [\n', 'account', /no YAML/],
];

/** The beginning of Relearn: an FC 2 file for Serverless Devs. */
const version2 = `edition: 1.0.0
name: cats-vs-dogs
vars:
  image: registry/cats-vs-dogs:0.0.1
services:
  train:
    component: fc
    props:
      region: cn-shanghai
      service: {name: cats-vs-dogs-project, nas: auto, vpc: auto, log: auto}
      function:
        name: tarin
        runtime: custom-container
        memorySize: 32768
        caPort: 8080
        timeout: 7200
        instanceType: c1
        customContainerConfig:
          image: \${vars.image}
          command: '["python"]'
          args: '["train.py"]'
      triggers:
        - name: ossTrigger
          type: oss
          config:
            bucketName: serverless-cats-vs-dogs
            events: ['oss:ObjectCreated:*']
            filter: {Key: {Prefix: callback}}
      customDomains:
        - domainName: auto
          routeConfigs: [{path: /*}]
`;

describe('checkDeployment', () => {
  it('finds nothing wrong with deploy/s.yaml', () => {
    expect(checkDeployment(good)).toEqual([]);
  });

  it.each(rows)('finds %s', (...row) => expectProblem(...row));

  it('lets what is known only at the deployment be', () => {
    for (const line of ['cpu: 8', 'memorySize: 32768', 'timeout: 7200', 'diskSize: 10240'])
      expect(checkDeployment(replaceLast(line, `${line.split(':')[0]}: \${env('SIZE')}`))).toEqual(
        [],
      );
  });

  it('finds two triggers that one event would fire', () => {
    const start = good.lastIndexOf('        # Only events');
    const end = good.lastIndexOf('        # Finds what');
    const trigger = good.slice(start, end).replace('triggerName: feedback', 'triggerName: twin');
    const [problem, ...more] = checkDeployment(good.slice(0, end) + trigger + good.slice(end));
    expect(problem?.problem).toMatch(/OSS refuses/);
    expect(problem?.line).toBeGreaterThan(lineOf(good, good.slice(start, end)));
    expect(more).toEqual([]);
  });

  it.each([
    ['an empty file', ''],
    ['a list', '- a\n- b\n'],
    ['no resources', 'edition: 3.0.0\n'],
    ['a text', 'hello'],
    ['resources that are none', 'edition: 3.0.0\nresources: [1, {a: null}]\n'],
    ['props that are none', 'edition: 3.0.0\nresources: {train: {component: fc3, props: 7}}\n'],
    [
      'aliases without an end',
      'edition: 3.0.0\nvars: {a: "${vars.b}", b: "${vars.a}"}\nresources: {t: {component: fc3, props: {role: "${vars.a}"}}}\n',
    ],
  ])('refuses %s', (_name, text) => {
    expect(checkDeployment(text).length).toBeGreaterThan(0);
  });

  it('tells of no key that the file lacks', () => {
    const told = checkDeployment(good.replaceAll('component: fc3\n', 'component: fc\n'));
    expect(told.map(({ problem }) => problem).join('\n')).not.toMatch(/services/);
    expect(told.length).toBeGreaterThan(0);
  });

  it('knows a file of version 2 and says how to write each key today', () => {
    const problems = checkDeployment(version2);
    const cures = Object.fromEntries(
      problems.map(({ line, where, cure }) => [`${line} ${where.split('.').at(-1)}`, cure]),
    );
    expect(cures).toMatchObject({
      '1 edition': expect.stringContaining('edition: 3.0.0'),
      '5 services': expect.stringContaining('resources'),
      '10 service': expect.stringContaining('nasConfig'),
      '15 caPort': expect.stringContaining('customContainerConfig.port'),
      '17 instanceType': expect.stringContaining('cpu and memorySize'),
      '21 args': expect.stringContaining('entrypoint'),
      '25 config': expect.stringContaining('triggerConfig'),
      '26 bucketName': expect.stringContaining('sourceArn'),
      '27 events': expect.stringContaining('CompleteMultipartUpload'),
      '28 Prefix': expect.stringContaining('slash'),
      '29 customDomains': expect.stringContaining('customDomain'),
    });
  });
});
