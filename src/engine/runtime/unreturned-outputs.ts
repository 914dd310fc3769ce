/**
 * Keeps ONNX Runtime's JavaScript binding from copying outputs. `run` writes an output straight
 * into a tensor that the caller gives for it, but the binding then copies every output again into
 * an array of its own: for `article` 620 MB and 45 ms a step. It converts outputs in the order of
 * the model, so a first output that it has no conversion for, an empty sequence, ends the
 * conversion before the first copy. Should a later version convert sequences too, the copies come
 * back and nothing else changes: the results stand in the caller's tensors either way.
 */
import { decodeOnnx, encodeOnnx, onnxDataType } from '../../formats/onnx.ts';

/** The output that cannot be converted. */
export const unreturned = 'unreturned';

/** @returns the model with one output more, the first */
export const withUnreturnedOutputs = (bytes: Uint8Array): Uint8Array => {
  const model = decodeOnnx(bytes);
  const node = { opType: 'SequenceEmpty', input: [], output: [unreturned], attribute: [] };
  const elemType = { tensorType: { elemType: onnxDataType.float32 } };
  const output = { name: unreturned, type: { sequenceType: { elemType } } };
  const { graph } = model;
  return encodeOnnx({
    ...model,
    graph: { ...graph, node: [...graph.node, node], output: [output, ...graph.output] },
  });
};

/** Whether a run ended only because its outputs were not converted. */
export const isUnreturned = (error: unknown): boolean =>
  error instanceof Error &&
  error.message.startsWith('Non tensor type is temporarily not supported');
