/** Questions and answers. */
import { useEffect, useRef } from 'preact/hooks';
import { DEFAULTS } from '../state/address.ts';
import { wantsStill } from '../state/motion.ts';
import type { Page } from '../state/page.ts';
import { Answered } from './answered.tsx';
import { Budget } from './budget.tsx';
import { Download, ModelDialog } from './models.tsx';

/** Examples that are shown at most. */
const EXAMPLES = 6;

export function Conversation({ page }: { readonly page: Page }) {
  const exchanges = page.exchanges.value;
  const list = useRef<HTMLElement>(null);
  const end = useRef<HTMLDivElement>(null);
  const state = exchanges.at(-1)?.state;
  useEffect(() => {
    if (!state) return; // to look where the end is would lay the first screen out twice
    list.current?.scrollTo({ top: list.current.scrollHeight });
    // On a phone the answer stands below the picture, and elsewhere the next question may stand below the window.
    const behavior = wantsStill() ? 'auto' : 'smooth';
    if (!page.answering.value) end.current?.scrollIntoView({ block: 'nearest', behavior });
  }, [exchanges.length, state]);
  return (
    <section class="conversation" aria-label="Conversation">
      <ModelLine page={page} />
      {page.model.value?.limits && <p class="note">{page.model.value.limits}</p>}
      <Download page={page} />
      <Budget page={page} />
      {/* Keys scroll it also while nothing in it takes a key. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls takes the focus */}
      <section class="exchanges" aria-label="Questions and answers" tabIndex={0} ref={list}>
        {exchanges.map((exchange) => (
          <Answered key={exchange.id} page={page} exchange={exchange} />
        ))}
      </section>
      <Composer page={page} />
      <div class="hidden" role="status" aria-live="polite">
        {spoken(page)}
      </div>
      <div class="end" ref={end} />
    </section>
  );
}

/** What a screen reader says: an answer once it is whole, and not word for word. */
function spoken(page: Page): string {
  const last = page.exchanges.value.at(-1);
  if (!last) return page.video.value ? 'Ready for a question.' : '';
  if (page.answering.value) return 'Answering.';
  if (last.state === 'failed') return ''; // the notice says why
  const text = last.said.reduced?.text ?? last.said.dense?.text ?? '';
  return last.state === 'stopped' ? 'Stopped.' : `Answer: ${text}`;
}

function ModelLine({ page }: { readonly page: Page }) {
  const model = page.model.value;
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <div class="model">
      <ModelDialog page={page} dialog={dialog} />
      <p>
        <b>{model?.name ?? page.modelName.value}</b>
        {model && <span> {model.facts}</span>}
      </p>
      {model && page.place.value?.where === 'browser' && page.modelName.value !== DEFAULTS.model && (
        <button type="button" onClick={() => void page.discard()}>
          Remove
        </button>
      )}
      <button
        type="button"
        onClick={() => {
          dialog.current?.showModal();
          void page.list();
        }}
      >
        Models
      </button>
    </div>
  );
}

function Composer({ page }: { readonly page: Page }) {
  const examples = page.model.value?.examples ?? [];
  const answering = page.answering.value;
  const question = page.draft.value;
  const hint = examples[3] ?? examples[0] ?? 'What happens in this video?';
  const ask = (): void => void page.ask(question.trim() || hint);
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        ask();
      }}
    >
      <label for="question">{page.exchanges.value.length > 0 ? 'Ask more' : 'Your question'}</label>
      <div class="line">
        <input
          id="question"
          type="text"
          autocomplete="off"
          placeholder={hint}
          value={question}
          onInput={({ currentTarget }) => {
            page.draft.value = currentTarget.value;
          }}
        />
        {answering ? (
          <button type="button" class="stop" onClick={() => void page.stop()}>
            Stop
          </button>
        ) : (
          <button type="submit" class="primary" disabled={page.missing.value !== undefined}>
            Ask
          </button>
        )}
      </div>
      {examples.length > 1 && (
        <ul class="examples" aria-label="Questions that it knows">
          {examples.slice(0, EXAMPLES).map((example) => (
            <li key={example}>
              <button type="button" aria-disabled={answering} onClick={() => void page.ask(example)}>
                {example}
              </button>
            </li>
          ))}
        </ul>
      )}
    </form>
  );
}
