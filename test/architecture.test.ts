/**
 * The floors of the house. Every import of every source file is read, values by esbuild's bundler
 * and types by their statements, and held against ARCHITECTURE.md.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Lowest first: a floor imports itself and those before it. */
const floors: readonly (readonly [path: string, purpose: string])[] = [
  ['src/base/', 'base holds what every program needs and knows nothing of pictures or models'],
  ['src/formats/', 'formats turns bytes into values and knows nothing of where bytes come from'],
  ['src/engine/tensor/', 'tensor holds shapes and numbers and knows no graph'],
  ['src/engine/graph/', 'graph describes a computation and knows nothing of gradients or running'],
  ['src/engine/onnx/', 'onnx reads and writes graphs as files and knows nothing of gradients'],
  ['src/engine/autodiff/', 'autodiff turns a graph into its gradient graph and runs nothing'],
  ['src/engine/passes/', 'passes rewrite graphs into equal ones and know no network'],
  ['src/engine/nn/', 'nn builds networks out of graphs and runs nothing'],
  ['src/engine/export/', 'export rewrites model files and runs nothing'],
  ['src/engine/runtime/', 'runtime runs graphs; the engine never sees a bucket'],
  ['src/storage/', 'storage keeps bytes under keys and knows nothing of what they mean'],
  ['src/hub/', 'hub brings one file of a model hub and knows nothing of what is in it'],
  ['src/records/', 'records says what is stored and never sees a gradient'],
  ['src/data/', 'data brings pictures to the trainer and knows nothing of training'],
  ['src/training/', 'training fits a model to data and knows nothing of champions'],
  ['src/registry/', 'registry decides which version counts and trains nothing'],
  ['src/loop/', 'loop joins the verbs over one store and knows no way in'],
  ['src/index.ts', 'index is the library: the loop by its public names'],
  ['src/http/', 'http speaks for the loop and decides nothing itself'],
  ['src/functions/', 'functions are thin entrances for hosts that start one verb each'],
  ['src/cli/', 'cli is an entrance; nothing below depends on it'],
];

interface Import {
  readonly from: string;
  readonly to: string;
  readonly kind: 'static' | 'dynamic' | 'type';
}

const byEsbuild = {
  'import-statement': 'static',
  'require-call': 'static',
  'dynamic-import': 'dynamic',
} as const;

const readModules = async (): Promise<{
  readonly files: readonly string[];
  readonly values: readonly Import[];
}> => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/**/*.ts'],
    outdir: 'unwritten',
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'silent',
  });
  const values = Object.entries(metafile.inputs).flatMap(([from, input]) =>
    input.imports.flatMap(({ path, kind }) => {
      const known = byEsbuild[kind as keyof typeof byEsbuild];
      return known ? [{ from, to: path, kind: known }] : [];
    }),
  );
  const files = Object.keys(metafile.inputs).filter((file) => file.startsWith('src/'));
  return { files, values: values.filter(({ from }) => from.startsWith('src/')) };
};

