/** How to call, for people: `/docs`, and `/` where there is no other page. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import { html, type Markup } from '../charts/markup.ts';
import { page } from '../charts/page.ts';

type Document = ReturnType<OpenAPIHono['getOpenAPI31Document']>;
type Schemas = NonNullable<NonNullable<Document['components']>['schemas']>;

/** @param model - What the model is called. */
export function homePage(model: string, { paths = {}, components }: Document): string {
  const request = JSON.stringify(EXAMPLE(model), undefined, 2);
  return page({
    title: 'ff-serve',
    css: CSS,
    body: html`<p>${model} answers here, to any client of OpenAI's API.</p>
<pre>from openai import OpenAI
client = OpenAI(base_url="http://localhost:8000/v1", api_key="none")
client.chat.completions.create(**${request})</pre>
<h2>Addresses</h2>
<ul>${Object.entries(paths).map(
      ([path, methods]) =>
        html`<li><code>${Object.keys(methods ?? {})
          .join(' ')
          .toUpperCase()} ${path}</code></li>`,
    )}
<li><code>GET /metrics</code></li><li><code>GET <a href="/openapi.json">/openapi.json</a></code>, from which this page is made</li></ul>
${Object.entries(components?.schemas ?? {}).map(([name, schema]) => schemaTable(name, schema))}`,
  });
}

const CSS = 'td{vertical-align:top;padding:.2rem .8rem .2rem 0}pre{overflow-x:auto}';

const EXAMPLE = (model: string) => ({
  model: `${model}@cost=0.3`,
  messages: [
    {
      role: 'user',
      content: [
        { type: 'video_url', video_url: { url: 'data:video/mp4;base64,...' } },
        { type: 'text', text: 'What happens?' },
      ],
    },
  ],
});

/** The keys of an object, what they may be, and what they mean. */
function schemaTable(name: string, schema: Schemas[string]): Markup {
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, object>;
    required?: readonly string[];
  };
  const row = ([key, value]: [string, object]): Markup =>
    html`<tr><td><code>${key}</code></td><td>${
      required.includes(key) ? 'required' : ''
    }</td><td><code>${typeText(value)}</code> ${(value as { description?: string }).description}</td></tr>`;
  return html`<h2>${name}</h2><table>${Object.entries(properties).map(row)}</table>`;
}

/** A type in few words. */
function typeText(schema: object): string {
  const { type, anyOf, oneOf, enum: values, const: only, $ref, items } = schema as Record<string, unknown>;
  if (typeof $ref === 'string') return $ref.slice($ref.lastIndexOf('/') + 1);
  if (only !== undefined) return JSON.stringify(only);
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(' | ');
  const options = anyOf ?? oneOf;
  if (Array.isArray(options)) return [...new Set(options.map(typeText))].join(' | ');
  if (type === 'array') return `${typeText((items ?? {}) as object)}[]`;
  return Array.isArray(type) ? type.join(' | ') : String(type ?? 'any');
}
