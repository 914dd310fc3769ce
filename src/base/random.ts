/**
 * Seeded randomness. Every random choice in training comes from one seed through named forks, so
 * that adding a consumer does not change what the others draw. Generator: xoroshiro128+ (Blackman
 * and Vigna), from the pure-rand library.
 */
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, limit). */
  integer(limit: number): number;
  /** Standard normal, by Box and Muller's transform. */
  normal(): number;
  /** Shuffles in place (Fisher and Yates) and returns the same array. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T;
  /** An independent stream that depends only on this seed and the name. */
  fork(name: string): Random;
}

const hashName = (seed: number, name: string): number => {
  // FNV-1a, 32 bits.
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash | 0;
};

/** MurmurHash3's finalizer: neighbouring seeds become unrelated ones. */
const mixSeed = (seed: number): number => {
  let mixed = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
};

/** Draws that are thrown away: the generator's first ones still show its nearly empty state. */
const discarded = 16;

export const createRandom = (seed: number): Random => {
  const generator = xoroshiro128plus(mixSeed((seed | 0) + 0x9e3779b9));
  for (let i = 0; i < discarded; i++) generator.next();
  const next = () => uniformFloat64(generator);
  return {
    next,
    integer: (limit) => Math.floor(next() * limit),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    shuffle: (items) => {
      for (let last = items.length - 1; last > 0; last--) {
        const pick = Math.floor(next() * (last + 1));
        const kept = items[last];
        items[last] = items[pick];
        items[pick] = kept;
      }
      return items;
    },
    fork: (name) => createRandom(hashName(seed, name)),
  };
};
