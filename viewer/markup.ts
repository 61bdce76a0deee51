/** The sampled frames, to be drawn over by `viewer.ts`, with its slider and legend. */
import { html, type Markup } from '../charts/markup.ts';
import { onWhite } from '../charts/palette.ts';
import type { Size } from '../engine/geometry.ts';
import { columnsOf } from './layout.ts';
import type { Played } from './played.ts';

/** Colours of the palette: what is merged is blue, pruned vermillion, kept green, over the frames and in charts. */
export const COLOUR = { merged: 0, kept: 2, pruned: 1 } as const;

/** A sampled frame. */
export interface DrawnFrame {
  /** Address of its picture, which may be a `data:` one. */
  readonly source: string;
  /** When it is shown in the video. */
  readonly seconds: number;
}

const HINT = 'Point at a patch to see what became of it; arrow and page keys walk over patches and frames.';

/** Slider, legend and frames. */
export function playerSection(data: Played, frames: readonly DrawnFrame[], { width, height }: Size): Markup {
  const last = data.points.length - 1;
  const newline = data.newlines !== 'none';
  // The picture as it is displayed, although the model may see a square; newline tokens right of it.
  const columns = columnsOf(data);
  const shape = `--columns:${columns};--pictured:${data.columns};--shape:${(width / height) * (columns / data.columns)}`;
  return html`<div class="player" style="${shape}">
<div class="controls"><button type="button" id="play">Play</button>
<input type="range" id="point" min="0" max="${last}" value="${last}" step="1" aria-label="Place in the decoder" aria-describedby="count">
<output id="count" for="point"></output>
<output id="told" class="told" aria-live="polite" data-hint="${HINT}">${HINT}</output></div>
<ul class="legend-row">${legend(newline)}</ul>
<div id="board" class="board" tabindex="0" role="application" aria-label="Patches of the sampled frames" aria-describedby="told">
${frames.map((frame, i) => frameBox(frame, i))}<svg id="thread" class="thread" aria-hidden="true"></svg></div>
<noscript><p class="note">The patches are drawn by a program in this page, which is switched off here.</p></noscript>
</div>`;
}

function frameBox({ source, seconds }: DrawnFrame, index: number): Markup {
  const at = `${seconds.toFixed(2)} s`;
  return html`<figure class="frame"><div class="view"><img src="${source}" alt="Frame ${index + 1}, at ${at}"><canvas></canvas></div>
<figcaption><b>${index + 1}</b> <span class="at">${at}</span> <span class="left"></span></figcaption></figure>\n`;
}

function legend(newline: boolean): Markup[] {
  const entry = (name: string, sign: string, text: string): Markup =>
    html`<li><span class="swatch ${name}" aria-hidden="true">${sign}</span>${text}</li>`;
  return [
    entry('kept', '', 'kept'),
    entry('merged', '‹', 'merged into the same place of an earlier frame'),
    entry('pruned', '×', 'pruned'),
    ...(newline ? [entry('newline', '↵', 'newline token, which ends a row and shows no picture')] : []),
  ];
}

/** Style of the player; the colours are those of the charts. */
export const playerCss = `
.player{--merged:${onWhite.series[COLOUR.merged]};--pruned:${onWhite.series[COLOUR.pruned]};--newline:var(--soft)}
.controls{position:sticky;top:0;z-index:3;display:flex;flex-wrap:wrap;gap:.25rem .75rem;align-items:center;padding:.5rem 0;background:var(--page)}
.controls button{font:inherit;min-width:4.5rem;padding:.3rem .8rem;border:1px solid var(--line);border-radius:6px;background:var(--raised);color:var(--ink);cursor:pointer}
.controls input{flex:1 1 14rem;min-width:8rem;accent-color:var(--link);height:1.75rem}
.controls output{flex:1 1 100%;font-variant-numeric:tabular-nums}
.controls .told{min-height:3em;line-height:1.5;font-size:.875rem;color:var(--soft)}
.legend-row{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;margin:.25rem 0 .75rem;padding:0;max-width:none;font-size:.875rem}
.swatch{display:inline-block;width:1.15rem;height:1.15rem;line-height:1.05rem;margin-right:.4rem;text-align:center;vertical-align:-.2rem;color:#fff;font-weight:700;border-radius:2px}
.swatch.kept{background:linear-gradient(135deg,#7fb685,#e8d9a0 50%,#6c8ebf)}
.swatch.merged{background:var(--merged)}.swatch.pruned{background:var(--pruned)}
.swatch.newline{background:var(--newline);color:var(--page)}
.board{position:relative;display:grid;grid-template-columns:repeat(auto-fill,minmax(min(9rem,30%),1fr));gap:.75rem .6rem;touch-action:manipulation}
.frame{margin:0;min-width:0}
.frame figcaption{margin-top:.15rem;font-size:.75rem;white-space:nowrap;overflow:hidden;text-overflow:ellipsis;font-variant-numeric:tabular-nums}
.frame .left{float:right}
@media screen and (max-width:40rem){.frame .at{display:none}}
.view{position:relative;aspect-ratio:var(--shape)}
.view img{position:absolute;left:0;top:0;width:calc(100% * var(--pictured) / var(--columns));height:100%;object-fit:fill}
.view canvas{position:absolute;inset:0;width:100%;height:100%;cursor:crosshair}
.thread{position:absolute;inset:0;width:100%;height:100%;pointer-events:none;overflow:visible}
.thread rect,.thread polyline{fill:none;stroke-linejoin:round}
.thread .member{stroke:var(--chart-5);stroke-width:1.5}
.thread .end,.thread .cursor{stroke:var(--ink);stroke-width:2.5;paint-order:stroke}
.thread .cursor{stroke-dasharray:4 2}
.thread .under{stroke:var(--page);stroke-width:5;opacity:.8}
.thread .over{stroke:var(--ink);stroke-width:2}
@media print{.controls button,.controls input,.controls .told{display:none}.controls{position:static}.frame{break-inside:avoid}}`;
