/** Why the gate decided as it did, in the page's language. */
import type { GateReport } from '../../src/records/reports.ts';
import { findingText, type Texts, useTexts } from './texts.ts';

export const Reasons = ({ gate }: { readonly gate: GateReport | null }) => {
  const texts = useTexts();
  const lines = gate === null ? [] : linesOf(texts, gate);
  return lines.length === 0 ? (
    <span>–</span>
  ) : (
    <ul>
      {lines.map(({ text, lang }) => (
        <li key={text} lang={lang}>
          {text}
        </li>
      ))}
    </ul>
  );
};

interface Line {
  readonly text: string;
  /** Of the server's own words. */
  readonly lang?: string;
}

const linesOf = (texts: Texts, { reasons, findings, needed }: GateReport): readonly Line[] => [
  ...reasons.map((reason, index): Line => {
    const finding = findings?.[index];
    const text = finding && findingText(texts, finding);
    // Without its code, which stands in front for programs.
    return text ? { text } : { text: reason.replace(/^[a-z_]+: /, ''), lang: 'en' };
  }),
  ...(needed === null ? [] : [{ text: texts.needed(needed) }]),
];
