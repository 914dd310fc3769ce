/** Shows a network on its way from a hub, on a bar of its own that is there only meanwhile. */
import type { HubDownload } from '../hub/fetch-hub-file.ts';
import type { Output } from './output.ts';
import type { Progress } from './progress.ts';

const megabytes = (bytes: number) => bytes / 1e6;

export const showDownload = (output: Output) => {
  let progress: Progress | undefined;
  const stop = () => {
    progress?.stop();
    progress = undefined;
  };
  return {
    update: ({ done, total }: HubDownload): void => {
      if (done === total && !progress) return; // It was here already.
      progress ??= output.progress('download', 'MB');
      progress.update({ done: megabytes(done), total: megabytes(total) });
      if (done === total) stop();
    },
    stop,
  };
};
