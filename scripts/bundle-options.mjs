/** How esbuild makes what runs on Node: the program in each of its forms. */
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Packages in CommonJS call require() and ask where they lie. */
const forCommonJs =
  "import { createRequire as $require } from 'node:module'; const require = $require(import.meta.url); const __filename = new URL(import.meta.url).pathname; const __dirname = new URL('.', import.meta.url).pathname;";

/** zod tells of errors in fifty languages; nobody hears them, and they take time to read. */
const oneLanguage = {
  name: 'one-language',
  setup: (bundle) =>
    bundle.onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    })),
};

/** Required, because an import would first search sharp's CommonJS for names to export. */
const requireSharp = {
  name: 'require-sharp',
  setup: (bundle) => {
    bundle.onResolve({ filter: /^sharp$/ }, ({ kind }) =>
      kind === 'require-call'
        ? { path: 'sharp', external: true }
        : { path: 'sharp', namespace: 'require-sharp' },
    );
    bundle.onLoad({ filter: /./, namespace: 'require-sharp' }, () => ({
      contents: "export default require('sharp');",
    }));
  },
};

export const bundleOptions = {
  absWorkingDir: root,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  mainFields: ['module', 'main'],
  banner: { js: forCommonJs },
  plugins: [oneLanguage, requireSharp],
  metafile: true,
  logLevel: 'warning',
  legalComments: 'none',
};
