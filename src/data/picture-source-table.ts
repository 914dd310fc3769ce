/**
 * Tables of path and label, as CSV or one JSON object a line. Paths are relative to the table. A row
 * that can't be used is reported with its line and does not stop the rest.
 */
import { createReadStream } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { parse } from 'csv-parse';
import { parseKaggleName } from '../formats/kaggle-name.ts';
import {
  type PictureSourceOptions,
  readPictureFile,
  type SourceItem,
  wanted,
} from './source-picture.ts';

const maxRowBytes = 64 * 1024;
const pathNames = ['path', 'file', 'filename', 'image', 'picture'];
const labelNames = ['label', 'class', 'target'];

const columnOf = (header: readonly string[], names: readonly string[]): number =>
  header.findIndex((cell) => names.includes(cell.trim().toLowerCase()));

function* rowItem(
  table: string,
  line: number,
  path: unknown,
  label: unknown,
  { ids }: PictureSourceOptions,
): Generator<SourceItem> {
  const text = (value: unknown) => (typeof value === 'string' ? value.trim() : '');
  const file = text(path);
  const name = text(label);
  if (file === '' || name === '' || file.includes('\0')) {
    yield { path: `${table}:${line}`, rejected: 'the row has no path or no label' };
    return;
  }
  const id = parseKaggleName(basename(file))?.id;
  if (!wanted(id, ids)) return;
  const place = resolve(dirname(table), file);
  const picture = { path: place, label: name, read: () => readPictureFile(place) };
  yield id === undefined ? picture : { ...picture, id };
}

/** The first row is a header where it names both columns; else the columns are path, label. */
export async function* readCsvTable(
  path: string,
  options: PictureSourceOptions,
): AsyncGenerator<SourceItem> {
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: maxRowBytes,
  });
  const input = createReadStream(path);
  input.on('error', (error) => parser.destroy(error));
  let columns: readonly [number, number] | undefined;
  let line = 0;
  try {
    for await (const { record, info } of input.pipe(parser)) {
      line = info.lines;
      const cells = record as readonly string[];
      if (columns === undefined) {
        const header = [columnOf(cells, pathNames), columnOf(cells, labelNames)] as const;
        const isHeader = header[0] >= 0 && header[1] >= 0;
        columns = isHeader ? header : [0, 1];
        if (isHeader) continue;
      }
      yield* rowItem(path, line, cells[columns[0]], cells[columns[1]], options);
    }
  } catch {
    yield { path: `${path}:${line + 1}`, rejected: 'the table is not CSV from this row on' };
  } finally {
    input.destroy();
  }
}

export async function* readJsonLinesTable(
  path: string,
  options: PictureSourceOptions,
): AsyncGenerator<SourceItem> {
  let line = 0;
  for await (const text of linesOf(createReadStream(path, 'utf8'))) {
    line++;
    if (text === undefined) yield { path: `${path}:${line}`, rejected: 'the line is too long' };
    else if (text.trim() !== '') {
      const row = parseObject(text);
      if (row === undefined) yield { path: `${path}:${line}`, rejected: 'the line is not JSON' };
      else yield* rowItem(path, line, pick(row, pathNames), pick(row, labelNames), options);
    }
  }
}

const parseObject = (text: string): object | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
};

const pick = (row: object, names: readonly string[]): unknown =>
  new Map(Object.entries(row)).get(names.find((name) => Object.hasOwn(row, name)) ?? '');

/** Lines of a text; undefined stands for one that is longer than a row may be. */
async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string | undefined> {
  let held = '';
  let skipping = false;
  for await (const chunk of chunks) {
    const parts = (held + chunk).split('\n');
    held = parts.pop() ?? '';
    for (const part of parts) {
      yield skipping || part.length > maxRowBytes ? undefined : part;
      skipping = false;
    }
    if (held.length > maxRowBytes) {
      held = '';
      skipping = true;
    }
  }
  if (held !== '' || skipping) yield skipping ? undefined : held;
}
