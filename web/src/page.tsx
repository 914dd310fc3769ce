/** The whole page. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { AccuracyChart } from './accuracy-chart.tsx';
import { setKey } from './api.ts';
import { KeyForm } from './key-form.tsx';
import { LearningPanel } from './learning-panel.tsx';
import { PictureCard } from './picture-card.tsx';
import {
  errorText,
  initialLanguage,
  type Language,
  languages,
  rememberLanguage,
  TextsContext,
} from './texts.ts';
import { useServer } from './use-server.ts';
import { VersionBadge } from './version-badge.tsx';
import { versionRows } from './version-rows.ts';
import { VersionTable } from './version-table.tsx';

const keyProblems = ['missing_key', 'bad_key', 'insufficient_scope'];

export const Page = () => {
  const [language, setLanguage] = useState<Language>(initialLanguage);
  const texts = languages[language];
  const { status, models, runs, problem, refresh } = useServer();
  const rows = useMemo(() => (models ? versionRows(models, runs) : []), [models, runs]);
  useEffect(() => {
    document.documentElement.lang = texts.language;
  }, [texts]);
  const choose = (next: Language) => {
    rememberLanguage(next);
    setLanguage(next);
  };
  const needsKey = problem !== null && keyProblems.includes(problem.code);
  return (
    <TextsContext.Provider value={texts}>
      <header class="top">
        <div>
          <h1>Relearn</h1>
          <p class="muted">{texts.tagline}</p>
        </div>
        <div class="top-side">
          <VersionBadge champion={status?.champion ?? null} isKnown={status !== null} />
          <button
            type="button"
            class="quiet"
            lang={language === 'en' ? 'zh-CN' : 'en'}
            onClick={() => choose(language === 'en' ? 'zh' : 'en')}
          >
            {language === 'en' ? '中文' : 'English'}
          </button>
        </div>
      </header>
      <main>
        {problem !== null && !needsKey && (
          <p class="notice" role="status">
            {errorText(texts, problem)} {texts.tryingAgain}
          </p>
        )}
        {needsKey && (
          <KeyForm
            onKey={(key) => {
              setKey(key);
              refresh();
            }}
          />
        )}
        <div class="columns">
          <PictureCard status={status} />
          <LearningPanel status={status} runs={runs} />
        </div>
        <section class="card" aria-labelledby="history-title">
          <h2 id="history-title">{texts.history}</h2>
          <p class="muted">{rows.length > 0 ? texts.historyNote : texts.historyEmpty}</p>
          {rows.length > 0 && <AccuracyChart rows={rows} />}
          {rows.length > 0 && <VersionTable rows={rows} onChange={refresh} />}
        </section>
      </main>
    </TextsContext.Provider>
  );
};
