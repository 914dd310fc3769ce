/** Asks for the API key of servers that want one. */
import { useState } from 'preact/hooks';
import { useTexts } from './texts.ts';

export const KeyForm = ({ onKey }: { onKey(key: string): void }) => {
  const texts = useTexts();
  const [key, setKey] = useState('');
  return (
    <form
      class="card key-form"
      onSubmit={(event) => {
        event.preventDefault();
        onKey(key.trim());
      }}
    >
      <p>{texts.keyNeeded}</p>
      <label>
        {texts.key}
        <input
          type="password"
          autocomplete="off"
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="primary" disabled={key.trim() === ''}>
        {texts.useKey}
      </button>
    </form>
  );
};
