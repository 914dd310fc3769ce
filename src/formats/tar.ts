/** Tar archives as POSIX.1-1988 (ustar) has them: what WebDataset shards are. Writing only. */

const block = 512;

const octal = (number: number, digits: number): string =>
  `${number.toString(8).padStart(digits, '0')}\0`;

const padded = (size: number): number => Math.ceil(size / block) * block;

/**
 * One file, with its header and padding. No time and no owner: same files, same archive.
 * @param name ASCII, at most 100 bytes
 * @throws RangeError where the name or the file is too long for the format
 */
export const tarEntry = (name: string, data: Uint8Array): Uint8Array => {
  if (!/^[\x21-\x7e]{1,100}$/.test(name) || data.length >= 8 ** 11)
    throw new RangeError(`${name} does not fit into a tar archive`);
  const entry = Buffer.alloc(block + padded(data.length));
  entry.write(name, 0, 'latin1');
  entry.write(octal(0o644, 7), 100, 'latin1');
  entry.write(octal(0, 7), 108, 'latin1');
  entry.write(octal(0, 7), 116, 'latin1');
  entry.write(octal(data.length, 11), 124, 'latin1');
  entry.write(octal(0, 11), 136, 'latin1');
  // The checksum is counted with spaces in its own place.
  entry.fill(' ', 148, 156);
  entry.write('0', 156, 'latin1');
  entry.write('ustar\u000000', 257, 'latin1');
  const sum = entry.subarray(0, block).reduce((total, byte) => total + byte, 0);
  entry.write(`${octal(sum, 6)} `, 148, 'latin1');
  entry.set(data, block);
  return entry;
};

/** What an archive ends with. */
export const tarEnd: Uint8Array = new Uint8Array(2 * block);
