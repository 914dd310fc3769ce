/** Files that deploy Relearn elsewhere: told by their look, so that none is taken for a broken one. */

export interface OtherKind {
  readonly problem: string;
  readonly cure: string;
}

const kind = (what: string, command: string): OtherKind => ({
  problem: `This is ${what}, no deployment for Function Compute.`,
  cure: `Name a file for Serverless Devs, such as deploy/s.yaml; what checks this one is ${command}.`,
});

/** First line that says something. */
const firstLine = (text: string): string =>
  text.split('\n').find((line) => line.trim() !== '' && !line.trimStart().startsWith('#')) ?? '';

const kinds: readonly (readonly [looksSo: (text: string) => boolean, kind: OtherKind])[] = [
  [
    (text) => /^(?:FROM|ARG) \S/.test(firstLine(text)) && /^FROM \S/m.test(text),
    kind('a Dockerfile', 'docker build --check'),
  ],
  [
    (text) => /^\[(?:Unit|Service|Install)\]/.test(firstLine(text)),
    kind('a unit of systemd', 'systemd-analyze verify'),
  ],
  [
    (text) => /^apiVersion: /m.test(text) && /^kind: /m.test(text),
    kind('a manifest for Kubernetes or Knative', 'kubectl apply --dry-run=server'),
  ],
  [
    (text) =>
      /^services:/m.test(text) &&
      /^ +(?:image|build|environment):/m.test(text) &&
      !/^\s*(?:component|edition):/m.test(text),
    kind('a file for Docker Compose', 'docker compose config'),
  ],
];

/** @returns undefined where the file may well be a deployment for Function Compute */
export const otherKindOf = (text: string): OtherKind | undefined =>
  kinds.find(([looksSo]) => looksSo(text))?.[1];
