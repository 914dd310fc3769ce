/**
 * `npm run simulate -- --seeds N --from SEED [--threads N]` runs seeds on all cores; `--seed SEED`
 * replays one and prints its trace; `--planted` looks for the planted bugs. Exit 1 where an invariant
 * broke, a bug was not found, or a fault never hit.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { callKinds, canHit, faultNames } from './faults.ts';
import { type BugWithBound, plantedBugs } from './planted-bugs.ts';
import { type Role, roles } from './roles.ts';
import { simulate } from './simulate.ts';
import {
  addTotals,
  emptyTotals,
  type FoundBug,
  findPlantedBug,
  type Share,
  simulateMany,
  type Totals,
} from './simulate-many.ts';

/** So few seeds may miss a fault without anything being wrong. */
const enoughForAllFaults = 500;
const shareSize = 100;

/** Faults that must have hit: each on each kind of call, and each in each role. */
const expectedFaults = (): string[] => [
  ...callKinds.flatMap((kind) =>
    faultNames.filter((name) => canHit(name, kind)).map((name) => `${kind} ${name}`),
  ),
  ...Object.entries<Role>(roles).flatMap(([role, { readsOnly }]) =>
    faultNames.filter((name) => !readsOnly || canHit(name, 'get')).map((name) => `${role} ${name}`),
  ),
];

const say = (line: string) => console.log(line);

type Task =
  | { readonly kind: 'seeds'; readonly share: Share }
  | { readonly kind: 'bug'; readonly bug: number; readonly from: number };

/** Gives each thread its next task as soon as it is done with one. */
const runOnThreads = <Result>(
  tasks: readonly Task[],
  threads: number,
  onResult: (result: Result) => void,
): Promise<void> =>
  new Promise((resolve, reject) => {
    let next = 0;
    let left = tasks.length;
    for (let n = 0; n < Math.min(threads, tasks.length); n++) {
      const worker = new Worker(new URL(import.meta.url), { workerData: 'simulate' });
      const giveTask = () => worker.postMessage(tasks[next++] ?? null);
      worker.on('message', (result: Result) => {
        onResult(result);
        if (--left === 0) resolve();
        giveTask();
      });
      worker.on('error', reject);
      giveTask();
    }
  });

const runTask = (task: Task): Promise<Totals | FoundBug> =>
  task.kind === 'seeds' ? simulateMany(task.share) : findPlantedBug(task.bug, task.from);

const simulateSeeds = async (from: number, seeds: number, threads: number): Promise<Totals> => {
  let totals = emptyTotals();
  const tasks: Task[] = [];
  for (let first = from; first < from + seeds; first += shareSize)
    tasks.push({
      kind: 'seeds',
      share: { from: first, seeds: Math.min(shareSize, from + seeds - first) },
    });
  await runOnThreads<Totals>(tasks, threads, (done) => {
    totals = addTotals(totals, done);
    for (const { seed, problem } of done.problems)
      say(`seed ${seed}: ${problem}\n  replay: npm run simulate -- --seed ${seed}`);
  });
  return totals;
};

const printTotals = ({ seeds, events, faults, acts, problems }: Totals, time: number): boolean => {
  const sum = Object.values(faults).reduce((total, count) => total + count, 0) / 2;
  say(
    `${seeds} seeds in ${time.toFixed(1)} s: ${events} events, ${sum} faults, ${problems.length} broken`,
  );
  for (const name of faultNames) {
    const hits = callKinds.map((kind) => `${kind} ${faults[`${kind} ${name}`] ?? 0}`);
    say(`  ${name}: ${hits.filter((hit) => !hit.endsWith(' 0')).join(', ')}`);
  }
  say(
    `  acts: ${Object.entries(acts)
      .sort()
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  );
  const missing = expectedFaults().filter((name) => !faults[name]);
  const isEnough = seeds >= enoughForAllFaults;
  if (missing.length > 0 && isEnough) say(`faults that never hit: ${missing.join(', ')}`);
  return problems.length === 0 && (missing.length === 0 || !isEnough);
};

const replay = async (seed: number): Promise<boolean> => {
  const first = await simulate(seed, { onLine: (line) => process.stdout.write(line) });
  const second = await simulate(seed);
  say(`seed ${seed}: ${first.problem ?? 'every invariant held'}; trace ${first.hash}`);
  if (second.hash !== first.hash) say(`the second run differs: ${second.hash}`);
  return first.problem === null && second.hash === first.hash;
};

const findAll = async (from: number, threads: number): Promise<boolean> => {
  // Those that may take most seeds first, so that no thread is left with a long one at the end.
  const tasks = plantedBugs
    .map(({ within }, bug) => ({ within, task: { kind: 'bug', bug, from } as const }))
    .sort((left, right) => right.within - left.within)
    .map(({ task }) => task);
  let all = true;
  await runOnThreads<FoundBug>(tasks, threads, ({ bug, seeds, problem }) => {
    const { name, within } = plantedBugs[bug] as BugWithBound;
    const result = seeds === null ? 'NOT FOUND' : `found after ${seeds}`;
    say(
      `${name}: ${result} of at most ${within} seeds${problem ? ` (${problem.split('\n')[0]})` : ''}`,
    );
    all &&= seeds !== null;
  });
  return all;
};

if (isMainThread) {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      threads: { type: 'string', default: String(availableParallelism()) },
      planted: { type: 'boolean', default: false },
    },
  });
  const started = performance.now();
  const from = Number(values.from);
  const run = async (): Promise<boolean> => {
    if (values.seed !== undefined) return replay(Number(values.seed));
    const threads = Number(values.threads);
    if (values.planted) return findAll(from, threads);
    const totals = await simulateSeeds(from, Number(values.seeds), threads);
    return printTotals(totals, (performance.now() - started) / 1000);
  };
  process.exitCode = (await run()) ? 0 : 1;
} else if (workerData === 'simulate') {
  parentPort?.on('message', async (task: Task | null) => {
    if (task) parentPort?.postMessage(await runTask(task));
    else parentPort?.close();
  });
}
