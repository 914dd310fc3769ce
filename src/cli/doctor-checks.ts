/**
 * What `relearn doctor` looks at. A check returns what it saw, or throws what is wrong: the error's
 * message and hint become the detail. Each does the real thing, at a small size.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, freemem, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { formatCount } from '../base/counted.ts';
import { RelearnError } from '../base/errors.ts';
import { decodeImage, encodeJpeg } from '../data/decode-image.ts';
import { GraphBuilder } from '../engine/graph/builder.ts';
import { toOnnx } from '../engine/onnx/to-onnx.ts';
import { createSession } from '../engine/runtime/session.ts';
import { float32 } from '../engine/tensor/tensor.ts';
import {
  anonymousFrom,
  keysFrom,
  logLevelFrom,
  parseFunctions,
  portFrom,
  rateLimitFrom,
  threadsFrom,
} from '../http/environment.ts';
import type { Relearn } from '../loop/relearn-api.ts';
import { nextStep } from './next-step.ts';
import { tellOfReadOnly } from './read-only-store.ts';
import type { Run } from './session.ts';

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  /** What was seen, or what is wrong and its cure. */
  readonly detail: string;
}

type Check = () => Promise<string> | string;

const wrong = (code: string, message: string, hint: string) =>
  new RelearnError('unavailable', code, message, { hint });

const leastNode: readonly [number, number] = [20, 9];
const leastMemory = 1_000_000_000;
const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;

const node: Check = () => {
  const { version, versions } = process;
  const [major = 0, minor = 0] = versions.node.split('.').map(Number);
  const isOld = major < leastNode[0] || (major === leastNode[0] && minor < leastNode[1]);
  if (isOld)
    throw wrong(
      'node_too_old',
      `This is Node ${version}.`,
      `Use Node ${leastNode.join('.')} or newer.`,
    );
  return version;
};

const machine: Check = () => {
  // What this process may use: in a container less than the machine has.
  const limit = process.constrainedMemory();
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  if (memory < leastMemory)
    throw wrong(
      'little_memory',
      `This process may use ${gigabytes(memory)} of memory.`,
      'Give it 1 GB to serve and 2 GB to train a compact model.',
    );
  return `${availableParallelism()} cores, ${gigabytes(memory)} of memory, ${gigabytes(freemem())} free`;
};

const temporaryFolder: Check = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-doctor-'));
  try {
    await writeFile(join(folder, 'probe'), 'x');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return tmpdir();
};

/** ONNX Runtime loads, takes a model and computes. */
const runtime: Check = async () => {
  const b = new GraphBuilder();
  b.output('y', b.apply('Neg', [b.input('x', 'float32', [1])]));
  const session = await createSession(toOnnx(b.build()));
  try {
    const { y } = await session.run({ x: float32([1], [2]) });
    if (y?.data[0] !== -2)
      throw wrong('runtime_wrong', 'ONNX Runtime computes wrongly.', 'Install the packages again.');
  } finally {
    await session.close();
  }
  return 'ONNX Runtime computes';
};

const pictures: Check = async () => {
  const side = 8;
  const grey = {
    width: side,
    height: side,
    channels: 3 as const,
    data: new Uint8Array(side * side * 3).fill(128),
  };
  const decoded = await decodeImage(await encodeJpeg(grey));
  return `sharp writes and reads a JPEG of ${decoded.width}×${decoded.height}`;
};

const settingsOf =
  ({ context: { env } }: Run): Check =>
  () => {
    const keys = keysFrom(env);
    const open = anonymousFrom(env);
    logLevelFrom(env);
    threadsFrom(env);
    rateLimitFrom(env);
    if (env.RELEARN_FUNCTIONS) parseFunctions(env.RELEARN_FUNCTIONS);
    const who =
      keys.length > 0
        ? `${formatCount(keys.length)} keys`
        : 'no keys, so the server listens on this machine only';
    const without = open.size > 0 ? `; open without a key: ${[...open].join(', ')}` : '';
    return `port ${portFrom(env)}, ${who}${without}`;
  };

/**
 * Opens the store for writing, which proves that it keeps its promises. Where it can't be written to,
 * what only reads is looked at all the same.
 */
const storeOf =
  (run: Run, opened: { relearn?: Relearn }): Check =>
  async () => {
    try {
      opened.relearn = await run.open({ proveStore: true });
    } catch (error) {
      const readable = await run.open().catch(() => undefined);
      if (readable) opened.relearn = readable;
      return tellOfReadOnly(error);
    }
    return `${opened.relearn.location}: create-only writes and lists are as they must be`;
  };

const needs = (opened: { relearn?: Relearn }): Relearn => {
  if (opened.relearn) return opened.relearn;
  throw wrong(
    'no_store',
    'Not looked at, because the store does not open.',
    'Mend the store first.',
  );
};

const placeOf =
  (opened: { relearn?: Relearn }): Check =>
  async () => {
    await needs(opened).checkPlace();
    return 'no other store lies above or below';
  };

const logOf =
  (opened: { relearn?: Relearn }): Check =>
  async () => {
    const { champion, pending, threshold } = await needs(opened).status();
    const waiting = Object.entries(pending).map(
      ([label, count]) => `${formatCount(count)} ${label}`,
    );
    return `${champion === null ? 'no version yet' : `version ${champion} is champion`}; feedback ${waiting.join(', ')} of ${formatCount(threshold)}`;
  };

const modelOf =
  (opened: { relearn?: Relearn }): Check =>
  async () => {
    const relearn = needs(opened);
    const report = await relearn.status();
    const { champion } = report;
    // A store that was just created has none, and that is as it should be.
    if (champion === null) return `none yet. ${nextStep(report).advice ?? ''}`.trimEnd();
    const { ready, reason } = await relearn.readiness();
    if (!ready)
      throw wrong(
        'model_not_ready',
        `The champion does not answer. ${reason}`,
        'Where there are other versions, go back to one: relearn models promote V.',
      );
    return `version ${champion} loads and answers`;
  };

/** In the order in which one rests on the other. */
export const doctorChecks = (run: Run): ReadonlyMap<string, Check> => {
  const opened: { relearn?: Relearn } = {};
  return new Map<string, Check>([
    ['node', node],
    ['machine', machine],
    ['temporary folder', temporaryFolder],
    ['runtime', runtime],
    ['pictures', pictures],
    ['settings', settingsOf(run)],
    ['store', storeOf(run, opened)],
    ['place', placeOf(opened)],
    ['log', logOf(opened)],
    ['model', modelOf(opened)],
  ]);
};
