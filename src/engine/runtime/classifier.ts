/**
 * A loaded model that answers. Implementations: in this thread (tests, the training child) and in a
 * worker thread (serving), because ONNX Runtime's `run` blocks the thread that calls it.
 */
import type { Preprocessing } from '../../records/preprocessing.ts';

export interface Classifier {
  readonly labels: readonly string[];
  readonly preprocessing: Preprocessing;
  /** What the logits were divided by; 1 = nothing. */
  readonly temperature: number;
  /**
   * @param pixels uint8 [N, H, W, C] as `preprocess` makes them
   * @returns softmax probabilities, float32 [N, classes]
   * @throws RelearnError internal/`model_output_invalid` where an output is not finite
   */
  classify(pixels: Uint8Array, count: number): Promise<Float32Array>;
  close(): Promise<void>;
}
