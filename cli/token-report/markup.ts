import { html, type Markup, type Part } from '../../charts/markup.ts';

/** A list of names and what they stand for. */
export function entries(list: readonly (readonly [name: string, value: Part])[]): Markup {
  return html`<dl>
${list.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>`;
}
