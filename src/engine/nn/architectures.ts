/** The networks Relearn builds itself, by name. */
import type { Value } from '../graph/graph.ts';
import { article } from './article.ts';
import { compact } from './compact.ts';
import type { NetworkContext } from './layers.ts';
import type { Recipe } from './recipe.ts';

export interface Architecture {
  readonly channels: 1 | 3;
  /** Side of the square input in pixels; fixed networks take no other. */
  readonly imageSize: number;
  readonly fixedSize: boolean;
  /** For a first model, and for continuing from a champion. */
  readonly recipe: { readonly scratch: Recipe; readonly champion: Recipe };
  /**
   * @param images float32 [N, C, H, W] in 0..1
   * @returns logits [N, classes]
   */
  build(context: NetworkContext, images: Value, classes: number): Value;
}

export const architectures = { article, compact } as const satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof architectures;

export const isArchitectureName = (name: string): name is ArchitectureName =>
  Object.hasOwn(architectures, name);
