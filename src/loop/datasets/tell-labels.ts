/**
 * Says where the labels of an import came from where that could be a mistake: a folder whose name is
 * no label, and a folder that contradicts the names in it.
 */
import { basename } from 'node:path';
import { counted } from '../../base/counted.ts';
import type { SourceItem, SourcePicture } from '../../data/picture-source.ts';
import { findLabel } from '../../records/resolve-label.ts';
import type { Settings } from '../../records/settings.ts';
import type { Log } from '../components.ts';

const mostNamed = 3;

interface Tell {
  /** Told what is worth knowing. */
  onLine?(line: string): void;
  /** Told what is probably wrong. */
  readonly log: Log;
}

const pictures = (count: number): string => counted(count, 'picture');

/** Hands the items on and speaks at the end. */
export async function* tellLabels(
  source: AsyncIterable<SourceItem>,
  settings: Settings,
  { onLine, log }: Tell,
): AsyncGenerator<SourceItem> {
  const byName = { count: 0, folders: new Set<string>() };
  const contradicting: { count: number; first?: SourcePicture } = { count: 0 };
  for await (const item of source) {
    if ('label' in item && item.named !== undefined && item.folder !== undefined) {
      const [own, folders] = [item.named, item.folder].map((name) => findLabel(settings, name));
      if (own && folders && own.id !== folders.id) {
        contradicting.count++;
        contradicting.first ??= item;
      }
      if (own && !folders && item.folder !== '') {
        byName.count++;
        byName.folders.add(item.folder);
      }
    }
    yield item;
  }
  const { count, first } = contradicting;
  if (first) {
    const one = `${first.folder}/${basename(first.path)} is ${first.label}`;
    log(
      'warn',
      `${pictures(count)} named as one label in the folder of another: the folder decides, so ${one}. Sort them anew where the names are right.`,
    );
  }
  if (byName.count > 0) {
    const folders = [...byName.folders];
    const more = folders.length > mostNamed ? ', …' : '';
    onLine?.(
      `${pictures(byName.count)} in ${folders.slice(0, mostNamed).join(', ')}${more}: the names decide (label.N.jpg), no label is called like the folder.`,
    );
  }
}
