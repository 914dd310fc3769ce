/**
 * What Function Compute 3.0 and its component `fc3` take, as tables: the keys, the ranges, the names
 * of storage events, and what became of the keys of version 2. From the component's documentation
 * and the limits of the CreateFunction call, as of 2026-05.
 */

/** Keys and what lies below them. `any` is not looked into; a list holds one shape for all its items. */
export type Shape = 'any' | readonly [Shape] | { readonly [key: string]: Shape };

const keys = (names: string): { readonly [key: string]: Shape } =>
  Object.fromEntries(names.split(' ').map((name) => [name, 'any' as const]));

const hook = keys('handler timeout command');
const healthCheckConfig = keys(
  'httpGetUrl initialDelaySeconds periodSeconds timeoutSeconds failureThreshold successThreshold',
);

export const functionShape: Shape = {
  ...keys(
    'region functionName runtime handler description code cpu memorySize diskSize timeout instanceConcurrency role environmentVariables internetAccess layers tags resourceGroupId endpoint annotations customDNS customRuntimeConfig enableLongLiving instanceIsolationMode sessionAffinity sessionAffinityConfig supplement tracingConfig vpcBinding',
  ),
  concurrencyConfig: keys('reservedConcurrency'),
  asyncInvokeConfig: {
    ...keys('asyncTask maxAsyncRetryAttempts maxAsyncEventAgeInSeconds qualifier'),
    destinationConfig: { onSuccess: keys('destination'), onFailure: keys('destination') },
  },
  gpuConfig: keys('gpuMemorySize gpuType'),
  logConfig: keys(
    'project logstore enableRequestMetrics enableInstanceMetrics enableLlmMetrics logBeginRule',
  ),
  vpcConfig: keys('vpcId vSwitchIds securityGroupId'),
  nasConfig: {
    ...keys('userId groupId'),
    mountPoints: [keys('serverAddr mountDir enableTLS')],
  },
  ossMountConfig: { mountPoints: [keys('bucketName bucketPath endpoint mountDir readOnly')] },
  scalingConfig: keys('minInstances horizontalScalingPolicies scheduledPolicies residentPoolId'),
  provisionConfig: keys(
    'defaultTarget alwaysAllocateCPU alwaysAllocateGPU scheduledActions targetTrackingPolicies',
  ),
  customContainerConfig: {
    ...keys('image port entrypoint command registryConfig'),
    healthCheckConfig,
  },
  instanceLifecycleConfig: { initializer: hook, preStop: hook },
  customDomain: {
    ...keys('domainName protocol certConfig tlsConfig authConfig wafConfig'),
    route: keys('path methods qualifier rewriteConfig'),
  },
  triggers: [
    keys('triggerName triggerType triggerConfig description qualifier sourceArn invocationRole'),
  ],
};

/** Of a trigger's `triggerConfig`, by its type; the other types are not looked into. */
export const triggerShapes: Readonly<Record<string, Shape>> = {
  http: keys('authType methods authConfig disableURLInternet'),
  oss: { events: 'any', filter: { key: keys('prefix suffix') } },
  timer: keys('cronExpression enable payload'),
};

export const triggerTypes: readonly string[] =
  'http oss timer eventbridge log mns_topic tablestore cdn_events'.split(' ');

interface Range {
  readonly least: number;
  readonly most: number;
  /** What a value must be a multiple of. */
  readonly step: number;
}

const range = (least: number, most: number, step = 1): Range => ({ least, most, step });

/** By the path below `props`. */
export const ranges: Readonly<Record<string, Range>> = {
  cpu: range(0.05, 16, 0.05),
  memorySize: range(128, 32_768, 64),
  timeout: range(1, 86_400),
  instanceConcurrency: range(1, 200),
  'concurrencyConfig.reservedConcurrency': range(0, 10_000),
  'scalingConfig.minInstances': range(0, 10_000),
  'provisionConfig.defaultTarget': range(0, 10_000),
  'customContainerConfig.port': range(1, 65_535),
  'instanceLifecycleConfig.initializer.timeout': range(1, 86_400),
  'instanceLifecycleConfig.preStop.timeout': range(1, 86_400),
  'gpuConfig.gpuMemorySize': range(1024, 24_576, 1024),
  'asyncInvokeConfig.maxAsyncRetryAttempts': range(0, 8),
  'asyncInvokeConfig.maxAsyncEventAgeInSeconds': range(1, 604_800),
  'customContainerConfig.healthCheckConfig.initialDelaySeconds': range(0, 120),
  'customContainerConfig.healthCheckConfig.periodSeconds': range(1, 120),
  'customContainerConfig.healthCheckConfig.timeoutSeconds': range(1, 3),
  'customContainerConfig.healthCheckConfig.failureThreshold': range(1, 120),
  'customContainerConfig.healthCheckConfig.successThreshold': range(1, 120),
};

