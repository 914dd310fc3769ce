/** Errors about what an ONNX file holds say which file: a command may have been given several. */
import { isRelearnError, RelearnError } from '../base/errors.ts';

/** @param read throws errors that speak of "the file" */
export const ofFile = async <T>(name: string, read: () => T | Promise<T>): Promise<T> => {
  try {
    return await read();
  } catch (error) {
    if (!isRelearnError(error) || !/^(onnx_|invalid_model_file$)/.test(error.code)) throw error;
    throw new RelearnError(error.kind, error.code, `${name}: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(error.details === undefined ? {} : { details: error.details }),
      cause: error,
    });
  }
};
