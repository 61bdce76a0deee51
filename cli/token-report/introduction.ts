/** What somebody needs who has never heard of a token: what this is about, the figure that matters, how to read the rest. */
import { html, type Markup } from '../../charts/markup.ts';
import type { ReportOfVideo, RunReport } from '../report.ts';
import { ratioText } from '../table.ts';

/** Three sentences, and where to read more. */
export const introduction = html`<p class="lead">To answer a question about a video, a model cuts every frame into small patches and reads each
as a token, as it reads a word. Most of these tokens repeat the frame before, and yet each costs as much as a word.
<a href="https://arxiv.org/abs/2501.01986">FrameFusion</a> merges the tokens that are alike and drops those that matter least,
so that the model computes less and says the same.</p>`;

/** How the frames are marked. */
export const reading = html`<details class="note" open><summary>How to read this</summary>
<p>Each picture is a frame that the model was shown, and each square on it a token. A clear square is still there; a blue one with
an arrow was merged into the same place of an earlier frame, because the two looked alike; a red one with a cross was dropped,
because the answer hardly needed it. The slider goes through the model from its first layer to its last. Point at a square, or tap
it, to see what became of it.</p></details>`;

/** The share that was computed, and what that was good for. */
export function headline({ runs, seconds }: ReportOfVideo): Markup {
  const run = runs.at(-1);
  if (!run) return html``;
  const { budget, tokens } = run;
  const dense = runs.length > 1 ? runs[0] : undefined;
  const left = (tokens.layers.at(-1)?.leaving ?? tokens.prompt) - (tokens.prompt - tokens.video);
  const shared = seconds.decodeVideo + seconds.preprocess + seconds.vision;
  return html`<p class="headline"><b>${Math.round(100 * budget.computedShare)} %</b> <span>of the video was computed: of ${tokens.video} tokens, ${left} went through to the last layer.${dense && ` ${comparison(dense, run, shared)}`}</span></p>`;
}

/** What the reduced run saves against the dense one. */
function comparison(dense: RunReport, reduced: RunReport, shared: number): string {
  const total = ({ seconds: { prefill, decode } }: RunReport): number => shared + prefill + decode;
  const said = (name: string, was: number, is: number): string => `${name} ${ratioText(was, is, 'faster', 'slower')}`;
  const answers = dense.answer === reduced.answer ? 'The answer is the same' : 'The answers differ';
  return `${answers}; ${said('reading the prompt is', dense.seconds.prefill, reduced.seconds.prefill)}, ${said('all together', total(dense), total(reduced))}.`;
}

/** The name of a file or of what an address leads to, without its path. */
export function shortName(name: string): string {
  const path = /^https?:/i.test(name) ? name.replace(/[?#].*$/s, '') : name;
  return path.split(/[/\\]/).findLast((part) => part !== '') ?? name;
}

export const headlineCss = `
.lead{font-size:1.05rem}
.headline{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem 1rem;margin:1.25rem 0;padding:.9rem 1.1rem;border-radius:8px;background:var(--raised);border:1px solid var(--line);max-width:none}
.headline b{font-size:2.75rem;line-height:1.1;white-space:nowrap}
.headline span{flex:1 1 16rem}
.warning{padding:.6rem .8rem;border-left:3px solid #e69f00;background:var(--raised)}
.card main{max-width:none;height:630px;overflow:hidden;padding:1.5rem 2.25rem;display:flex;flex-direction:column}
.card main>:not(h1,.headline,.player,.answers){display:none}
.card h1{font-size:2rem}.card .headline{font-size:1.15rem;margin:0 0 .75rem}.card .headline b{font-size:3.5rem}
.card .answers{order:3;margin-bottom:.75rem}.card .answer{max-height:7rem;overflow:hidden}
.card .player{order:4;overflow:hidden;flex:1}.card .controls,.card .frame figcaption{display:none}
`;
