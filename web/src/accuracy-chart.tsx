/** Accuracy of every version with its interval, and the line of champions through them. */
import { useRef } from 'preact/hooks';
import { useTexts } from './texts.ts';
import { useWidth } from './use-width.ts';
import type { VersionRow } from './version-rows.ts';

const height = 220;
const margin = { top: 16, right: 20, bottom: 30, left: 52 };

export const AccuracyChart = ({ rows }: { readonly rows: readonly VersionRow[] }) => {
  const texts = useTexts();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [low, high, ticks] = axisOf(rows);
  const inner = Math.max(1, width - margin.left - margin.right);
  const x = (index: number) => margin.left + (inner * (index + 0.5)) / rows.length;
  const y = (accuracy: number) =>
    margin.top + ((high - accuracy) / (high - low)) * (height - margin.top - margin.bottom);
  const everyVersion = Math.ceil((rows.length * 34) / inner);
  const won = rows.flatMap((row, index) => (isPromoted(row) ? [{ row, index }] : []));
  return (
    <div class="chart" ref={box}>
      {width > 0 && (
        <svg width={width} height={height} role="img" aria-label={texts.chartLabel(rows.length)}>
          {ticks.map((tick) => (
            <g key={tick}>
              <line
                class="grid"
                x1={margin.left}
                x2={width - margin.right}
                y1={y(tick)}
                y2={y(tick)}
              />
              <text class="tick" x={margin.left - 10} y={y(tick) + 4} text-anchor="end">
                {texts.percent(tick)}
              </text>
            </g>
          ))}
          <polyline
            class="champions"
            points={won.map(({ row, index }) => `${x(index)},${y(row.accuracy)}`).join(' ')}
          />
          {rows.map((row, index) => (
            <g key={row.version} class={`point point-${row.verdict}`}>
              <title>{`${texts.version(row.version)}: ${texts.percent(row.accuracy)}`}</title>
              {row.interval && (
                <line x1={x(index)} x2={x(index)} y1={y(row.interval[1])} y2={y(row.interval[0])} />
              )}
              {row.isChampion && <circle class="halo" cx={x(index)} cy={y(row.accuracy)} r={10} />}
              <circle cx={x(index)} cy={y(row.accuracy)} r={5} />
              {index % everyVersion === 0 && (
                <text class="tick" x={x(index)} y={height - 8} text-anchor="middle">
                  {row.version}
                </text>
              )}
            </g>
          ))}
        </svg>
      )}
    </div>
  );
};

const isPromoted = ({ verdict }: VersionRow) => verdict === 'first' || verdict === 'promote';

/** Lowest and highest accuracy shown, at steps that read well. */
const axisOf = (rows: readonly VersionRow[]): [number, number, number[]] => {
  const values = rows.flatMap(({ accuracy, interval }) => [accuracy, ...(interval ?? [])]);
  const spread = Math.max(...values) - Math.min(...values);
  const step = spread > 0.4 ? 0.2 : spread > 0.16 ? 0.1 : spread > 0.08 ? 0.05 : 0.02;
  const first = Math.max(0, Math.floor(Math.min(...values) / step - 0.2));
  const last = Math.min(Math.round(1 / step), Math.ceil(Math.max(...values) / step + 0.2));
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
  return [first * step, last * step, ticks];
};
