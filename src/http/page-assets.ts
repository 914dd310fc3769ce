/**
 * The built page, read into memory once. Requests choose among these files by exact name only, so
 * no request text ever becomes a path.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';

export interface PageAsset {
  readonly bytes: Buffer;
  readonly type: string;
  /** The build puts a content hash into the names of everything but the document. */
  readonly immutable: boolean;
}

/** URL path → file; `/` is the document. */
export type PageAssets = ReadonlyMap<string, PageAsset>;

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** @returns undefined where the folder is not there, as in a tree that was never built */
export const readPageAssets = (folder: string): PageAssets | undefined => {
  const names = listFiles(folder);
  if (names === undefined) return undefined;
  const assets = new Map<string, PageAsset>();
  for (const name of names) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    const path = name === 'index.html' ? '/' : `/${name.split(sep).join('/')}`;
    const bytes = readFileSync(join(folder, name));
    assets.set(path, { bytes, type, immutable: path !== '/' });
  }
  return assets;
};

const listFiles = (folder: string): string[] | undefined => {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return undefined;
  }
};
