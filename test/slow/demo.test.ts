/** The demo as a newcomer starts it: it tells a story on stderr, a result on stdout, and tidies up. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

it('relearn demo --once plays the loop and the server answers with the better model', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-demo-test-'));
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [cli, 'demo', '--once', '--json'],
    // The variable is the program's own business: without it ONNX Runtime would leave traces here.
    { env: { ...process.env, TMPDIR: folder, ORT_DISABLE_TELEMETRY: undefined } },
  );
  const { before, after, gate, seconds } = JSON.parse(stdout);
  expect(gate.verdict).toBe('promote');
  // Mediocre at first, clearly better after: measured on the same pictures.
  expect(before.accuracy).toBeLessThan(0.88);
  expect(after.accuracy).toBeGreaterThan(before.accuracy + 0.03);
  expect(after.n).toBe(before.n);
  expect(seconds).toBeGreaterThan(1);
  for (const step of ['Draw', 'Import', 'Train', 'Serve', 'Predict', 'Feedback', 'Retrain']) {
    expect(stderr).toMatch(new RegExp(`^ \\d {2}${step}`, 'm'));
  }
  expect(stderr).toContain('now it answers with version 2');
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});
