/** `deploy/knative`: manifests that can be read, name each other rightly, and lock the containers. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type Path, valueAt } from './yaml-values.ts';

const folder = new URL('../../../deploy/knative/', import.meta.url);
const manifests = readdirSync(folder).flatMap((name) =>
  parseAllDocuments(readFileSync(new URL(name, folder), 'utf8')).map((document) => {
    expect('errors' in document ? document.errors : []).toEqual([]);
    return document.toJS() as unknown;
  }),
);
const ofKind = (kind: string) => manifests.filter((one) => valueAt(one, ['kind']) === kind);
const nameOf = (one: unknown) => String(valueAt(one, ['metadata', 'name']));
const services = ofKind('Service').map((one) => [nameOf(one), one] as const);
const container: Path = ['spec', 'template', 'spec', 'containers', 0];

describe('deploy/knative', () => {
  it('holds three services, a timer, and a trigger on its broker', () => {
    expect(services.map(([name]) => name)).toEqual([
      'relearn-predict',
      'relearn-feedback',
      'relearn-train',
    ]);
    expect(ofKind('PingSource')).toHaveLength(1);
    const [trigger] = ofKind('Trigger');
    expect(valueAt(trigger, ['spec', 'broker'])).toBe(nameOf(ofKind('Broker')[0]));
  });

  it.each([
    ['PingSource', ['spec', 'sink', 'ref', 'name']],
    ['Trigger', ['spec', 'subscriber', 'ref', 'name']],
  ] as const)('the %s wakes the service that trains', (kind, path) => {
    expect(valueAt(ofKind(kind)[0], path)).toBe('relearn-train');
  });

  it.each(services)('%s runs locked, over the same store', (_name, service) => {
    expect(valueAt(service, [...container, 'securityContext'])).toEqual({
      runAsNonRoot: true,
      runAsUser: 1000,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    });
    expect(valueAt(service, [...container, 'env', 0])).toEqual({
      name: 'RELEARN_STORE',
      value: 's3://relearn-feedback?region=eu-west-1',
    });
    const [entry] = valueAt(service, [...container, 'command']) as string[];
    expect(entry).toBe('node');
  });

  it('trains one at a time, out of reach from outside', () => {
    const [, train] = services[2] ?? [];
    const at = (...path: Path) => valueAt(train, path);
    expect(at('metadata', 'labels', 'networking.knative.dev/visibility')).toBe('cluster-local');
    expect(at('spec', 'template', 'spec', 'containerConcurrency')).toBe(1);
    expect(
      at('spec', 'template', 'metadata', 'annotations', 'autoscaling.knative.dev/max-scale'),
    ).toBe('1');
  });
});