/** By the path below `props`, the values there are. */
export const choices: Readonly<Record<string, readonly (string | number)[]>> = {
  region:
    'cn-hangzhou cn-shanghai cn-shanghai-cloudspe cn-shanghai-finance-1 cn-beijing cn-zhangjiakou cn-huhehaote cn-wulanchabu cn-shenzhen cn-chengdu cn-qingdao cn-hongkong cn-heyuan-acdr-1 ap-northeast-1 ap-northeast-2 ap-south-1 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-5 ap-southeast-7 eu-central-1 eu-west-1 me-central-1 us-east-1 us-west-1'.split(
      ' ',
    ),
  // Those that start a program of one's own.
  runtime: ['custom-container', 'custom.debian12', 'custom.debian11', 'custom.debian10', 'custom'],
  diskSize: [512, 10_240],
  'gpuConfig.gpuType': ['fc.gpu.tesla.1', 'fc.gpu.ampere.1', 'fc.gpu.ada.1'],
  'logConfig.logBeginRule': ['DefaultRegex', 'None'],
  'customDomain.protocol': ['HTTP', 'HTTPS', 'HTTP,HTTPS'],
};

/** By the path below `props`: what is made by itself where `auto` stands there, and else is a map. */
export const autoOrMap: readonly string[] = ['logConfig', 'vpcConfig', 'ossMountConfig'];

/** By the path below `props`, what is a text and never empty. */
export const texts: readonly string[] = [
  'handler',
  'customContainerConfig.image',
  'customDomain.domainName',
  'customDomain.route.path',
  'customContainerConfig.healthCheckConfig.httpGetUrl',
  'instanceLifecycleConfig.initializer.handler',
  'instanceLifecycleConfig.preStop.handler',
];

/** Gigabytes of memory for each core. */
export const memoryPerCore = { least: 1, most: 4 };
/** What a function gets that names none. */
export const sizes = { cpu: 0.35, memorySize: 512 };
export const roleName = /^acs:ram::\d+:role\/[\w.-]{1,64}$/;
/** A host of Alibaba's container registry, and its region. */
export const registryHost =
  /^(?:[a-z0-9-]+-)?registry(?:-vpc|-internal)?\.([a-z0-9-]+)\.(?:cr\.)?aliyuncs\.com$/;
export const functionName = /^[A-Za-z_][\w-]{0,63}$/;
/** Bytes of all names and values together. */
export const mostEnvironment = 4096;

/** The events of a finished object. Each upload fires exactly one of them. */
export const finishedEvents: readonly string[] = [
  'oss:ObjectCreated:PutObject',
  'oss:ObjectCreated:PostObject',
  'oss:ObjectCreated:CompleteMultipartUpload',
];

/** Keys of version 2 of the component, and where their values belong today. */
export const keysOfVersion2: Readonly<Record<string, string>> = {
  services: 'Call it `resources`; each resource is one function.',
  service:
    'Services are gone: give role, logConfig, vpcConfig and nasConfig to each function. `nas: auto` becomes one nasConfig with a mountDir and a nasDir for all functions.',
  function: 'Put its keys directly below props; `name` becomes functionName.',
  caPort: 'Write it as customContainerConfig.port.',
  args: 'Make it the list `command`; what was `command` becomes the list `entrypoint`.',
  instanceType: 'Choose cpu and memorySize; for a GPU gpuConfig.',
  instanceID: 'Leave it out.',
  accelerationType: 'Leave it out: images are accelerated by default.',
  webServerMode: 'Leave it out.',
  codeUri: 'Call it `code`.',
  name: 'Call it functionName or triggerName.',
  type: 'Call it triggerType.',
  config: 'Call it triggerConfig.',
  bucketName: 'Name the bucket in sourceArn: acs:oss:<region>:<account>:<bucket>.',
  Key: 'Write filter.key with prefix and suffix in lower case.',
  Prefix: "Write prefix in lower case, with a suffix beside it (''), and end it with a slash.",
  nasDir: 'Write it into serverAddr: host:/folder.',
  customDomains: 'Write one customDomain with domainName, protocol and route.path.',
  routeConfigs: 'Write route with its path.',
  asyncConfiguration: 'Call it asyncInvokeConfig.',
  statefulInvocation: 'Call it asyncInvokeConfig.asyncTask.',
  runtimes: 'Call it runtime.',
};
