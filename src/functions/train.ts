/** The `train` function alone: trains when an event comes and enough feedback waits. */
import { serveFunction } from './serve-function.ts';

await serveFunction('train');
