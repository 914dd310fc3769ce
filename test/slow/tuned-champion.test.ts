/**
 * A server's own training of a fine-tuned champion: feedback over HTTP reaches the threshold, and what
 * comes of it looks at mirror images and lets the same last blocks learn, without anybody asking.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { VersionDetails } from '../../src/loop/relearn-api.ts';
import type { ModelsReport, PredictionReport, TrainReport } from '../../src/records/reports.ts';
import { dataUrl, makeFolder, makePicture } from '../integration/pictures.ts';
import { endAll, relearnJson, serve, until } from '../integration/program.ts';
import { sharedData } from '../shared-data.ts';

if (!sharedData) console.log('skipped: the networks and pictures of ../shared/data are not there');

const threshold = 20;
const network = join(sharedData ?? '', 'backbones', 'squeezenet1.1.onnx');
const pictures = join(sharedData ?? '', 'dogs-vs-cats');
let folder: Awaited<ReturnType<typeof makeFolder>>;

beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(async () => {
  await endAll();
  await folder.remove();
});

test.runIf(sharedData)('a server goes on as its champion was trained', async () => {
  const store = join(folder.path, 'store');
  await relearnJson(
    ...['init', '--store', store, '--labels', 'cat,dog', '--architecture', network],
    ...['--threshold', `${threshold}`, '--holdout', '0.3', '--validation', '0.2'],
  );
  await relearnJson('import', pictures, '--ids', '0-149', '--store', store);
  const first = await relearnJson<TrainReport>(
    ...['train', '--fine-tune', '2', '--mirror', '--store', store],
  );
  expect(first.transfer).toMatchObject({ blocks: 19, tuned: 2, kept: true, mirror: true });

  const server = await serve(store);
  await relearnJson(
    ...['feedback', pictures, '--ids', `150-${150 + threshold - 1}`, '--url', server.url],
  );
  await until('the second version', async () => {
    const { versions } = await relearnJson<ModelsReport>('models', '--store', store);
    return versions.length > 1 ? true : undefined;
  });
  const { transfer, parent, lineage } = await relearnJson<VersionDetails>(
    ...['models', 'show', '2', '--store', store],
  );
  expect({ parent, lineage }).toEqual({ parent: 1, lineage: [2, 1] });
  expect(transfer).toMatchObject({ blocks: 19, tuned: 2, mirror: true });
  expect(transfer?.headLoss).toBeGreaterThan(0);
  expect(transfer?.tunedLoss).toBeGreaterThan(0);

  const answer = await fetch(`${server.url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: dataUrl(await makePicture('cat', 1)),
  });
  const { result } = (await answer.json()) as PredictionReport;
  expect((result.cat ?? 0) + (result.dog ?? 0)).toBeCloseTo(1, 5);
  console.log(
    `a server's own training of a fine-tuned champion: ${JSON.stringify({ first: first.transfer, second: transfer })}`,
  );
});
