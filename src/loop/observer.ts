/** Told what the loop did and how long it took, so that a server can count it. Times in seconds. */
export interface Observer {
  /**
   * One picture was answered: `preprocess` from its bytes to the model's pixels, `infer` from there
   * to scores, each with its wait for a free thread.
   */
  predicted?(seconds: { readonly preprocess: number; readonly infer: number }): void;
  /** A new champion answers from now on, or could not be loaded. */
  championLoaded?(outcome: { readonly version: number } | 'failed', seconds: number): void;
}
