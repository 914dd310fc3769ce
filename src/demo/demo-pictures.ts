/** The demo's pictures: painted ones, or the user's own, parted into what comes first and later. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pMap from 'p-map';
import { RelearnError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { LabelledPicture } from '../cli/send-feedback.ts';
import { encodeJpeg } from '../data/decode-image.ts';
import { openPictureSource, type SourcePicture } from '../data/picture-source.ts';
import { type Kind, paintPicture } from './paint-picture.ts';

export interface DemoPictures {
  readonly labels: readonly string[];
  /** What the first model learns from and is judged on. */
  readonly base: readonly LabelledPicture[];
  /** What users send later, with their answer. */
  readonly feedback: readonly LabelledPicture[];
  /** A few that nobody learns from, to ask about. */
  readonly samples: readonly LabelledPicture[];
}

export interface DemoSizes {
  readonly base: number;
  readonly feedback: number;
  readonly samples: number;
}

interface PictureOptions {
  readonly sizes: DemoSizes;
  /** Of a painted picture's side. */
  readonly pixels?: number;
  readonly random: Random;
  readonly signal: AbortSignal;
  onProgress(state: { readonly done: number; readonly total: number }): void;
}

const kinds: readonly Kind[] = ['cat', 'dog'];
const jpegQuality = 90;

const part = (
  labels: readonly string[],
  pictures: readonly LabelledPicture[],
  { base, samples }: DemoSizes,
): DemoPictures => ({
  labels,
  samples: pictures.slice(0, samples),
  base: pictures.slice(samples, samples + base),
  feedback: pictures.slice(samples + base),
});

export const paintDemoPictures = async (options: PictureOptions): Promise<DemoPictures> => {
  const { base, feedback, samples } = options.sizes;
  const total = base + feedback + samples;
  let done = 0;
  const paint = async (number: number): Promise<LabelledPicture> => {
    const label = kinds[number % kinds.length] as Kind;
    const name = `${label}.${number}.jpg`;
    const bytes = await encodeJpeg(
      paintPicture(label, options.random.fork(name), options.pixels),
      jpegQuality,
    );
    options.onProgress({ done: ++done, total });
    return { path: name, label, read: async () => bytes };
  };
  const numbers = Array.from({ length: total }, (_, number) => number);
  // Encoding runs beside the painting of the next picture.
  const pictures = await pMap(numbers, paint, { concurrency: 3, signal: options.signal });
  return part(kinds, pictures, options.sizes);
};

/** Takes the two or more labels as they come, every label in equal number where there are enough. */
export const readDemoPictures = async (
  paths: readonly string[],
  options: PictureOptions,
): Promise<DemoPictures> => {
  const byLabel = new Map<string, SourcePicture[]>();
  for await (const item of openPictureSource(paths)) {
    options.signal.throwIfAborted();
    if ('rejected' in item) continue;
    byLabel.set(item.label, [...(byLabel.get(item.label) ?? []), item]);
  }
  const labels = [...byLabel.keys()].sort();
  const groups = labels.map((label) => options.random.shuffle(byLabel.get(label) ?? []));
  const rounds = Math.min(...groups.map((group) => group.length));
  if (labels.length < 2 || rounds * labels.length < 100) {
    throw new RelearnError(
      'invalid',
      'too_few_pictures',
      `The demo needs at least 100 pictures of two or more labels; it found ${rounds} of each of ${labels.length}.`,
      { hint: 'Give a folder of class folders, or names like cat.1.jpg.' },
    );
  }
  const mixed = Array.from({ length: rounds }, (_, round) =>
    groups.flatMap((group) => group[round] ?? []),
  ).flat();
  const { sizes } = options;
  const taken = mixed.slice(0, sizes.base + sizes.feedback + sizes.samples);
  options.onProgress({ done: taken.length, total: taken.length });
  const scale = taken.length / (sizes.base + sizes.feedback + sizes.samples);
  return part(labels, taken, { ...sizes, base: Math.floor(sizes.base * scale) });
};

/** Lays pictures and a list of them into a folder. @returns the list, for `import` */
export const writePictures = async (
  folder: string,
  pictures: readonly LabelledPicture[],
): Promise<string> => {
  await mkdir(folder, { recursive: true });
  const rows = await pMap(
    pictures.map((picture, index) => ({ picture, name: `${index}.jpg` })),
    async ({ picture, name }) => {
      await writeFile(join(folder, name), await picture.read());
      return JSON.stringify({ path: name, label: picture.label });
    },
    { concurrency: 8 },
  );
  const list = join(folder, 'pictures.jsonl');
  await writeFile(list, `${rows.join('\n')}\n`);
  return list;
};
