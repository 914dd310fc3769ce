/** The two ways in which the hub says what a file holds. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

export interface Checksum {
  /** `sha256`: of a large file's bytes. `git`: Git's SHA-1 of a small file, which hashes its size first. */
  readonly kind: 'sha256' | 'git';
  /** Lower-case hex. */
  readonly hex: string;
}

const begin: Readonly<Record<Checksum['kind'], (size: number) => Hash>> = {
  sha256: () => createHash('sha256'),
  git: (size) => createHash('sha1').update(`blob ${size}\0`),
};

/** @param size bytes in the file */
export const matchesChecksum = async (
  path: string,
  size: number,
  { kind, hex }: Checksum,
): Promise<boolean> => {
  const hash = begin[kind](size);
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex') === hex;
};
