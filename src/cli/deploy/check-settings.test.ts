// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the file's own variables look like that.
/** Settings of the program in a deployment file: each row breaks one of `deploy/s.yaml`. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type BrokenDeployment,
  expectProblem,
  replaceLast,
} from '../../../test/broken-deployment.ts';
import { checkDeployment } from './check-deployment.ts';
import { settingNames } from './check-settings.ts';

const place = '# RELEARN_ANONYMOUS: feedback';
const set = (line: string, problem: RegExp, name: string): BrokenDeployment => [
  name,
  place,
  line,
  line.split(':')[0] ?? '',
  problem,
];

const rows: readonly BrokenDeployment[] = [
  set('RELEARN_ANONYMUS: feedback', /RELEARN_ANONYMOUS/, 'a misspelt name'),
  set('RELEARN_FIRSTMODEL: /m.onnx', /RELEARN_FIRST_MODEL/, 'a name without its underscore'),
  set('RELEARN_TELEMETRY: off', /no setting/, 'a name that there is not'),
  set("RELEARN_FUNCTIONS: 'feedbak'", /predict, feedback, train, studio/, 'unknown functions'),
  set('RELEARN_ANONYMOUS: everything', /everything/, 'an unknown scope'),
  set('RELEARN_LOG_LEVEL: loud', /trace, debug/, 'an unknown log level'),
  set("RELEARN_THREADS: 'many'", /whole number/, 'threads that are no number'),
  set("RELEARN_RATE_LIMIT: '-1'", /whole number/, 'a limit below nothing'),
  set('RELEARN_HOST: 127.0.0.1', /0\.0\.0\.0/, 'an address that only the container reaches'),
  set('RELEARN_THREADS: 2', /quotes.*'2'/, 'a number where the platform takes texts'),
  set('RELEARN_DEBUG: true', /quotes.*'true'/, 'a yes where the platform takes texts'),
  [
    'nobody who may ask',
    "RELEARN_KEYS: ${env('RELEARN_KEYS')}",
    'OTHER: x',
    'environmentVariables',
    /RELEARN_KEYS/,
  ],
];

describe('settings in a deployment file', () => {
  it.each(rows)('%s', (...row) => expectProblem(...row));

  it('may be taken from the environment of the tool that deploys', () => {
    expect(checkDeployment(replaceLast(place, "RELEARN_THREADS: ${env('THREADS')}"))).toEqual([]);
  });

  it('may be nothing of ours', () => {
    expect(checkDeployment(replaceLast(place, 'TZ: Asia/Shanghai'))).toEqual([]);
  });

  it('are all that the program reads', () => {
    const source = new URL('../../', import.meta.url);
    const read = readdirSync(source, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .filter((name) => !name.includes('check-settings'))
      .flatMap((name) =>
        readFileSync(new URL(name, source), 'utf8').match(/(?<=env\.)RELEARN_[A-Z_]+/g),
      );
    const names = [...new Set(read.filter((name) => name !== null))].sort();
    expect([...settingNames].sort()).toEqual(names);
  });
});
