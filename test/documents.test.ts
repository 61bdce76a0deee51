import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { expect } from 'chai';
import { overview } from '../bench/common/overview.ts';
import { runLine } from '../cli/arguments.ts';
import { convertLine } from '../cli/convert/arguments.ts';
import { describeLine } from '../cli/describe/arguments.ts';
import { evalLine } from '../cli/eval/arguments.ts';
import { workerLine } from '../cli/queue/worker-arguments.ts';
import { serveLine } from '../serve/arguments.ts';
import { helpPage } from '../tools/help-page.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const text = (file: string): string => readFileSync(join(root, file), 'utf8');

/** Every page that people read. */
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'NOTICE.md',
  ...readdirSync(join(root, 'docs')).map((file) => `docs/${file}`),
].filter((file) => file.endsWith('.md'));

describe('the documents', () => {
  it('have the page of the commands as npm run help-page writes it', () => {
    const helps = {
      'ff-run': runLine.help(),
      'ff-eval': evalLine.help(),
      'ff-describe': describeLine.help(),
      'ff-worker': workerLine.help(),
      'ff-convert': convertLine.help(),
      'ff-serve': serveLine.help(),
      'ff-bench': overview(),
    };
    expect(text('docs/commands.md')).to.equal(helpPage(helps));
  });

  it('name files that are there', () => {
    for (const page of pages)
      for (const [, target = ''] of text(page).matchAll(/\]\((?!https?:)([^)#]+)\)/g))
        expect(existsSync(join(root, page, '..', target)), `${page} links to ${target}`).to.equal(true);
  });

  it('give npm commands that package.json has', () => {
    const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
    for (const page of pages)
      for (const [, name = ''] of text(page).matchAll(/npm run (?:-s )?([a-z][\w:-]*)/g))
        expect(Object.keys(scripts), page).to.include(name);
  });

  it('describe weights.config.json by a schema that it obeys and that refuses others', () => {
    const validate = new Ajv({ allErrors: true }).compile(JSON.parse(text('weights.config.schema.json')));
    const config = JSON.parse(text('weights.config.json'));
    expect(validate(config), JSON.stringify(validate.errors)).to.equal(true);
    const { default: name, models } = config;
    expect(models).to.have.property(name);
    for (const wrong of [{ frames: 0 }, { folder: 'a', repository: 'b' }, { dtype: 'q9' }, { colour: 'red' }])
      expect(validate({ ...config, models: { x: { ...models[name], ...wrong } } })).to.equal(false);
  });
});
