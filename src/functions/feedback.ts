/** The `feedback` function alone: takes in what pictures really show. */
import { serveFunction } from './serve-function.ts';

await serveFunction('feedback');
