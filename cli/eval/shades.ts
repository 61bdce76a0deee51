/** Shades of the cells that differ from dense: orange below, blue above, so faint that the text on them stays readable. */
import { html, type Markup } from '../../charts/markup.ts';

/** Where each shade begins, in points. */
const STEPS = [2, 5, 10, 20] as const;
const OPACITY = [0.12, 0.24, 0.36, 0.48] as const;
/** Vermillion and blue of Okabe & Ito. */
const BELOW = '213 94 0';
const ABOVE = '0 114 178';

/** The class of a cell that differs by so many points; none if it hardly does. */
export function shadeOf(points: number): string | undefined {
  // As the cell prints it: 4.96 is a 5.0.
  const size = Number(Math.abs(points).toFixed(1));
  const step = STEPS.findLastIndex((from) => size >= from);
  return step < 0 ? undefined : `${points < 0 ? 'below' : 'above'}${step}`;
}

/** Their style. */
export const shadeCss = OPACITY.map(
  (opacity, i) => `
.below${i}{background:rgb(${BELOW}/${opacity})}.above${i}{background:rgb(${ABOVE}/${opacity})}`,
).join('');

/** Says what they mean. */
export function shadeKey(): Markup {
  const keys = [...STEPS.keys()];
  const entry = (side: 'below' | 'above', i: number): Markup =>
    html`<span class="${side}${i}">${side === 'below' ? '−' : '+'}${STEPS[i]}</span>`;
  const below = keys.toReversed().map((i) => entry('below', i));
  return html`<p class="note key">Points from dense: ${below}<span>0</span>${keys.map((i) => entry('above', i))} and more</p>`;
}
