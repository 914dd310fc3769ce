// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the file's own variables look like that.
/** What a function starts: each row breaks it in one place of `deploy/s.yaml`. */
import { describe, expect, it } from 'vitest';
import {
  type BrokenDeployment,
  expectProblem,
  replaceLast,
} from '../../../test/broken-deployment.ts';
import { checkDeployment } from './check-deployment.ts';

const predictCommand = "command: [serve, --functions, 'predict,studio']";
const feedbackEntry = 'entrypoint: [node, /app/dist/functions-feedback.js]';
const healthPath = 'httpGetUrl: /healthz';
const plainCode = `code: ./feedback
      customRuntimeConfig: {port: 9000, command: [node, index.js]}
      runtime: custom.debian12`;

const rows: readonly BrokenDeployment[] = [
  [
    'a misspelt program',
    '/app/dist/functions-feedback.js',
    'dist/functions/fedback.mjs',
    'entrypoint',
    /no dist\/functions\/fedback\.mjs.*functions-feedback\.js/,
  ],
  [
    'a program by half its path',
    '/app/dist/functions-train.js',
    'functions-train.js',
    'entrypoint',
    /\/app\/dist\/functions-train\.js/,
  ],
  [
    'a program that only an installed package has',
    '[node, /app/dist/cli.js]',
    '[relearn]',
    'entrypoint',
    /node, \/app\/dist\/cli\.js/,
  ],
  ['another command', predictCommand, 'command: [train]', 'command: [train]', /serve/],
  ['no command', `${predictCommand}\n`, '\n', 'entrypoint', /serve/],
  [
    'functions that there are not',
    "'predict,studio'",
    "'predict,studoi'",
    'studoi',
    /predict, feedback, train, studio/,
  ],
  [
    'an option that there is not',
    predictCommand,
    "command: [serve, --function, 'predict,studio']",
    '--function',
    /--function.*--functions/,
  ],
  [
    'an option without its value',
    predictCommand,
    'command: [serve, --functions]',
    '--functions]',
    /--functions/,
  ],
  [
    'a port that the platform does not ask',
    predictCommand,
    "command: [serve, --functions, predict, --port, '8080']",
    '--port',
    /9000/,
  ],
  [
    'an address that only the container reaches',
    predictCommand,
    'command: [serve, --functions, predict, --host, 127.0.0.1]',
    '--host',
    /0\.0\.0\.0/,
  ],
  [
    'words behind a program that takes none',
    feedbackEntry,
    `${feedbackEntry}\n        command: [--functions, feedback]`,
    'command: [--functions',
    /takes no/,
  ],
  ['a health check elsewhere', healthPath, 'httpGetUrl: /health', 'httpGetUrl', /\/healthz/],
  [
    'a health check that waits for a model',
    healthPath,
    'httpGetUrl: /readyz',
    'httpGetUrl',
    /first call/,
  ],
  [
    'a command that is no list',
    predictCommand,
    'command: serve --functions predict',
    'command: serve',
    /list/,
  ],
  [
    'a container without an image',
    '        image: ${vars.image}\n        port: 9000\n        entrypoint: [node, /app/dist/functions-train.js]',
    '        port: 9000\n        entrypoint: [node, /app/dist/functions-train.js]',
    'customContainerConfig',
    /image is missing/,
  ],
  [
    'code without its folder',
    'runtime: custom-container\n      handler: index.handler\n      cpu: 0.5',
    'runtime: custom.debian12\n      handler: index.handler\n      cpu: 0.5',
    'runtime: custom.debian12',
    /code is missing/,
  ],
];

/** The feedback function as a folder of code, whose program is misspelt. */
const asCode = (program: string): string =>
  replaceLast(
    'runtime: custom-container\n      handler: index.handler\n      cpu: 0.5',
    `handler: index.handler\n      cpu: 0.5\n      ${plainCode.replace('index.js', program)}`,
  ).replace(
    / {6}customContainerConfig:\n {8}image: .*\n {8}port: 9000\n {8}entrypoint: .*feedback.*\n {8}healthCheckConfig:\n(?: {10}.*\n)+/,
    '',
  );

describe('the start of a function', () => {
  it.each(rows)('%s', (...row) => expectProblem(...row));

  it('may be the program of the folder of code', () => {
    expect(checkDeployment(asCode('index.js'))).toEqual([]);
  });

  it('may be no other program there', () => {
    expect(checkDeployment(asCode('main.js'))).toMatchObject([
      { problem: expect.stringContaining('main.js'), cure: expect.stringContaining('index.js') },
    ]);
  });

  it('may be left to the image, with its functions among the settings', () => {
    const whole = replaceLast(
      '        entrypoint: [node, /app/dist/functions-train.js]\n',
      '',
    ).replace(
      'RELEARN_STORE: ${vars.store}\n      customContainerConfig',
      'RELEARN_STORE: ${vars.store}\n        RELEARN_FUNCTIONS: train\n      customContainerConfig',
    );
    expect(whole).toContain('RELEARN_FUNCTIONS');
    expect(checkDeployment(whole)).toEqual([]);
  });
});
