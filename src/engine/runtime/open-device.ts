/** Finds out whether the device that was asked for is there; the processor always is. */
import type { Device } from '../../records/devices.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { createSession } from './session.ts';

export interface OpenedDevice {
  readonly device: Device;
  /** Why it is not the one that was asked for. */
  readonly fallback: string | null;
}

export const openDevice = async (asked: Device): Promise<OpenedDevice> => {
  if (asked === 'cpu') return { device: 'cpu', fallback: null };
  const b = new GraphBuilder();
  b.output('y', b.apply('Relu', [b.input('x', 'float32', [1])]));
  try {
    const session = await createSession(toOnnx(b.build()), { device: asked });
    await session.close();
    return { device: asked, fallback: null };
  } catch (error) {
    return { device: 'cpu', fallback: `${asked} is not available here: ${reasonOf(error)}` };
  }
};

/** The runtime's own words, without the place in its source that says them. */
const reasonOf = (error: unknown): string => {
  const { cause } = error as Error;
  const [line = ''] = (cause instanceof Error ? cause.message : String(error)).split('\n');
  return line.replace(/^.* was false\. /, '').replace(/\.$/, '');
};
