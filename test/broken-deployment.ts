/** Breaks `deploy/s.yaml` in one place, and finds the problem that the check has with it. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { checkDeployment } from '../src/cli/deploy/check-deployment.ts';

export const goodDeployment = readFileSync(new URL('../deploy/s.yaml', import.meta.url), 'utf8');

/** What is replaced (at its last place), by what, where the problem is found, and what it says. */
export type BrokenDeployment = readonly [
  name: string,
  from: string,
  to: string,
  at: string,
  problem: RegExp,
];

export const replaceLast = (from: string, to: string): string => {
  const place = goodDeployment.lastIndexOf(from);
  expect(place, `deploy/s.yaml holds no ${from}`).toBeGreaterThan(0);
  return goodDeployment.slice(0, place) + to + goodDeployment.slice(place + from.length);
};

/** Of a test that runs for each row. */
export const expectProblem = (...[, from, to, at, expected]: BrokenDeployment): void => {
  const broken = replaceLast(from, to);
  const problems = checkDeployment(broken);
  const found = problems.find(({ problem, cure }) => expected.test(`${problem} ${cure}`));
  expect(found, JSON.stringify(problems, null, 1)).toBeDefined();
  expect(found?.cure).not.toBe('');
  const line = broken.split('\n')[(found?.line ?? 0) - 1];
  expect(`${found?.line}: ${line}`).toContain(at);
};
