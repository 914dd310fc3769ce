/** Every version: how good, what was decided and why, newest first. */
import { useState } from 'preact/hooks';
import { type ProblemError, problemOf, promote } from './api.ts';
import { Reasons } from './reasons.tsx';
import { errorText, useTexts } from './texts.ts';
import type { VersionRow } from './version-rows.ts';

export const VersionTable = (props: { readonly rows: readonly VersionRow[]; onChange(): void }) => {
  const { rows, onChange } = props;
  const texts = useTexts();
  const [problem, setProblem] = useState<ProblemError | null>(null);
  const when = new Intl.DateTimeFormat(texts.language, {
    dateStyle: 'medium',
    timeStyle: 'short',
    hourCycle: 'h23',
  });
  const makeChampion = async (version: number) => {
    if (!window.confirm(texts.confirmChampion(version))) return;
    setProblem(null);
    await promote(version).catch((error) => setProblem(problemOf(error)));
    onChange();
  };
  return (
    <>
      {problem !== null && (
        <p class="notice" role="alert">
          {errorText(texts, problem)}
        </p>
      )}
      <table class="versions">
        <caption>{texts.versions}</caption>
        <thead>
          <tr>
            <th scope="col">{texts.versionColumn}</th>
            <th scope="col">{texts.accuracy}</th>
            <th scope="col">{texts.verdict}</th>
            <th scope="col">{texts.reason}</th>
            <th scope="col">{texts.created}</th>
          </tr>
        </thead>
        <tbody>
          {rows.toReversed().map((row) => (
            <tr key={row.version} class={row.isChampion ? 'is-champion' : undefined}>
              <th scope="row">
                {row.version}
                {row.isChampion ? (
                  <span class="tag">{texts.champion}</span>
                ) : (
                  <button type="button" class="link" onClick={() => void makeChampion(row.version)}>
                    {texts.makeChampion}
                  </button>
                )}
              </th>
              <td data-name={texts.accuracy}>
                <span>
                  {texts.exactPercent(row.accuracy)}
                  {row.interval && (
                    <span class="interval">{row.interval.map(texts.exactPercent).join(' – ')}</span>
                  )}
                </span>
              </td>
              <td data-name={texts.verdict}>
                <span class={`verdict verdict-${row.verdict}`}>{texts.verdicts[row.verdict]}</span>
              </td>
              <td data-name={texts.reason} class="reasons">
                <Reasons gate={row.gate} />
              </td>
              <td data-name={texts.created}>
                <time dateTime={row.createdAt}>{when.format(new Date(row.createdAt))}</time>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
};
