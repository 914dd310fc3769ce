/** Where a picture goes in: by drop, by the file dialog, by the camera of a phone. */
import { useRef, useState } from 'preact/hooks';
import { useTexts } from './texts.ts';

export const DropZone = (props: {
  readonly address: string | null;
  readonly isEnabled: boolean;
  /** Why pictures are not taken yet, and what to do; null where they are. */
  readonly obstacle: { readonly title: string; readonly cure: string } | null;
  onFiles(files: ArrayLike<File>): void;
}) => {
  const { address, isEnabled, obstacle, onFiles } = props;
  const texts = useTexts();
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setIsOver] = useState(false);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button inside does the same by keyboard
    <div
      class={`drop${isOver ? ' drop-over' : ''}${address === null ? '' : ' drop-filled'}`}
      onDragOver={() => setIsOver(isEnabled)}
      onDragLeave={() => setIsOver(false)}
      // The page takes drops wherever they fall.
      onDrop={() => setIsOver(false)}
    >
      {address === null ? (
        <>
          <DropIcon />
          <p class="drop-title">{obstacle?.title ?? texts.drop}</p>
          <p class="muted small">{obstacle?.cure ?? texts.orPaste}</p>
        </>
      ) : (
        <img src={address} alt={texts.yourPicture} />
      )}
      {obstacle === null && (
        <button
          type="button"
          class={address === null ? 'primary' : 'quiet'}
          disabled={!isEnabled}
          onClick={() => input.current?.click()}
        >
          {address === null ? texts.choose : texts.another}
        </button>
      )}
      <input
        ref={input}
        type="file"
        accept="image/*"
        hidden
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = '';
          if (files.length > 0) onFiles(files);
        }}
      />
    </div>
  );
};

const DropIcon = () => (
  <svg class="drop-icon" viewBox="0 0 48 48" aria-hidden="true">
    <rect x="6" y="9" width="36" height="30" rx="4" />
    <circle cx="17" cy="19" r="3.5" />
    <path d="M7 34l11-10 8 7 6-6 10 9" />
  </svg>
);
