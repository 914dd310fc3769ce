/**
 * The HTTP app. It never listens and mounts only the functions it is given, so that one process can
 * serve everything and a cloud function just one verb.
 */
import { METHODS } from 'node:http';
import rateLimit from '@fastify/rate-limit';
import Fastify, {
  type FastifyInstance,
  type FastifyRequest,
  type HTTPMethods,
  LogController,
} from 'fastify';
import type { Relearn } from '../loop/relearn-api.ts';
import {
  type Access,
  type AppContext,
  type AppOptions,
  defaultLimits,
  type FunctionComputeHost,
  type FunctionName,
} from './app-context.ts';
import { sendProblem } from './error-reply.ts';
import { clientErrorOf, invalid } from './error-table.ts';
import {
  callKindOf,
  callStatusOf,
  connectionTimeouts,
  credentialsOfCall,
  markerLine,
  requestIdOfCall,
} from './function-compute.ts';
import { authorize, checkBodyHeaders, checkHead, checkHost } from './guards.ts';
import type { Scope } from './keys.ts';
import { addLoadLimit } from './load-limit.ts';
import { createMetrics } from './metrics.ts';
import { addExpectations, answerBrokenRequest, refuseTunnels } from './raw-requests.ts';
import type { Route } from './route.ts';
import { callbackRoute } from './routes/callback.ts';
import { functionComputeRoutes } from './routes/function-compute.ts';
import { healthRoutes } from './routes/health.ts';
import { invokeRoutes } from './routes/invoke.ts';
import { metricsRoute, openApiRoute } from './routes/operations.ts';
import { pageRoutes } from './routes/page.ts';
import { predictRoute } from './routes/predict.ts';
import { studioRoutes } from './routes/studio.ts';

const mounts: Readonly<Record<FunctionName, (context: AppContext) => Route[]>> = {
  predict: (context) => [predictRoute(context)],
  feedback: (context) => [callbackRoute(context)],
  train: invokeRoutes,
  studio: (context) => [...studioRoutes(context), ...pageRoutes(context)],
};

/** Milliseconds. Node's and Fastify's own defaults let a slow client hold a connection for long. */
const timeouts = { head: 10_000, request: 60_000, idle: 72_000 };

export const buildApp = (relearn: Relearn, options: AppOptions): FastifyInstance => {
  const closing = new AbortController();
  const context = contextOf(relearn, options, closing.signal);
  const app = createServer(options, context);
  app.addHook('preClose', async () => closing.abort());
  // A connection that stays open after its last answer would hold the stop back.
  app.addHook('onSend', async (_request, reply) => {
    if (closing.signal.aborted) reply.header('connection', 'close');
  });

  // Every body arrives as bytes, whatever its declared type, and only up to the limit.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.decorateRequest('caller', 'nobody');
  app.decorateRequest('callKind', 'stranger');
  app.setErrorHandler((error, request, reply) => {
    context.metrics.refused(clientErrorOf(error).code);
    return sendProblem(error, request, reply);
  });
  app.setNotFoundHandler(() => {
    throw invalid('not_found', 'No such route.');
  });
  if (options.functionCompute) addCallProtocol(app, options.functionCompute);
  addExpectations(app);
  refuseTunnels(app, options.newRequestId);
  // Before the checks, so that the time of what they refuse is known too.
  addAccounting(app, context);
  addChecks(app, context);
  addRateLimit(app, context);
  addLoadLimit(app, context);

  const routes = [
    ...options.functions.flatMap((name) => mounts[name](context)),
    ...healthRoutes(context),
    ...(options.functionCompute ? functionComputeRoutes(context) : []),
    metricsRoute(context),
  ];
  // A plugin, so that the limiter that was registered before sees the routes.
  app.register(async (scope) => addRoutes(scope, [...routes, openApiRoute(routes)]));
  return app;
};

const contextOf = (relearn: Relearn, options: AppOptions, closing: AbortSignal): AppContext => ({
  relearn,
  functions: options.functions,
  clock: options.clock,
  access: { keys: [], anonymous: new Set(), isLocal: true, hosts: null, ...options.access },
  limits: { ...defaultLimits, ...options.limits },
  metrics: options.metrics ?? createMetrics(),
  trigger: options.trigger,
  page: options.page,
  functionCompute: options.functionCompute,
  closing,
  isStopping: options.isStopping ?? (() => false),
});

const createServer = (options: AppOptions, { limits, metrics }: AppContext): FastifyInstance => {
  const { head, request, idle } = options.functionCompute ? connectionTimeouts : timeouts;
  return Fastify({
    loggerInstance: options.logger,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    genReqId: ({ headers }) =>
      requestIdOf(
        (options.functionCompute && requestIdOfCall(headers)) ?? headers['x-request-id'],
        options.newRequestId,
      ),
    bodyLimit: limits.bodyBytes,
    requestTimeout: request,
    keepAliveTimeout: idle,
    maxRequestsPerSocket: 10_000,
    forceCloseConnections: 'idle',
    http: {
      headersTimeout: head,
      // Node checks one against the other before Fastify sets its own.
      requestTimeout: request,
      maxHeaderSize: limits.headerBytes,
      connectionsCheckingInterval: 5_000,
      // `checkHead` refuses what has none, with a code and a request id.
      requireHostHeader: false,
    },
    routerOptions: { maxParamLength: 100 },
    exposeHeadRoutes: false,
    trustProxy: false,
    frameworkErrors: (error, request, reply) => {
      reply.headers(commonHeaders(request));
      sendProblem(error, request, reply);
    },
    clientErrorHandler: (error, socket) => {
      const code = answerBrokenRequest(error, socket, options.newRequestId());
      if (code !== undefined) metrics.refused(code);
    },
  });
};

