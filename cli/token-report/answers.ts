/** The answers, side by side where there are two, with the place where they begin to differ. */
import { html, type Markup } from '../../charts/markup.ts';
import { type Answered, type Parting, partingOf } from '../answers.ts';

/** One answer, or two. */
export function answersSection(answers: readonly Answered[]): Markup {
  const [one, other] = answers;
  const parting = one && other && partingOf(one.pieces, other.pieces);
  const said = partingText(parting);
  return html`<div class="answers">${answers.map((answered) => answerBox(answered, parting))}</div>
${other && html`<p class="note">${said}</p>`}`;
}

function answerBox({ report, pieces }: Answered, parting: Parting | undefined): Markup {
  const { reducer, answer, budget } = report;
  const name = reducer === 'none' ? 'dense' : `${reducer}, ${Number((100 * budget.asked).toFixed(2))} %`;
  return html`<figure class="answer"><figcaption>${name}</figcaption><blockquote>${parting ? marked(pieces, parting) : answer}</blockquote></figure>\n`;
}

function marked(pieces: Answered['pieces'], { token, before }: Parting): Markup {
  const at = pieces.findIndex(({ tokens }) => tokens > token);
  const rest = at < 0 ? [] : pieces.slice(at).map(({ text }) => text);
  const [first = '', ...more] = rest;
  return html`${before}<mark>${first === '' ? '(ends here)' : first}</mark>${more.join('')}`;
}

function partingText(parting: Parting | undefined): string {
  if (!parting) return 'They are the same, word for word.';
  if (parting.before.trim() === '') return 'They differ from the first word.';
  return 'They are the same up to the word that is marked.';
}

export const answersCss = `
.answers{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,18rem),1fr));gap:1rem}
.answer{margin:0}.answer figcaption{margin:0}
blockquote{margin:.25rem 0 0;padding:.6rem .8rem;border-left:3px solid var(--link);background:var(--raised);white-space:pre-wrap;overflow-wrap:anywhere}
mark{background:#e69f00;color:#1b1f24;border-radius:2px;padding:0 .1em}`;
