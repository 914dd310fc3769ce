/** Everything known of one version, as people read it: what it is, how good, and why it is champion or not. */
import type { VersionDetails } from '../loop/relearn-api.ts';
import { describeOutcome, describeTransfer } from './describe-training.ts';
import { formatForeign, formatPercent } from './text.ts';

const day = (time: string): string => time.slice(0, 16).replace('T', ' ');

const reasons: Readonly<Record<VersionDetails['champion'][number]['because'], string>> = {
  first: 'as the first version',
  gate: 'by the gate',
  'promoted-by-hand': 'by hand',
  rollback: 'by a rollback',
};

const describeReign = ({ at, from, because }: VersionDetails['champion'][number]): string =>
  `${day(at)} ${reasons[because]}${from === null ? '' : `, after version ${from}`}`;

export const describeVersion = (details: VersionDetails): string => {
  const { version, architecture, preprocessing, lineage, champion, model, metrics, gate } = details;
  const { width, height, channels } = preprocessing;
  return [
    `Version ${version}${details.isChampion ? ', the champion' : ''}: ${architecture}, answering on ${width} × ${height} pixels in ${channels === 1 ? 'grey' : 'colour'}, made ${day(details.createdAt)} UTC.`,
    `Labels: ${details.labels.join(', ')}. Lineage: ${lineage.join(' ← ')}.`,
    `Model: ${(model.size / 1e6).toFixed(1)} MB, sha256 ${model.sha256}.`,
    ...(champion.length === 0
      ? ['Never champion.']
      : [`Champion from: ${champion.map(describeReign).join('; ')}.`]),
    ...(details.note === undefined ? [] : [`Note: ${formatForeign(details.note)}`]),
    ...(details.transfer ? [describeTransfer(details.transfer)] : []),
    `Calibration error: ${formatPercent(metrics.calibrationError)}.`,
    describeOutcome({ holdout: metrics, gate }),
  ].join('\n');
};
