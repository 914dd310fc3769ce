/** What every route needs, gathered once by `buildApp`. */
import type { FastifyBaseLogger } from 'fastify';
import type { Clock } from '../base/clock.ts';
import type { Relearn } from '../loop/relearn-api.ts';
import type { CallCredentials } from './function-compute.ts';
import type { ApiKey, Scope } from './keys.ts';
import type { Metrics } from './metrics.ts';
import type { PageAssets } from './page-assets.ts';
import type { TrainingTrigger } from './training-trigger.ts';

export const functionNames = ['predict', 'feedback', 'train', 'studio'] as const;
/** What a process serves: the three verbs and the page. */
export type FunctionName = (typeof functionNames)[number];

export interface Limits {
  /** Bytes of a whole request body. */
  readonly bodyBytes: number;
  /** Pictures in one `/predict` request. */
  readonly batchPictures: number;
  /** Requests to `/predict` that may be in work at once. */
  readonly openPredictions: number;
  /** Levels of nested arrays and objects in a JSON body. */
  readonly jsonDepth: number;
  /** Bytes of a request's head. */
  readonly headerBytes: number;
  /** Headers of a request. */
  readonly headers: number;
  /** Requests a minute of one caller: a key, or an address where none is needed. 0 = no limit. */
  readonly requestsPerMinute: number;
}

export const defaultLimits: Limits = {
  bodyBytes: 16 * 1024 * 1024,
  batchPictures: 64,
  openPredictions: 128,
  jsonDepth: 16,
  headerBytes: 16 * 1024,
  headers: 200,
  requestsPerMinute: 6_000,
};

export interface Access {
  readonly keys: readonly ApiKey[];
  /** Scopes that need no key, opened on purpose. */
  readonly anonymous: ReadonlySet<Scope>;
  /** Whether only this machine can reach the server; without keys such a server trusts its callers. */
  readonly isLocal: boolean;
  /** Host names that a request may name, without ports; null accepts every name. */
  readonly hosts: readonly string[] | null;
}

/** What a host does that no other host does. */
export interface FunctionComputeHost {
  /** Told of the credentials that each call brings, before the call is worked on. */
  onCredentials?(credentials: CallCredentials): void;
  /** Where the lines around each call go: standard output. */
  writeLine(line: string): void;
}

export interface AppOptions {
  readonly functions: readonly FunctionName[];
  readonly clock: Clock;
  readonly logger: FastifyBaseLogger;
  /** A fresh id for a request that brings none. */
  newRequestId(): string;
  readonly access?: Partial<Access>;
  readonly limits?: Partial<Limits>;
  readonly metrics?: Metrics;
  /** Told of every accepted feedback. */
  readonly trigger?: TrainingTrigger;
  /** The built page; without it `GET /` answers 404. */
  readonly page?: PageAssets;
  /** Set where Function Compute runs this process: then its headers decide what a call may do. */
  readonly functionCompute?: FunctionComputeHost;
  /** True while the process stops; readiness turns false. */
  isStopping?(): boolean;
}

export interface AppContext {
  readonly relearn: Relearn;
  readonly functions: readonly FunctionName[];
  readonly clock: Clock;
  readonly access: Access;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly trigger: TrainingTrigger | undefined;
  readonly page: PageAssets | undefined;
  readonly functionCompute: FunctionComputeHost | undefined;
  /** Aborted when the server closes, so that a training inside a request ends. */
  readonly closing: AbortSignal;
  isStopping(): boolean;
}
