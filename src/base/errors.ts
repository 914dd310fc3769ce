/**
 * The one error type. Its kind says what the caller should do; its code names the cause and never
 * changes once published, so programs can rely on it. The idea of naming errors by the caller's
 * next step is SlateDB's (RFC 0007).
 */

/** What the caller should do: fix the input, fix the command, retry, retry later, look at the data, report. */
export type ErrorKind =
  | 'invalid'
  | 'usage'
  | 'not-found'
  | 'conflict'
  | 'unavailable'
  | 'corrupt'
  | 'internal';

export interface RelearnErrorOptions {
  /** A known cure, one sentence, for the person who reads the message. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Plain JSON that helps a program: the allowed labels, a JSON pointer, a limit. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export class RelearnError extends Error {
  override readonly name = 'RelearnError';
  readonly kind: ErrorKind;
  /** Stable snake_case name of the cause, such as `unknown_label`. */
  readonly code: string;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(kind: ErrorKind, code: string, message: string, options: RelearnErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
  }
}

export const isRelearnError = (error: unknown, code?: string): error is RelearnError =>
  error instanceof RelearnError && (code === undefined || error.code === code);
