/** The project's own files for other hosts, and s.yaml, which is none of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkDeployment } from './check-deployment.ts';
import { otherKindOf } from './other-kinds.ts';

const read = (name: string) =>
  readFileSync(new URL(`../../../deploy/${name}`, import.meta.url), 'utf8');

describe('a file that deploys elsewhere', () => {
  it.each([
    ['Dockerfile', /Dockerfile/, /docker build --check/],
    ['compose.yaml', /Docker Compose/, /docker compose config/],
    ['compose.s3.yaml', /Docker Compose/, /docker compose config/],
    ['knative/services.yaml', /Knative/, /kubectl/],
    ['knative/events.yaml', /Knative/, /kubectl/],
    ['relearn.service', /systemd/, /systemd-analyze/],
  ])('%s is told in one line, with what checks it', (name, problem, cure) => {
    expect(checkDeployment(read(name))).toEqual([
      {
        line: 1,
        where: '',
        problem: expect.stringMatching(problem),
        cure: expect.stringMatching(cure),
      },
    ]);
  });

  it('is nothing that deploys on Function Compute', () => {
    expect(otherKindOf(read('s.yaml'))).toBeUndefined();
    const version2 = 'edition: 1.0.0\nservices:\n  a:\n    component: fc\n    props: {image: x}\n';
    expect(otherKindOf(version2)).toBeUndefined();
    expect(otherKindOf('')).toBeUndefined();
  });

  it('has a row here for each file of deploy/', () => {
    const files = readdirSync(new URL('../../../deploy/', import.meta.url))
      .filter((name) => !['README.md', 's.yaml', 'knative', 'feedback'].includes(name))
      .sort();
    expect(files).toEqual(['Dockerfile', 'compose.s3.yaml', 'compose.yaml', 'relearn.service']);
  });
});
