/** Data for tests that does not belong into the repository; it lies beside the checkout, or nowhere. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const places = ['../../shared/data/', '../../../shared/data/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** Where the data lie, or undefined, which a test must report as skipped. */
export const sharedData: string | undefined = places.find(existsSync);
