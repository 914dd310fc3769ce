/**
 * Every command, in the order a newcomer meets them. A command's file is loaded when it is called,
 * so that `relearn --help` reads none of them.
 */
import type { CommandModule } from './session.ts';

export interface CommandEntry {
  readonly summary: string;
  load(): Promise<CommandModule>;
}

export const commandTable: Readonly<Record<string, CommandEntry>> = {
  init: {
    summary: 'create a store and its settings',
    load: () => import('./commands/init.ts'),
  },
  import: {
    summary: 'read labelled pictures into the store',
    load: () => import('./commands/import.ts'),
  },
  train: {
    summary: 'train a candidate and promote it if it is better',
    load: () => import('./commands/train.ts'),
  },
  evaluate: {
    summary: 'measure a version on the frozen holdout or on your pictures',
    load: () => import('./commands/evaluate.ts'),
  },
  predict: {
    summary: 'say what is on a picture',
    load: () => import('./commands/predict.ts'),
  },
  serve: {
    summary: 'answer over HTTP and learn from feedback',
    load: () => import('./commands/serve.ts'),
  },
  feedback: {
    summary: 'send labelled pictures to a running server',
    load: () => import('./commands/feedback.ts'),
  },
  models: {
    summary: 'list, show, promote, roll back, export and submit versions',
    load: () => import('./commands/models.ts'),
  },
  status: {
    summary: 'what the store holds and what would happen next',
    load: () => import('./commands/status.ts'),
  },
  store: {
    summary: 'move the store to another folder or bucket',
    load: () => import('./commands/store.ts'),
  },
  dataset: {
    summary: 'write the training data for other trainers',
    load: () => import('./commands/dataset.ts'),
  },
  fsck: {
    summary: 'hold the store against its promises',
    load: () => import('./commands/fsck.ts'),
  },
  quarantine: {
    summary: 'list what was set aside, and bring it back',
    load: () => import('./commands/quarantine.ts'),
  },
  gc: {
    summary: 'remove what nothing refers to',
    load: () => import('./commands/gc.ts'),
  },
  doctor: {
    summary: 'check the machine, the store and the settings',
    load: () => import('./commands/doctor.ts'),
  },
  deploy: {
    summary: 'check the file that deploys the functions',
    load: () => import('./commands/deploy.ts'),
  },
  demo: {
    summary: 'watch the whole loop on pictures that it draws itself',
    load: () => import('./commands/demo.ts'),
  },
};
