import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tarEnd, tarEntry } from './tar.ts';

it('writes what tar itself unpacks, byte for byte, and the same archive every time', () => {
  const files = [
    ['a.jpg', Buffer.from(Array.from({ length: 1025 }, (_, i) => i % 256))],
    ['a.cls', Buffer.from('1')],
    [`${'x'.repeat(96)}.cls`, Buffer.alloc(512, 7)],
    ['empty.txt', Buffer.alloc(0)],
  ] as const;
  const archive = () =>
    Buffer.concat([...files.map(([name, data]) => tarEntry(name, data)), tarEnd]);
  expect(archive()).toEqual(archive());
  const folder = mkdtempSync(join(tmpdir(), 'relearn-tar-'));
  try {
    writeFileSync(join(folder, 'all.tar'), archive());
    execFileSync('tar', ['xf', 'all.tar'], { cwd: folder });
    for (const [name, data] of files) expect(readFileSync(join(folder, name))).toEqual(data);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('refuses names that the format has no place for', () => {
  expect(() => tarEntry('x'.repeat(101), new Uint8Array())).toThrow(RangeError);
  expect(() => tarEntry('Katze ü', new Uint8Array())).toThrow(RangeError);
});
