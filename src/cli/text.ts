/** Numbers, durations and tables as people read them in a terminal. */
import { counted, formatCount } from '../base/counted.ts';
import { rejectionInWords } from '../records/rejection-words.ts';
import type { ConfusionMatrix, EvaluationReport } from '../records/reports.ts';

const foldersShown = 10;

export const formatPercent = (fraction: number): string => `${(fraction * 100).toFixed(1)} %`;

/** `87.4 % of 1,500 (95 % interval 85.6–89.0 %)` */
export const formatAccuracy = (report: {
  readonly accuracy: number;
  readonly n: number;
  readonly interval: readonly [number, number];
}): string => {
  if (report.n === 0) return 'accuracy not known, there are no pictures to judge by';
  const [low, high] = report.interval.map((bound) => (bound * 100).toFixed(1));
  return `${formatPercent(report.accuracy)} of ${formatCount(report.n)} (95 % interval ${low}–${high} %)`;
};

/** `8 s`, `3 min 12 s`, `2 h 5 min` */
export const formatSeconds = (seconds: number): string => {
  const rounded = Math.max(0, Math.round(seconds));
  if (rounded < 60) return `${rounded} s`;
  if (rounded < 3600) return `${Math.floor(rounded / 60)} min ${rounded % 60} s`;
  return `${Math.floor(rounded / 3600)} h ${Math.floor((rounded % 3600) / 60)} min`;
};

/** Small p-values by their order of magnitude. */
export const formatPValue = (value: number): string =>
  value < 0.001 ? `p = ${value.toExponential(1)}` : `p = ${value.toFixed(3)}`;

/** Columns a terminal uses for a text: East Asian wide characters take two. */
export const displayWidth = (text: string): number => {
  let width = 0;
  for (const character of text) {
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}]/u.test(
        character,
      )
        ? 2
        : 1;
  }
  return width;
};

const pad = (text: string, width: number, side: 'left' | 'right'): string => {
  const blanks = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return side === 'left' ? text + blanks : blanks + text;
};

/** A message of the log with those of its fields that it does not name itself. */
export const formatLogLine = (
  message: string,
  fields: Readonly<Record<string, unknown>> = {},
): string => {
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== null && !message.includes(String(value)))
    .map(([name, value]) => `${name}: ${String(value)}`);
  return formatForeign(rest.length > 0 ? `${message} (${rest.join(', ')})` : message);
};

/** Rows of cells as aligned lines: the first columns to the left, the others, which hold numbers, to the right. */
export const formatTable = (rows: readonly (readonly string[])[], left = 1): string => {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => displayWidth(row[column] ?? ''))),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => pad(cell, widths[column] ?? 0, column < left ? 'left' : 'right'))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};

const formatShare = (fraction: number | null): string =>
  fraction === null ? '–' : formatPercent(fraction);

export const formatPerLabel = (perLabel: EvaluationReport['perLabel']): string =>
  formatTable([
    ['label', 'n', 'recall', 'precision'],
    ...Object.entries(perLabel).map(([label, row]) => [
      label,
      formatCount(row.n),
      formatShare(row.recall),
      formatShare(row.precision),
    ]),
  ]);

/** More columns than this fit no terminal. */
const mostColumns = 12;
const mostConfusions = 10;

/** `12 dog taken for cat`, the most frequent first. */
const formatConfusions = ({ labels, rows }: ConfusionMatrix): string => {
  const confusions = rows.flatMap((row, truth) =>
    row.flatMap((count, predicted) =>
      count > 0 && truth !== predicted ? [{ count, truth, predicted }] : [],
    ),
  );
  if (confusions.length === 0) return 'No label is taken for another.';
  return confusions
    .sort((a, b) => b.count - a.count)
    .slice(0, mostConfusions)
    .map(
      ({ count, truth, predicted }) =>
        `${formatCount(count)} ${labels[truth]} taken for ${labels[predicted]}`,
    )
    .join('\n');
};

/** The matrix, or of many labels the most frequent confusions. */
export const formatConfusionMatrix = (matrix: ConfusionMatrix): string =>
  matrix.labels.length > mostColumns
    ? formatConfusions(matrix)
    : formatTable([
        ['truth ↓  predicted →', ...matrix.labels],
        ...matrix.rows.map((row, truth) => [matrix.labels[truth] ?? '', ...row.map(formatCount)]),
      ]);

/** A bar of `width` columns filled to the fraction, in eighths of a column. */
export const formatBar = (fraction: number, width = 24): string => {
  const eighths = Math.round(Math.min(1, Math.max(0, fraction)) * width * 8);
  const part = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8] ?? '';
  return pad('█'.repeat(Math.floor(eighths / 8)) + part, width, 'left');
};

/** `3 set aside (2 not a JPEG, PNG or WebP, 1 under no label): relearn quarantine`; empty where none is. */
export const formatQuarantined = (reasons: Readonly<Record<string, number>>): string => {
  const counts = Object.entries(reasons).sort(([, a], [, b]) => b - a);
  if (counts.length === 0) return '';
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const list = counts.map(([reason, count]) => `${formatCount(count)} ${formatReason(reason)}`);
  return `${formatCount(total)} set aside (${list.join(', ')}): relearn quarantine`;
};

/** Why a picture was rejected or set aside. */
export const formatReason = (reason: string): string => formatForeign(rejectionInWords(reason));

/** `2 objects put there by hand, …: 1 in feedback/cat/, 1 in feedback/猫/`; empty where none is. */
export const formatUnread = (unread: Readonly<Record<string, number>>): string => {
  const folders = Object.entries(unread);
  if (folders.length === 0) return '';
  const total = folders.reduce((sum, [, count]) => sum + count, 0);
  const shown = folders
    .slice(0, foldersShown)
    .map(([folder, count]) => `${formatCount(count)} in ${formatForeign(folder)}`);
  const rest =
    folders.length > foldersShown
      ? [`${formatCount(folders.length - foldersShown)} more folders`]
      : [];
  return `${counted(total, 'object')} put there by hand, to be looked at by the next training: ${[...shown, ...rest].join(', ')}`;
};

const longestName = 160;

/** A name as it fits some lines of a terminal: of a long one its beginning and its end. */
export const formatName = (name: string): string => {
  const half = (longestName - 2) / 2;
  const isLong = name.length > longestName;
  return formatForeign(isLong ? `${name.slice(0, half)} … ${name.slice(-half)}` : name);
};

/** Text that came from outside, without characters that would steer a terminal. */
export const formatForeign = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out.
  text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '�');
