/** Which version answers; announces a new one. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { useTexts } from './texts.ts';

const announcedFor = 8_000;

export const VersionBadge = ({
  champion,
  isKnown,
}: {
  readonly champion: number | null;
  readonly isKnown: boolean;
}) => {
  const texts = useTexts();
  const before = useRef<number | null | undefined>(undefined);
  const [isNew, setIsNew] = useState(false);
  useEffect(() => {
    if (!isKnown) return;
    const changed = before.current !== undefined && before.current !== champion;
    before.current = champion;
    if (!changed) return;
    setIsNew(true);
    const timer = window.setTimeout(() => setIsNew(false), announcedFor);
    return () => window.clearTimeout(timer);
  }, [champion, isKnown]);
  if (!isKnown) return null;
  return (
    <>
      <span class={isNew ? 'badge badge-new' : 'badge'} data-version={champion ?? ''}>
        {champion === null ? texts.noVersion : texts.version(champion)}
      </span>
      <span class={isNew ? 'toast toast-shown' : 'toast'} role="status">
        {isNew && champion !== null ? texts.newVersion(champion) : ''}
      </span>
    </>
  );
};
