import { expect, it } from 'vitest';
import type { SourceItem } from '../../data/picture-source.ts';
import { chooseLabel } from '../../data/source-picture.ts';
import { createSettings } from '../../records/create-settings.ts';
import { findLabel } from '../../records/resolve-label.ts';
import { tellLabels } from './tell-labels.ts';

const settings = createSettings({ labels: ['cat', 'dog'] });
const knowsLabel = (name: string) => findLabel(settings, name) !== undefined;

const tell = async (paths: readonly string[]) => {
  const warnings: string[] = [];
  const lines: string[] = [];
  const source = async function* (): AsyncGenerator<SourceItem> {
    for (const path of paths) {
      const [file = '', folder = ''] = path.split('/').reverse();
      yield { path, ...chooseLabel(file, folder, { knowsLabel }), read: () => Promise.reject() };
    }
  };
  const log = (_: string, message: string) => void warnings.push(message);
  const told = tellLabels(source(), settings, { log, onLine: (line) => void lines.push(line) });
  const labels: string[] = [];
  for await (const item of told) if ('label' in item) labels.push(item.label);
  return { labels, lines, warnings };
};

it.each([
  ['class folders', ['cat/a.jpg', 'dogs/b.jpg']],
  ['folders and names that agree', ['cats/cat.1.jpg', 'dog/dogs.2.jpg']],
  ['names in no folder', ['cat.1.jpg', 'dog.2.jpg']],
  ['a folder and names of things that are no labels', ['wolf/fox.1.jpg']],
])('says nothing of %s', async (_, paths) => {
  expect(await tell(paths)).toMatchObject({ lines: [], warnings: [] });
});

it('tells of names in folders that are no label', async () => {
  expect(await tell(['wolf/dog.1.jpg', 'train/cat.2.jpg', 'cat/a.jpg'])).toEqual({
    labels: ['dog', 'cat', 'cat'],
    lines: [expect.stringMatching(/^2 pictures in wolf, train: the names decide/)],
    warnings: [],
  });
});

it('warns of a folder that contradicts the names in it, and goes by the folder', async () => {
  expect(await tell(['cat/dog.1.jpg', 'cat/cat.2.jpg'])).toEqual({
    labels: ['cat', 'cat'],
    lines: [],
    warnings: [expect.stringMatching(/^1 picture named .* so cat\/dog\.1\.jpg is cat\./)],
  });
});

it('names a few of many folders', async () => {
  const { lines } = await tell(['a', 'b', 'c', 'd'].map((folder) => `${folder}/dog.1.jpg`));
  expect(lines).toEqual([expect.stringContaining('4 pictures in a, b, c, …:')]);
});
