/** How esbuild makes a TypeScript file of this repository run on Node, beside the built program. */
export const typescriptOptions = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
};