const typeStatement = /^(?:import|export) type [^'"]*? from '(\.[^']+)';/gms;

const readTypeImports = async (files: readonly string[]): Promise<readonly Import[]> => {
  const lists = await Promise.all(
    files.map(async (from) => {
      const source = await readFile(join(root, from), 'utf8');
      return [...source.matchAll(typeStatement)].map(
        ([, path]): Import => ({
          from,
          to: normalize(join(dirname(from), path ?? '')),
          kind: 'type',
        }),
      );
    }),
  );
  return lists.flat();
};

const isTest = (file: string) => file.endsWith('.test.ts');
/** The demo is a long command: it stands on the command line's floor. */
const floorOf = (file: string): number =>
  floors.findIndex(([path]) => file.replace(/^src\/demo\//, 'src/cli/').startsWith(path));

let files: readonly string[] = [];
let imports: readonly Import[] = [];

beforeAll(async () => {
  const modules = await readModules();
  files = modules.files;
  imports = [...modules.values, ...(await readTypeImports(files))];
});

/** Every file that one of these reaches by static value imports, with the way there. */
const reach = (entries: readonly string[]): ReadonlyMap<string, string> => {
  const ways = new Map(entries.map((entry) => [entry, entry]));
  const queue = [...entries];
  for (const file of queue) {
    for (const { from, to, kind } of imports) {
      if (from !== file || kind !== 'static' || ways.has(to)) continue;
      ways.set(to, `${ways.get(file)} → ${to}`);
      queue.push(to);
    }
  }
  return ways;
};

/** Source files, tests left out, whose text matches: for what can hide from an import's list. */
const filesThatSay = async (text: RegExp): Promise<readonly string[]> => {
  const own = files.filter((file) => !isTest(file));
  const sources = await Promise.all(own.map((file) => readFile(join(root, file), 'utf8')));
  return own.filter((_, index) => text.test(sources[index] ?? ''));
};

describe('the floors', () => {
  it('places every source file on a floor', () => {
    expect(files.filter((file) => floorOf(file) < 0)).toEqual([]);
    expect(files.length).toBeGreaterThan(50);
  });

  it('a lower floor never imports a higher one', () => {
    const wrong = imports.flatMap(({ from, to, kind }) => {
      const [lower, higher] = [floorOf(from), floorOf(to)];
      // Plain records may be named, not used, below their floor: they are only shapes.
      const onlyNamed = kind === 'type' && to.startsWith('src/records/');
      if (isTest(from) || higher < 0 || higher <= lower || onlyNamed) return [];
      return [`${from} imports ${to}, but ${floors[lower]?.[1]}`];
    });
    expect(wrong).toEqual([]);
  });

  it('no imports go in a circle (types may name each other)', () => {
    const done = new Set<string>();
    const walk = (file: string, path: readonly string[]): readonly string[] => {
      if (path.includes(file)) return [[...path.slice(path.indexOf(file)), file].join(' → ')];
      if (done.has(file)) return [];
      const targets = imports.filter(({ from, kind }) => from === file && kind !== 'type');
      const circles = targets.flatMap(({ to }) => walk(to, [...path, file]));
      done.add(file);
      return circles;
    };
    expect(files.flatMap((file) => walk(file, []))).toEqual([]);
  });
});

describe('who may hold what', () => {
  it('only engine/runtime runs ONNX Runtime', async () => {
    const users = await filesThatSay(/['"]onnxruntime-node['"]/);
    expect(users).not.toEqual([]);
    expect(users.filter((file) => !file.startsWith('src/engine/runtime/'))).toEqual([]);
  });

  it('only data/decode-image opens pictures with sharp', async () => {
    expect(await filesThatSay(/['"]sharp['"]/)).toEqual(['src/data/decode-image.ts']);
  });

  it('the environment is read at the entrances only', async () => {
    // The trainer's parent reads nothing: it hands the environment on to the child it starts.
    // Telemetry is switched off by a variable that must be set where the library is loaded.
    const allowed = [
      'src/cli/main.ts',
      'src/functions/',
      'src/loop/training/training-child.ts',
      'src/loop/training/fork-trainer.ts',
      'src/engine/runtime/disable-telemetry.ts',
    ];
    const readers = await filesThatSay(/\bprocess\.env\b/);
    expect(readers.filter((file) => !allowed.some((path) => file.startsWith(path)))).toEqual([]);
  });

  it('time and chance come in through the door', async () => {
    const doors = ['src/base/clock.ts', 'src/base/random.ts'];
    const users = await filesThatSay(/\b(Date\.now|performance\.now|Math\.random)\(/);
    expect(users.filter((file) => !doors.includes(file))).toEqual([]);
  });
});

describe('what an entrance loads', () => {
  it('functions/feedback reaches no engine: it answers cold in a small instance', () => {
    const reached = reach(['src/functions/feedback.ts']);
    expect(reached.size).toBeGreaterThan(1);
    expect([...reached].filter(([file]) => file.startsWith('src/engine/'))).toEqual([]);
    expect(reached.has('onnxruntime-node')).toBe(false);
  });

  it('no entrance loads the client of a bucket before a bucket is named', () => {
    const entrances = files.filter((file) => /^src\/(functions|cli)\//.test(file) && !isTest(file));
    const reached = [...reach(['src/index.ts', ...entrances]).keys()];
    expect(reached).toContain('src/storage/open-store.ts');
    const clients = /^(src\/storage\/bucket\/open-bucket|aws4$|p-retry$|@rgrove\/|@aws-sdk\/)/;
    expect(reached.filter((file) => clients.test(file))).toEqual([]);
  });

  it('no entrance loads the client of a model hub before a file of one is named', () => {
    const entrances = files.filter((file) => /^src\/(functions|cli)\//.test(file) && !isTest(file));
    const reached = [...reach(['src/index.ts', ...entrances]).keys()];
    expect(reached).toContain('src/hub/hub-name.ts');
    expect(reached.filter((file) => /^@huggingface\/|fetch-hub-file/.test(file))).toEqual([]);
  });

  it('functions/predict reaches neither autodiff nor training: it only answers', () => {
    const reached = reach(['src/functions/predict.ts']);
    expect(reached.size).toBeGreaterThan(1);
    expect(
      [...reached].filter(([file]) => /^src\/(engine\/(autodiff|nn)|training)\//.test(file)),
    ).toEqual([]);
  });

  it('the command line loads no command before it is called', () => {
    const reached = [...reach(['src/cli/main.ts']).keys()];
    expect(
      reached.filter((file) => /^src\/(cli\/commands|http|loop|engine|data|demo)\//.test(file)),
    ).toEqual([]);
  });
});
