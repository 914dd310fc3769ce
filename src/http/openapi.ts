/** Writes the OpenAPI 3.1 document of a list of routes, from the schemas that check the requests. */
import { z } from 'zod';
import { clientErrorOf, invalid } from './error-table.ts';
import type { Route } from './route.ts';
import { problem } from './schemas.ts';

type Json = Record<string, unknown>;

/** @param version of this interface, not of the program */
export const describeRoutes = (routes: readonly Route[]): Json => {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Relearn',
      version: '1',
      description: 'An image classifier that keeps learning from the people who use it.',
    },
    paths,
    components: {
      schemas: { Problem: jsonSchema(problem) },
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
    },
  };
};

const operationOf = (route: Route): Json => ({
  summary: route.summary,
  operationId: `${route.method.toLowerCase()}${route.path.replace(/[^A-Za-z0-9]+/g, '_')}`,
  // OpenAPI lists scopes of a bearer key as roles; none means open to everybody.
  security: route.scope === null ? [] : [{ key: [route.scope] }],
  ...(route.path.includes(':') ? { parameters: parametersOf(route.path) } : {}),
  ...(route.accepts
    ? { requestBody: { required: !route.bodyOptional, content: contentOf(route.accepts) } }
    : {}),
  responses: {
    200: { description: 'Done.', content: contentOf(route.answers) },
    ...errorsOf(route.errors ?? []),
    default: problemResponse('Any other problem.'),
  },
});

const parametersOf = (path: string): Json[] =>
  [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'integer', minimum: 1 },
  }));

/** One response a status; several codes can share it. */
const errorsOf = (codes: readonly string[]): Json => {
  const byStatus = new Map<number, string[]>();
  for (const code of codes) {
    const { status, title } = clientErrorOf(invalid(code, ''));
    byStatus.set(status, [...(byStatus.get(status) ?? []), `\`${code}\`: ${title}`]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, lines]) => [status, problemResponse(lines.join(' '))]),
  );
};

const problemResponse = (description: string): Json => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});

const contentOf = (shapes: Readonly<Record<string, z.ZodType>>): Json =>
  Object.fromEntries(
    Object.entries(shapes).map(([type, shape]) => [type, { schema: jsonSchema(shape) }]),
  );

const jsonSchema = (shape: z.ZodType): Json => {
  const { $schema, ...schema } = z.toJSONSchema(shape, { target: 'draft-2020-12' });
  return schema;
};
