/**
 * A route as a value: what it takes, what it answers, who may call it and the handler. The server
 * registers these values and the OpenAPI document is written from the same ones.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { CallKind } from './function-compute.ts';
import type { Scope } from './keys.ts';

export interface Route {
  readonly method: 'GET' | 'POST';
  /** A pattern of the router: `/api/models/:version/promote`. */
  readonly path: string;
  readonly summary: string;
  /** Needed unless the server runs without keys on loopback; null is open to everybody. */
  readonly scope: Scope | null;
  /** Media type → shape of the body. Absent: the route reads no body. */
  readonly accepts?: Readonly<Record<string, z.ZodType>>;
  /** Whether a request without a body is fine. */
  readonly bodyOptional?: boolean;
  /** Media type → shape of a 200 answer. */
  readonly answers: Readonly<Record<string, z.ZodType>>;
  /** Codes of the errors that are this route's own. */
  readonly errors?: readonly string[];
  handle(request: FastifyRequest, reply: FastifyReply): unknown;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: Scope | null;
  }
  interface FastifyRequest {
    /** Who sent it, for provenance: `key:NAME`, `anonymous`, `local` or `function-compute`. */
    caller: string;
    /** What Function Compute says of the call; elsewhere every call is a stranger's. */
    callKind: CallKind;
  }
}
