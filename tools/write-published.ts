/**
 * Writes `assets/published.json`: the configs of the models that weights.config.json names, for plans without a network.
 * `npm run published`; a test keeps it current.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { WeightsConfig } from '../library/named-model.ts';
import { published } from './checkpoint/published.ts';

const root = new URL('../', import.meta.url);

/** The text that `assets/published.json` must have. */
export function publishedJson(): string {
  const config: WeightsConfig = JSON.parse(readFileSync(new URL('weights.config.json', root), 'utf8'));
  const names = Object.values(config.models).flatMap(({ repository }) => repository ?? []);
  const entries = names.flatMap((name) => (published[name] ? [[name, published[name]] as const] : []));
  return `{\n${entries.map(([name, configs]) => `  ${JSON.stringify(name)}: ${JSON.stringify(configs)}`).join(',\n')}\n}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(new URL('assets/published.json', root), publishedJson());
