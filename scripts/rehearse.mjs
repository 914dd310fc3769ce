/**
 * Plays the loop in small with a built program: node scripts/rehearse.mjs FOLDER/dist
 * Fails where anything fails. With NODE_COMPILE_CACHE set, Node keeps what it compiled on the way,
 * so that a later start need not compile it again.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const program = resolve(process.argv[2] ?? 'dist');
const sharp = createRequire(join(program, 'cli.js'))('sharp');
const folder = await mkdtemp(join(tmpdir(), 'relearn-rehearsal-'));
const store = join(folder, 'store');
const port = 8080;
const env = {
  ...process.env,
  RELEARN_HOST: '127.0.0.1',
  RELEARN_STORE: store,
  PORT: `${port}`,
  RELEARN_LOG_LEVEL: 'warn',
};

const relearn = (...args) =>
  promisify(execFile)(process.execPath, [join(program, 'cli.js'), ...args], { env });

/** Reddish or bluish, every one different. */
const paint = (label, seed) => {
  const background = label === 'cat' ? { r: 200, g: 90, b: seed } : { r: seed, g: 90, b: 200 };
  return sharp({ create: { width: 40, height: 40, channels: 3, background } }).jpeg();
};

/** Starts a server, asks it, and stops it as hosts do. */
const serving = async (args, ask) => {
  const server = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(server, 'exit');
  const isUp = () =>
    fetch(`http://127.0.0.1:${port}/healthz`).then(
      () => true,
      () => false,
    );
  while (server.exitCode === null && !(await isUp())) await new Promise((go) => setTimeout(go, 20));
  await ask();
  server.kill('SIGTERM');
  const [code] = await ended;
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`);
};

const post = async (path, body, type = 'application/json') => {
  const request = { method: 'POST', body, headers: { 'content-type': type } };
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, request);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text}`);
  return JSON.parse(text);
};

const predict = async () => post('/predict', await paint('cat', 77).toBuffer(), 'image/jpeg');

const sendFeedback = async () => {
  for (const target of ['cat', 'dog']) {
    const picture = `data:image/jpeg;base64,${(await paint(target, 99).toBuffer()).toString('base64')}`;
    await post('/callback', JSON.stringify({ picture, target }));
  }
};

const trainOnFeedback = async () => {
  const { result } = await post('/invoke', '');
  if (!result.trained) throw new Error(`No training: ${result.reason}`);
};

/** The drivers of buckets are loaded as well, and say that this one is not there. */
const askForBuckets = async () => {
  const nothing = createServer((_request, response) => response.writeHead(404).end());
  await once(nothing.listen(port, '127.0.0.1'), 'listening');
  Object.assign(env, { AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' });
  Object.assign(env, { OSS_ACCESS_KEY_ID: 'none', OSS_ACCESS_KEY_SECRET: 'none' });
  for (const scheme of ['s3', 'oss']) {
    const bucket = `${scheme}://none?region=none&endpoint=http://127.0.0.1:${port}`;
    const isThere = await relearn('status', '--store', bucket).then(
      () => true,
      () => false,
    );
    if (isThere) throw new Error(`${bucket} can't be there`);
  }
  nothing.close();
};

try {
  const pictures = join(folder, 'pictures');
  await mkdir(pictures);
  for (const label of ['cat', 'dog']) {
    for (let id = 0; id < 24; id++)
      await paint(label, id).toFile(join(pictures, `${label}.${id}.jpg`));
  }
  await relearn('init', '--labels', 'cat,dog', '--image-size', '32', '--threshold', '1');
  await relearn('import', pictures);
  await relearn('train', '--steps', '1');
  await relearn('predict', join(pictures, 'cat.0.jpg'));
  const entry = (name) => [join(program, name)];
  await serving(entry('functions-predict.js'), predict);
  await serving(entry('functions-feedback.js'), sendFeedback);
  await serving(entry('functions-train.js'), trainOnFeedback);
  await serving(
    [...entry('cli.js'), 'serve', '--functions', 'predict,feedback,studio'],
    async () => {
      await predict();
      await sendFeedback();
    },
  );
  await askForBuckets();
} finally {
  await rm(folder, { recursive: true, force: true });
}
