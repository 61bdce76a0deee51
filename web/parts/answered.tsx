/** One question, answered with few tokens beside all. */
import { useSignal } from '@preact/signals';
import type { Run, RunStats } from '../engine/engine.ts';
import type { Exchange, Page, Said } from '../state/page.ts';

export function Answered({ page, exchange }: { readonly page: Page; readonly exchange: Exchange }) {
  const { question, note, said, state, cost } = exchange;
  const runs = (['reduced', 'dense'] as const).filter((run) => said[run]);
  const most = Math.max(...runs.map((run) => secondsOf(said[run]?.stats)));
  return (
    <article class={`exchange ${state}`} aria-label={question}>
      <h2 class="question">{question}</h2>
      {note && <p class="note">{note}</p>}
      {state === 'waiting' && <p class="writing">waiting for the model …</p>}
      {state === 'warming' && <p class="writing">compiling kernels for this GPU, once …</p>}
      <div class="answers">
        {runs.map((run) => (
          <Answer key={run} run={run} cost={cost} said={said[run]!} most={most} open={state === 'answering'} />
        ))}
      </div>
      {state === 'stopped' && <p class="note">Stopped.</p>}
      {(state === 'done' || state === 'stopped') && <Tools page={page} exchange={exchange} />}
    </article>
  );
}

interface AnswerProps {
  readonly run: Run;
  readonly cost: number;
  readonly said: Said;
  /** Seconds of the slower one. */
  readonly most: number;
  readonly open: boolean;
}

function Answer({ run, cost, said: { text, stats }, most, open }: AnswerProps) {
  const writing = open && !stats;
  return (
    <figure class={`answer ${run}`}>
      <figcaption>{run === 'dense' ? 'All tokens' : `FrameFusion, ${Math.round(100 * cost)} %`}</figcaption>
      <blockquote data-ids={stats?.ids.join(' ')}>
        {text}
        {writing && <span class="caret" aria-hidden="true" />}
      </blockquote>
      {stats && (
        <>
          <div class="bar" aria-hidden="true">
            <span style={{ width: `${(100 * secondsOf(stats)) / Math.max(most, 1e-9)}%` }} />
          </div>
          <p class="stats">{statsText(stats)}</p>
        </>
      )}
    </figure>
  );
}

function secondsOf(stats: RunStats | undefined): number {
  return stats ? stats.prefillSeconds + stats.decodeSeconds : 0;
}

function statsText(stats: RunStats): string {
  const { promptTokens, videoTokens, reused, computedShare } = stats;
  const seconds = `${secondsOf(stats).toFixed(2)} s`;
  if (reused > 0) return `${seconds}, ${promptTokens - reused} new tokens; the video is in the cache`;
  return `${seconds}, ${Math.round(computedShare * videoTokens)} of ${videoTokens} video tokens a layer`;
}

function Tools({ page, exchange }: { readonly page: Page; readonly exchange: Exchange }) {
  const done = useSignal('');
  const copy = async (text: string, what: string): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      done.value = `${what} copied`;
    } catch {
      done.value = text; // a page without the right to copy: it can be selected
    }
  };
  const { reduced, dense } = exchange.said;
  return (
    <div class="tools">
      <button type="button" onClick={() => void copy((reduced ?? dense)?.text ?? '', 'Answer')}>
        Copy
      </button>
      <button type="button" onClick={() => void copy(page.link(exchange.question), 'Link')}>
        Share
      </button>
      <span role="status">{done.value}</span>
    </div>
  );
}
