/**
 * Every command, first steps first, as the help lists them. A command's file is loaded when it is called,
 * so that `relearn --help` reads none of them.
 */
import type { CommandModule } from './session.ts';

export interface CommandEntry {
  readonly group: 'First steps' | 'Models and feedback' | 'The store' | 'Where it runs';
  readonly summary: string;
  load(): Promise<CommandModule>;
}

export const commandTable: Readonly<Record<string, CommandEntry>> = {
  demo: {
    group: 'First steps',
    summary: 'watch the whole loop on pictures that it draws itself',
    load: () => import('./commands/demo.ts'),
  },
  init: {
    group: 'First steps',
    summary: 'create a store and its settings',
    load: () => import('./commands/init.ts'),
  },
  import: {
    group: 'First steps',
    summary: 'read labelled pictures into the store',
    load: () => import('./commands/import.ts'),
  },
  train: {
    group: 'First steps',
    summary: 'train a candidate and promote it if it is better',
    load: () => import('./commands/train.ts'),
  },
  predict: {
    group: 'First steps',
    summary: 'say what is on a picture',
    load: () => import('./commands/predict.ts'),
  },
  serve: {
    group: 'First steps',
    summary: 'answer over HTTP and learn from feedback',
    load: () => import('./commands/serve.ts'),
  },
  status: {
    group: 'First steps',
    summary: 'what the store holds and what would happen next',
    load: () => import('./commands/status.ts'),
  },
  evaluate: {
    group: 'Models and feedback',
    summary: 'measure a version on the frozen holdout or on your pictures',
    load: () => import('./commands/evaluate.ts'),
  },
  models: {
    group: 'Models and feedback',
    summary: 'list, show, promote, roll back, export and submit versions',
    load: () => import('./commands/models.ts'),
  },
  feedback: {
    group: 'Models and feedback',
    summary: 'send labelled pictures to a running server',
    load: () => import('./commands/feedback.ts'),
  },
  quarantine: {
    group: 'Models and feedback',
    summary: 'list what was set aside, and bring it back',
    load: () => import('./commands/quarantine.ts'),
  },
  dataset: {
    group: 'Models and feedback',
    summary: 'write the training data for other trainers',
    load: () => import('./commands/dataset.ts'),
  },
  fsck: {
    group: 'The store',
    summary: 'hold the store against its promises',
    load: () => import('./commands/fsck.ts'),
  },
  gc: {
    group: 'The store',
    summary: 'remove what nothing refers to',
    load: () => import('./commands/gc.ts'),
  },
  store: {
    group: 'The store',
    summary: 'move the store to another folder or bucket',
    load: () => import('./commands/store.ts'),
  },
  doctor: {
    group: 'Where it runs',
    summary: 'check the machine, the store and the settings',
    load: () => import('./commands/doctor.ts'),
  },
  deploy: {
    group: 'Where it runs',
    summary: 'check the file that deploys the functions',
    load: () => import('./commands/deploy.ts'),
  },
};
