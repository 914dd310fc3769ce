/** Turns a model into the form that it is exported in. */
import type { OnnxGraph, OnnxModel } from '../../formats/onnx.ts';
import type { ExportFormat } from '../../records/export-formats.ts';
import { foldBatchNormalization } from './fold-batch-normalization.ts';
import { planQuantization } from './plan-quantization.ts';
import { poolAfterRelu } from './pool-after-relu.ts';
import { quantize, type ValueRange } from './quantize.ts';
import { storeHalf } from './store-half.ts';

/** Finds the ranges of values inside a model by running it on pictures. */
export type Calibrate = (
  model: OnnxModel,
  values: readonly string[],
) => Promise<ReadonlyMap<string, ValueRange>>;

type Form = (model: OnnxModel, calibrate: Calibrate) => Promise<OnnxGraph>;

const forms: { readonly [Format in ExportFormat]: Form } = {
  /** As it was trained: float32. */
  onnx: async ({ graph }) => graph,
  /** Weights stored as float16 and computed with in float32. */
  fp16: async ({ graph }) => storeHalf(foldBatchNormalization(graph)),
  /** Weights and values in 8 bits. */
  int8: async (model, calibrate) => {
    const graph = poolAfterRelu(foldBatchNormalization(model.graph));
    const plan = planQuantization(graph);
    const ranges = await calibrate({ ...model, graph }, [...new Set(plan.rounded.values())]);
    return quantize(graph, plan, ranges);
  },
};

/** @param metadata entries that are added to the model's own */
export const convertModel = async (
  model: OnnxModel,
  format: ExportFormat,
  calibrate: Calibrate,
  metadata: Readonly<Record<string, string>>,
): Promise<OnnxModel> => {
  const added = Object.entries(metadata).map(([key, value]) => ({ key, value }));
  return {
    ...model,
    graph: await forms[format](model, calibrate),
    metadataProps: [...model.metadataProps, ...added],
  };
};
