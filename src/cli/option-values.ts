/** Strict readers of option values. Each refuses by commander's own error, which ends in exit code 2. */
import { InvalidArgumentError } from 'commander';

const refuse = (message: string): never => {
  throw new InvalidArgumentError(message);
};

/** Numbers up to here are exact, and more than anybody means. */
const mostExact = 999_999_999_999_999;

/** A whole number in decimal digits, from `least` to `most`. */
export const wholeNumber =
  (least: number, most = mostExact) =>
  (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const isPlain = most === mostExact && !(value > most);
    return refuse(
      `Give a whole number ${isPlain ? 'of at least' : 'from'} ${least}${isPlain ? '' : ` to ${most}`}.`,
    );
  };

/** A decimal number above 0. */
export const positiveNumber = (text: string): number => {
  const value = /^\d*\.?\d+(e-?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  return value > 0 && Number.isFinite(value) ? value : refuse('Give a number above 0.');
};

/** A fraction: 0 ≤ value < 1. */
export const share = (text: string): number => {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= 0 && value < 1
    ? value
    : refuse('Give a fraction from 0 up to, not including, 1.');
};

/** An accuracy as a fraction: 0 < value ≤ 1. */
export const accuracy = (text: string): number => {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  return value > 0 && value <= 1 ? value : refuse('Give a fraction above 0 and up to 1.');
};

/** `0-4999`: an inclusive range of whole numbers. */
export const idRange = (text: string): readonly [number, number] => {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  return match && first <= last
    ? [first, last]
    : refuse('Give two whole numbers, the smaller first, as in 0-4999.');
};

/** `cat,dog`: names without empty ones. */
export const nameList = (text: string): readonly string[] => {
  const names = text.split(',').map((name) => name.trim());
  return names.every((name) => name !== '')
    ? names
    : refuse('Give names separated by commas, as in cat,dog.');
};

/** `0.485,0.456,0.406`: numbers. */
export const numberList = (text: string): readonly number[] => {
  const numbers = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  return numbers.every(Number.isFinite)
    ? numbers
    : refuse('Give numbers separated by commas, as in 0.485,0.456,0.406.');
};

/** Of `--mean` and `--std`, where one of them is given. */
export const normalizationOf = (
  mean: readonly number[] | undefined,
  std: readonly number[] | undefined,
) => (mean || std ? { normalization: { mean: mean ?? [0], std: std ?? [1] } } : {});

/** `cats=cat,dogs=dog`: other name → label. */
export const aliasMap = (text: string): Readonly<Record<string, string>> => {
  const pairs = text.split(',').map((pair) => pair.split('=').map((side) => side.trim()));
  return pairs.every((pair) => pair.length === 2 && pair.every((side) => side !== ''))
    ? Object.fromEntries(pairs)
    : refuse('Give pairs of another name and its label, as in cats=cat,dogs=dog.');
};

/** A network port. */
export const port = (text: string): number => {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return value <= 65_535 ? value : refuse('Give a port from 0 to 65535; 0 takes any free one.');
};

/** An http or https address. */
export const webAddress = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url && /^https?:$/.test(url.protocol)
    ? url
    : refuse('Give an address such as http://127.0.0.1:8080.');
};
