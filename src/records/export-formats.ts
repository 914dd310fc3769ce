/** The forms a version can be exported in. */
export const exportFormats = ['onnx', 'fp16', 'int8'] as const;

export type ExportFormat = (typeof exportFormats)[number];