/** A caller's own id is kept where it is short and plain, so that logs can be joined. */
const requestIdOf = (sent: string | string[] | undefined, fresh: () => string): string =>
  typeof sent === 'string' && /^[\w.:-]{1,128}$/.test(sent) ? sent : fresh();

const commonHeaders = (request: FastifyRequest) => ({
  'x-request-id': request.id,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
});

/** First and last of every call: what kind it is, whose credentials, the lines around it. */
const addCallProtocol = (
  app: FastifyInstance,
  { onCredentials, writeLine }: FunctionComputeHost,
): void => {
  app.addHook('onRequest', async (request) => {
    request.callKind = callKindOf(request.headers);
    writeLine(markerLine(request.callKind, 'Start', request.id));
    const credentials = credentialsOfCall(request.headers);
    if (credentials) onCredentials?.(credentials);
  });
  // Before the answer leaves: the instance may freeze with its last byte.
  app.addHook('onSend', async (request, reply) => {
    if (request.callKind === 'event') reply.header('x-fc-status', callStatusOf(reply.statusCode));
    writeLine(markerLine(request.callKind, 'End', request.id));
  });
};

const addChecks = (app: FastifyInstance, { access, limits }: AppContext) => {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(commonHeaders(request));
    checkHead(request, limits);
    checkHost(request, access);
    const { scope } = request.routeOptions.config;
    // Only the routes that answer set a scope; what is refused anyway is refused by its name first.
    if (scope === undefined) return;
    if (scope !== null) request.caller = callerOf(request, scope, access);
    checkBodyHeaders(request, limits);
  });
};

/** An event call on Function Compute was let in by FC itself, and may start a training. */
const callerOf = (request: FastifyRequest, scope: Scope, access: Access): string =>
  request.callKind === 'event' && scope === 'train'
    ? 'function-compute'
    : authorize(request, scope, access);

const addAccounting = (app: FastifyInstance, { metrics, clock }: AppContext) => {
  const starts = new WeakMap<FastifyRequest, number>();
  app.addHook('onRequest', async (request) => {
    starts.set(request, clock.monotonic());
  });
  app.addHook('onResponse', async (request, reply) => {
    const now = clock.monotonic();
    const seconds = (now - (starts.get(request) ?? now)) / 1000;
    const route = request.routeOptions.url ?? 'unknown';
    metrics.request(route, request.method, reply.statusCode, seconds);
    request.log.info(
      { method: request.method, route, status: reply.statusCode, seconds },
      'answered',
    );
  });
};

/** Counts by who calls, after it is known and before the body is read. */
const addRateLimit = (app: FastifyInstance, { access, limits }: AppContext) => {
  // Without keys on loopback everybody is the same person.
  const isOff = limits.requestsPerMinute === 0 || (access.isLocal && access.keys.length === 0);
  if (isOff) return;
  app.register(rateLimit, {
    max: limits.requestsPerMinute,
    timeWindow: 60_000,
    // Addresses and keys that come once must not fill the memory.
    cache: 10_000,
    keyGenerator: (request) =>
      request.caller.startsWith('key:') ? request.caller : `address:${request.ip}`,
    allowList: (request) =>
      request.routeOptions.config.scope == null || request.callKind !== 'stranger',
    errorResponseBuilder: (_request, { ttl }) =>
      invalid('rate_limited', 'Too many requests.', { retryAfter: Math.ceil(ttl / 1000) }),
  });
};

/** Every one that a request can name; `CONNECT` is refused before. */
const allMethods = METHODS.filter((method) => method !== 'CONNECT');

const addRoutes = (app: FastifyInstance, routes: readonly Route[]) => {
  for (const method of allMethods)
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method);
  const allowed = new Map<string, HTTPMethods[]>();
  for (const { method, path, scope, handle } of routes) {
    const methods: HTTPMethods[] = method === 'GET' ? ['GET', 'HEAD'] : [method];
    allowed.set(path, [...(allowed.get(path) ?? []), ...methods]);
    app.route({
      method: methods,
      url: path,
      config: { scope },
      handler: async (...call) => handle(...call),
    });
  }
  // What a path does not know it refuses by name, before a body is read.
  for (const [url, methods] of allowed) {
    const refuse = async (
      _request: FastifyRequest,
      reply: { header(name: string, value: string): unknown },
    ) => {
      reply.header('allow', methods.join(', '));
      throw invalid('method_not_allowed', 'The path has other methods.');
    };
    const others = allMethods.filter((method) => !methods.includes(method));
    app.route({ method: others, url, onRequest: refuse, handler: () => undefined });
  }
};
