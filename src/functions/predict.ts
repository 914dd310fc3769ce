/** The `predict` function alone: answers with the newest champion. */
import { serveFunction } from './serve-function.ts';

await serveFunction('predict');
