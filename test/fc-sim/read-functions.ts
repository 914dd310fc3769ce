/** The functions that `deploy/s.yaml` describes, as the simulator runs them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { readDeployment } from '../../src/cli/deploy/read-deployment.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const hook = z.object({ handler: z.string(), timeout: z.number() });
const trigger = z.object({
  triggerType: z.enum(['http', 'oss', 'timer']),
  triggerConfig: z.object({
    methods: z.array(z.string()).optional(),
    events: z.array(z.string()).optional(),
    filter: z.object({ key: z.object({ prefix: z.string(), suffix: z.string() }) }).optional(),
    payload: z.string().optional(),
  }),
});
const props = z.object({
  functionName: z.string(),
  region: z.string(),
  memorySize: z.number(),
  timeout: z.number(),
  instanceConcurrency: z.number(),
  concurrencyConfig: z.object({ reservedConcurrency: z.number() }).optional(),
  asyncInvokeConfig: z.object({ maxAsyncRetryAttempts: z.number() }).optional(),
  environmentVariables: z.record(z.string(), z.string()),
  customContainerConfig: z.object({
    entrypoint: z.array(z.string()),
    command: z.array(z.string()).optional(),
    healthCheckConfig: z
      .object({ httpGetUrl: z.string(), failureThreshold: z.number() })
      .optional(),
  }),
  instanceLifecycleConfig: z
    .object({ initializer: hook.optional(), preStop: hook.optional() })
    .optional(),
  triggers: z.array(trigger),
});

export interface FunctionConfig extends z.infer<typeof props> {
  readonly account: string;
  /** The program and its arguments, on this machine. */
  readonly command: readonly string[];
}

const resources = z.object({
  vars: z.object({ account: z.string() }),
  resources: z.record(z.string(), z.object({ props })),
});

/** In the image the package lies in /app; here it is this repository's build. */
const here = (word: string): string => {
  if (word === 'node') return process.execPath;
  return word.replace(/^\/app\//, root);
};

/** @returns the functions by their names in the file: `predict`, `feedback`, `train` */
export const readFunctions = (): Readonly<Record<string, FunctionConfig>> => {
  const { value, problems } = readDeployment(readFileSync(`${root}deploy/s.yaml`, 'utf8'));
  if (problems.length > 0) throw new Error(problems.map(({ problem }) => problem).join(' '));
  const file = resources.parse(value);
  return Object.fromEntries(
    Object.entries(file.resources).map(([name, { props: own }]) => {
      const { entrypoint, command = [] } = own.customContainerConfig;
      return [
        name,
        { ...own, account: file.vars.account, command: [...entrypoint, ...command].map(here) },
      ];
    }),
  );
};
