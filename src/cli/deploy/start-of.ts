/** What a function of a deployment file starts, read as the image and the program would read it. */
import { Command, CommanderError } from 'commander';
import { isRelearnError } from '../../base/errors.ts';
import { functionNames } from '../../http/app-context.ts';
import { parseFunctions } from '../../http/environment.ts';
import { nearestWord } from '../nearest-word.ts';
import { addServeOptions, type ServeOptions } from '../serve-options.ts';
import { isRecord, valueAt } from './yaml-values.ts';

interface Wrong {
  /** Below props. */
  readonly path: string;
  readonly problem: string;
  readonly cure: string;
}

/** `--store` may stand among the words too. */
interface StartOptions extends ServeOptions {
  readonly store?: string;
}

export interface Start {
  /** What it serves. */
  readonly serves: readonly string[];
  readonly options: StartOptions;
  /** Where the words stand: below props. */
  readonly path: string;
  readonly wrong: readonly Wrong[];
}

const cli = '/app/dist/cli.js';

/** Programs of the image, and what each serves by itself. */
const imagePrograms: Readonly<Record<string, readonly string[] | null>> = {
  [cli]: null,
  '/app/dist/functions-predict.js': ['predict'],
  '/app/dist/functions-feedback.js': ['feedback'],
  '/app/dist/functions-train.js': ['train'],
};

/** Of the folder that `npm run package:feedback` lays out, which the platform puts into /code. */
const codePrograms: Readonly<Record<string, readonly string[] | null>> = Object.fromEntries(
  ['index.js', './index.js', '/code/index.js', 'bootstrap', './bootstrap', '/code/bootstrap'].map(
    (name) => [name, ['feedback']],
  ),
);

const lastPart = (path: string): string => path.split('/').at(-1) ?? '';

/** The program that was meant: by its name, else by its last letters. */
const meant = (word: string, programs: readonly string[]): string => {
  const names = programs.map(lastPart);
  const near =
    nearestWord(lastPart(word), names) ?? nearestWord(`functions-${lastPart(word)}`, names);
  return programs[names.indexOf(near ?? '')] ?? programs.join(', ');
};

const wordsAt = (props: unknown, path: string): readonly string[] | undefined => {
  const value = valueAt(props, path.split('.'));
  return Array.isArray(value) ? value.map(String) : undefined;
};

/** Reads the arguments of `relearn` as it would itself. */
const readArguments = (
  words: readonly string[],
): {
  readonly operands: readonly string[];
  readonly options: StartOptions;
  readonly wrong?: string;
} => {
  const command = addServeOptions(new Command('serve'))
    .option('--store <URL>')
    .option('--json')
    .option('--quiet')
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  try {
    const { operands, unknown } = command.parseOptions([...words]);
    const options = command.opts<StartOptions>();
    const [option] = unknown;
    if (option === undefined) return { operands, options };
    const known = command.options.flatMap(({ long }) => (long ? [long] : []));
    const near = nearestWord(option, known);
    return {
      operands,
      options,
      wrong: `${option} is no option of serve${near ? `; ${near} is` : ''}.`,
    };
  } catch (error) {
    if (isRelearnError(error) || error instanceof CommanderError) {
      const hint = isRelearnError(error) ? ` ${error.hint}` : '';
      return {
        operands: ['serve'],
        options: {},
        wrong: `${error.message.replace(/^error: /, '')}${hint}`,
      };
    }
    throw error;
  }
};

const servedByCli = (options: StartOptions, environment: unknown): readonly string[] => {
  const named = valueAt(environment, ['RELEARN_FUNCTIONS']);
  if (options.functions) return options.functions;
  if (typeof named !== 'string') return functionNames;
  try {
    return parseFunctions(named);
  } catch {
    // Told where settings are checked.
    return functionNames;
  }
};

export const startOf = (props: Readonly<Record<string, unknown>>): Start => {
  const isContainer = isRecord(props.customContainerConfig);
  const keys = isContainer
    ? ['customContainerConfig.entrypoint', 'customContainerConfig.command']
    : ['customRuntimeConfig.command', 'customRuntimeConfig.args'];
  const [first = '', second = ''] = keys;
  const entry = wordsAt(props, first);
  const rest = wordsAt(props, second);
  // Whoever names an entrypoint gets none of the image's own words.
  const words = isContainer
    ? [...(entry ?? ['node', cli]), ...(rest ?? (entry ? [] : ['serve']))]
    : [...(entry ?? ['bootstrap']), ...(rest ?? [])];
  const path = entry ? first : rest ? second : isContainer ? 'customContainerConfig' : '';
  const programs = isContainer ? imagePrograms : codePrograms;
  const word =
    words.find((one) => Object.hasOwn(programs, one)) ??
    words.find((one) => /\.[cm]?[jt]s$/.test(one)) ??
    words[0] ??
    '';
  if (!Object.hasOwn(programs, word))
    return {
      serves: functionNames.filter((name) => lastPart(word).includes(name)),
      options: {},
      path,
      wrong: [
        {
          path,
          problem: `${isContainer ? 'The image' : 'The folder of code'} has no ${word} to start.`,
          cure: `Write ${isContainer ? `[node, ${meant(word, Object.keys(programs))}]` : 'index.js, which npm run package:feedback lays out'}.`,
        },
      ],
    };
  const own = programs[word] ?? null;
  const after = words.slice(words.indexOf(word) + 1);
  const argumentsPath = rest ? second : path;
  if (own)
    return {
      serves: own,
      options: {},
      path: argumentsPath,
      wrong:
        after.length === 0
          ? []
          : [
              {
                path: argumentsPath,
                problem: `${word} takes no words behind it.`,
                cure: 'Leave them out; environmentVariables holds its settings.',
              },
            ],
    };
  const { operands, options, wrong } = readArguments(after);
  const isServe = operands.length === 1 && operands[0] === 'serve';
  return {
    serves: isServe ? servedByCli(options, props.environmentVariables) : [],
    options,
    path: argumentsPath,
    wrong: [
      ...(isServe
        ? []
        : [
            {
              path: argumentsPath,
              problem: `The function starts \`${['relearn', ...operands].join(' ')}\`, which serves nothing.`,
              cure: "Write command: [serve, --functions, 'predict,studio'].",
            },
          ]),
      ...(wrong
        ? [
            {
              path: argumentsPath,
              problem: wrong,
              cure: 'relearn serve --help shows what it takes.',
            },
          ]
        : []),
    ],
  };
};
