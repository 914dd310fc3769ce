import { expect, it } from 'vitest';
import type { CliContext } from './context.ts';
import { createProgress } from './progress.ts';

const createContext = () => {
  let [time, text] = [0, ''];
  const context = {
    stderr: { write: (part: string) => (text += part) },
    clock: { now: () => time, monotonic: () => time, sleep: async () => {} },
  } as unknown as CliContext;
  return { context, at: (milliseconds: number) => (time = milliseconds), text: () => text };
};

it('away from a terminal it prints a line now and then, with rate and time left', () => {
  const { context, at, text } = createContext();
  const progress = createProgress(context, { label: 'import', unit: 'pictures', quiet: false });
  at(1000);
  progress.update({ done: 50, total: 400 });
  at(4000);
  progress.update({ done: 200, total: 400 }, 'fine');
  at(4500);
  progress.update({ done: 210, total: null });
  progress.update({ done: 400, total: 400 });
  progress.stop();
  expect(text().split('\n')).toEqual([
    'import: 200 of 400 pictures · 50 a second · 4 s left · fine',
    'import: 400 of 400 pictures · 89 a second · 0 s left',
    '',
  ]);
});

it('says nothing with --quiet but what must be seen', () => {
  const { context, at, text } = createContext();
  const progress = createProgress(context, { label: 'import', unit: 'pictures', quiet: true });
  at(60_000);
  progress.update({ done: 1, total: 1 });
  progress.print('careful');
  expect(text()).toBe('careful\n');
});
