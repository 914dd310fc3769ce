/** Names of files on the Hugging Face Hub and its mirrors: `hf:owner/name@revision/folder/file.onnx`. */
import { RelearnError } from '../base/errors.ts';

export interface HubName {
  /** As it was written. */
  readonly text: string;
  /** `owner/name` */
  readonly repository: string;
  /** A branch, a tag or a commit; `main` where none is named. */
  readonly revision: string;
  /** Inside the repository. */
  readonly path: string;
}

export const isHubName = (text: string): boolean => text.startsWith('hf:');

// What the hub allows in names; nothing that would mean something else in a URL or on a disk.
const part = '[A-Za-z0-9_][A-Za-z0-9._-]*';
const pattern = new RegExp(
  `^hf:(?<repository>${part}/${part})(?:@(?<revision>${part}))?/(?<path>(?:${part}/)*${part})$`,
);

/** @throws RelearnError usage/`invalid_hub_name` */
export const parseHubName = (text: string): HubName => {
  const { repository, revision = 'main', path } = pattern.exec(text)?.groups ?? {};
  if (repository && path) return { text, repository, revision, path };
  throw new RelearnError(
    'usage',
    'invalid_hub_name',
    `${JSON.stringify(text)} names no file on a hub.`,
    { hint: 'Write it like this: hf:owner/name/model.onnx, or hf:owner/name@revision/model.onnx' },
  );
};
