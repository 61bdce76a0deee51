/** The choice of a model, and what is fetched for it. */
import type { RefObject } from 'preact';
import { bytesText } from '../../engine/text.ts';
import type { Choice } from '../engine/engine.ts';
import { DEFAULTS } from '../state/address.ts';
import type { Page } from '../state/page.ts';

export function ModelDialog({
  page,
  dialog,
}: {
  readonly page: Page;
  readonly dialog: RefObject<HTMLDialogElement | null>;
}) {
  const close = (): void => dialog.current?.close();
  const use = (model: string): void => {
    close();
    void page.choose(model);
  };
  return (
    <dialog ref={dialog} class="models" aria-labelledby="models-title">
      <div class="heading">
        <h2 id="models-title">Models</h2>
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
      <p class="hint">
        A model is downloaded once, from huggingface.co into this browser's storage, checked by its hash, and is there
        at your next visit. Sizes of memory are planned for this adapter.
      </p>
      <ul>
        <li>
          <h3>The embedded model</h3>
          <p>Comes with the page, 5.9 MB. Knows drawn clips of coloured shapes and nothing else.</p>
          <button type="button" onClick={() => use(DEFAULTS.model)}>
            Use
          </button>
        </li>
        {page.choices.value.map((choice) => (
          <Card key={choice.name} page={page} choice={choice} use={use} />
        ))}
      </ul>
      {page.listing.value && <p class="writing">planning for this adapter …</p>}
    </dialog>
  );
}

interface CardProps {
  readonly page: Page;
  readonly choice: Choice;
  readonly use: (model: string) => void;
}

function Card({ page, choice: { name, title, about, bytes, memory, problem, stored }, use }: CardProps) {
  return (
    <li class={problem ? 'no' : ''}>
      <h3>{title}</h3>
      <p>{about}</p>
      {bytes > 0 && (
        <p class="stats">
          {bytesText(bytes)} to download, {bytesText(memory)} of GPU memory
        </p>
      )}
      {problem && <p class="note">{problem}</p>}
      <div class="sources">
        <button type="button" onClick={() => use(name)} disabled={problem !== undefined}>
          {stored === 'all' ? 'Use' : stored === 'part' ? 'Go on with the download' : 'Download and use'}
        </button>
        {stored !== 'none' && (
          <button type="button" onClick={() => void page.remove(name)}>
            Remove
          </button>
        )}
      </div>
    </li>
  );
}

/** A model that is chosen and not here: its download, which can pause. */
export function Download({ page }: { readonly page: Page }) {
  const missing = page.missing.value;
  if (missing === undefined) return null;
  const { model, running } = missing;
  const progress = page.progress.value;
  const known = progress?.stage === 'download' && progress.of > 0 ? progress : undefined;
  return (
    <div class="download">
      <p>
        <b>{model}</b> is {missing.stored === 'part' ? 'here in part' : 'not here yet'}.
        {running && known && ` ${bytesText(known.done)} of ${bytesText(known.of)}`}
      </p>
      {running && <progress {...(known && { value: known.done / known.of })} aria-label="Download" />}
      <div class="sources">
        {running ? (
          <button type="button" onClick={() => void page.pause()}>
            Pause
          </button>
        ) : (
          <button type="button" class="primary" onClick={() => void page.download()}>
            {missing.stored === 'part' ? 'Resume' : 'Download'}
          </button>
        )}
        {!running && (
          <button type="button" onClick={() => void page.choose(DEFAULTS.model)}>
            Use the embedded model
          </button>
        )}
      </div>
    </div>
  );
}
