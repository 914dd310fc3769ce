/** How far long work is: a bar on a terminal, a plain line every few seconds elsewhere. */
import cliProgress from 'cli-progress';
import { formatCount } from '../base/counted.ts';
import type { CliContext } from './context.ts';
import { formatSeconds } from './text.ts';

export interface Progress {
  /**
   * @param total null where nobody knows yet
   * @param extra what else is worth a word, such as the accuracy so far
   */
  update(
    state: {
      readonly done: number;
      readonly total: number | null;
      /** Per second; measured here where it is not given. */
      readonly rate?: number;
      readonly secondsLeft?: number | null;
    },
    extra?: string,
  ): void;
  /** Prints a line above the bar. */
  print(line: string): void;
  stop(): void;
}

interface ProgressOptions {
  readonly label: string;
  /** What is counted: `pictures`, `steps`. */
  readonly unit: string;
  readonly quiet: boolean;
}

const millisecondsBetweenLines = 2_000;

const createSilent = (context: CliContext): Progress => ({
  update: () => {},
  print: (line) => void context.stderr.write(`${line}\n`),
  stop: () => {},
});

/** `1,200 of 5,000 pictures · 430 a second · 9 s left · best 87.4 %` */
const createDescribe = (context: CliContext, unit: string) => {
  const started = context.clock.monotonic();
  return (state: Parameters<Progress['update']>[0], extra: string | undefined): string => {
    const seconds = Math.max(0.001, (context.clock.monotonic() - started) / 1000);
    const rate = state.rate ?? state.done / seconds;
    const left =
      state.secondsLeft ??
      (state.total !== null && rate > 0 && state.rate === undefined
        ? (state.total - state.done) / rate
        : null);
    const count =
      state.total === null
        ? `${formatCount(state.done)} ${unit}`
        : `${formatCount(state.done)} of ${formatCount(state.total)} ${unit}`;
    return [
      count,
      rate > 0
        ? `${rate < 10 ? rate.toFixed(1) : formatCount(rate)} ${state.rate === undefined ? '' : 'pictures '}a second`
        : '',
      left === null ? '' : `${formatSeconds(left)} left`,
      extra ?? '',
    ]
      .filter((part) => part !== '')
      .join(' · ');
  };
};

const createLines = (context: CliContext, options: ProgressOptions): Progress => {
  const describe = createDescribe(context, options.unit);
  let last = context.clock.monotonic();
  let saidEnd = false;
  return {
    update: (state, extra) => {
      const finished = state.total !== null && state.done >= state.total;
      const tooSoon = context.clock.monotonic() - last < millisecondsBetweenLines;
      if (finished ? saidEnd : tooSoon) return;
      saidEnd = finished;
      last = context.clock.monotonic();
      context.stderr.write(`${options.label}: ${describe(state, extra)}\n`);
    },
    print: (line) => void context.stderr.write(`${line}\n`),
    stop: () => {},
  };
};

const createBar = (context: CliContext, options: ProgressOptions): Progress => {
  const describe = createDescribe(context, options.unit);
  // Drawn at the first update: until then another bar may stand here.
  let drawn:
    | { readonly bars: cliProgress.MultiBar; readonly bar: cliProgress.SingleBar }
    | undefined;
  const draw = () => {
    const bars = new cliProgress.MultiBar({
      format: `${options.label} {bar} {text}`,
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false,
      stream: context.stderr as unknown as NodeJS.WritableStream,
    });
    return { bars, bar: bars.create(1, 0, { text: '' }) };
  };
  return {
    update: (state, extra) => {
      drawn ??= draw();
      const { bar } = drawn;
      bar.setTotal(Math.max(1, state.total ?? state.done * 2));
      bar.update(state.done, { text: describe(state, extra) });
    },
    print: (line) => {
      if (!drawn) return void context.stderr.write(`${line}\n`);
      drawn.bars.log(`${line}\n`);
      drawn.bars.update();
    },
    stop: () => drawn?.bars.stop(),
  };
};

export const createProgress = (context: CliContext, options: ProgressOptions): Progress => {
  if (options.quiet) return createSilent(context);
  return context.stderr.isTTY ? createBar(context, options) : createLines(context, options);
};
