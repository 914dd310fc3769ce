/** Told what the loop did and how long it took, so that a server can count it. Times in seconds. */
import type { StoreCall } from '../storage/watch-store.ts';

export interface Observer {
  /**
   * One picture was answered: `preprocess` from its bytes to the model's pixels, `infer` from there
   * to scores, each with its wait for a free thread.
   */
  predicted?(seconds: { readonly preprocess: number; readonly infer: number }): void;
  /** The store was asked for something; told of calls in the process itself, not of a training's. */
  stored?(call: StoreCall): void;
  /** A new champion answers from now on, or could not be loaded. */
  championLoaded?(outcome: { readonly version: number } | 'failed', seconds: number): void;
}
