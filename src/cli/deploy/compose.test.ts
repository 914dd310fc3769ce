/** `deploy/compose.yaml` and `compose.s3.yaml`: they can be read, and fit the image that they start. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { commandTable } from '../command-table.ts';
import { isRecord, valueAt } from './yaml-values.ts';

const folder = new URL('../../../deploy/', import.meta.url);
const read = (name: string): unknown => {
  const document = parseDocument(readFileSync(new URL(name, folder), 'utf8'));
  expect(document.errors).toEqual([]);
  return document.toJS() as unknown;
};
const dockerfile = readFileSync(new URL('Dockerfile', folder), 'utf8');
const own = read('compose.yaml');
const bucket = read('compose.s3.yaml');
const service = ['services', 'relearn'] as const;
const at = (...path: readonly (string | number)[]) => valueAt(own, [...service, ...path]);

describe('deploy/compose.yaml', () => {
  it('builds the Dockerfile from the root of the repository', () => {
    const context = new URL(`${at('build', 'context')}/`, folder);
    expect(existsSync(new URL(String(at('build', 'dockerfile')), context))).toBe(true);
    expect(existsSync(new URL('package-lock.json', context))).toBe(true);
  });

  it('gives the program a command that it has', () => {
    expect(dockerfile).toContain('ENTRYPOINT ["node", "/app/dist/cli.js"]');
    expect(at('entrypoint')).toBeUndefined();
    expect(Object.keys(commandTable)).toContain(at('command', 0));
  });

  it('keeps the store in a volume, where the image has it', () => {
    const [volume, place] = String(at('volumes', 0)).split(':');
    expect(dockerfile).toContain(`RELEARN_STORE=${place}`);
    expect(valueAt(own, ['volumes'])).toHaveProperty(volume ?? '');
  });

  it('opens the port of the image to this machine alone', () => {
    expect(at('ports')).toEqual(['127.0.0.1:8080:8080']);
    expect(dockerfile).toContain('EXPOSE 8080');
  });

  it('gives the container no rights', () => {
    expect(at('read_only')).toBe(true);
    expect(at('cap_drop')).toEqual(['ALL']);
    expect(at('tmpfs')).toEqual(['/tmp']);
    expect(at('security_opt')).toEqual(['no-new-privileges:true']);
    expect(at('user')).toBeUndefined();
    expect(dockerfile).toContain('USER 1000:1000');
  });
});

describe('deploy/compose.s3.yaml', () => {
  it('changes nothing but where the store is', () => {
    expect(Object.keys(valueAt(bucket, ['services']) ?? {})).toEqual(['relearn']);
    expect(Object.keys(valueAt(bucket, service) ?? {})).toEqual(['environment']);
    expect(valueAt(bucket, [...service, 'environment', 'RELEARN_STORE'])).toBeDefined();
  });
});

it.each([
  ['compose.yaml', own],
  ['compose.s3.yaml', bucket],
])('%s takes every variable from the environment, and refuses to start without', (_name, file) => {
  const variables = valueAt(file, [...service, 'environment']);
  expect(isRecord(variables)).toBe(true);
  for (const [name, value] of Object.entries(variables ?? {})) {
    expect(value).toMatch(new RegExp(`^\\$\\{${name}:\\?.+\\}$`));
  }
});
