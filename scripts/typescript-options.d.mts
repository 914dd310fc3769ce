import type { BuildOptions } from 'esbuild';

export declare const typescriptOptions: BuildOptions;
