/** HTML and SVG from templates whose values are escaped unless they are markup already. */

/** Text that is markup: the only thing that a template takes as it is. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

/** What may stand in a template; `undefined` and `false` leave nothing, a list is joined. */
export type Part = Markup | string | number | false | undefined | readonly Part[];

/** A template: html`<td>${name}</td>` is safe whatever the name is. */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(literals.map((literal, i) => literal + textOf(parts[i])).join(''));
}

/** A list of names and what they stand for; without those that stand for nothing. */
export function entries(list: readonly (readonly [name: string, value: Part])[]): Markup {
  const some = list.filter(([, value]) => value !== undefined);
  return html`<dl>
${some.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>`;
}

/** A text for any place between tags or between quotes. */
export function escapeText(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return printable(text).replace(/[&<>"']/g, (sign) => names[sign] ?? sign);
}

/** A text without what XML forbids, control characters and halves of surrogate pairs, which would break an SVG file. */
export function printable(text: string): string {
  return text.replace(/(?![\t\n\r])[\p{Cc}\p{Surrogate}\ufffe\uffff]/gu, '\ufffd');
}

function textOf(part: Part): string {
  if (part === undefined || part === false) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map(textOf).join('');
  return escapeText(String(part));
}
