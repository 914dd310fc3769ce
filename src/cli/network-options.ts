/** The options of every command that may take an imported network as the architecture. */
import type { Command } from 'commander';
import { numberList } from './option-values.ts';

/** What commander makes of them. */
export interface NetworkOptions {
  readonly features?: string;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly hub?: string;
}

export const networkOptions = (command: Command): Command =>
  command
    .option(
      '--features <NAME>',
      'with an ONNX file: the value in it that a new head learns from (found by itself in most files)',
    )
    .option(
      '--mean <NUMBERS>',
      'with an ONNX file that does not normalize by itself: its input is (picture in 0..1 - mean) / std (0)',
      numberList,
    )
    .option('--std <NUMBERS>', 'one number, or one for each channel (1)', numberList)
    .option('--hub <URL>', 'mirror of the Hugging Face Hub (HF_ENDPOINT, else the hub itself)');
