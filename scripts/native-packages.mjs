/** The packages with native code: they can't be built into the program, each machine needs its own. */
export const nativePackages = ['onnxruntime-node', 'sharp'];
