import { expect } from 'chai';
import { build } from 'esbuild';
import * as errors from '../../engine/errors.ts';
import { cut, escapeControls, plainText, quoted, shownValue } from '../../engine/text.ts';

/** What a terminal obeys: colours, another title, the cursor, C1 controls, reading direction, lines, broken pairs. */
const HOSTILE = [
  '\x1b[31m',
  '\x1b]0;title\x07',
  '\b\b\b',
  '\x7f',
  '\x9b2J',
  '\u202e',
  '\u2066',
  '\u200f',
  '\u2028',
  '\ud800',
];
const OBEYED = /[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029\ufeff]/u;

describe('text that others chose', () => {
  it('shows what a terminal would obey, and leaves every other character as it is', () => {
    for (const text of HOSTILE) {
      expect(escapeControls(text), JSON.stringify(text)).to.not.match(OBEYED);
      expect(quoted(text)).to.not.match(OBEYED);
      expect(plainText(`a ${text} b`)).to.not.match(OBEYED);
    }
    expect(escapeControls('\x1b[31m')).to.equal('\\x1b[31m');
    expect(escapeControls('\u202e')).to.equal('\\u202e');
    for (const text of ['Größe', '视频', 'видео', 'e\u0301', '👩‍👩‍👧', '𝔘'])
      expect([escapeControls(text), quoted(text)]).to.deep.equal([text, `"${text}"`]);
    expect(escapeControls('a\nb\tc', '\n')).to.equal('a\nb\\x09c');
  });

  it('cuts what is long: of a text the middle, of a value the end', () => {
    expect(cut('short', 5)).to.equal('short');
    const long = cut(`${'a'.repeat(500)}end`, 100);
    expect(long)
      .to.have.length(100)
      .and.match(/^a+\.\.\.a+end$/);
    expect(quoted('x'.repeat(1e6)).length).to.be.below(110);
    expect(shownValue(new Array(1000).fill('y'.repeat(1000))).length).to.be.below(1000);
    expect(shownValue([[[[]]], { a: 1 }, null])).to.equal('[?, ?, ?]');
  });
});

describe('errors', () => {
  const { FrameFusionError, ProgramError, ...all } = errors;
  const made = Object.entries(all).map(([name, type]) => [name, new type('what: wrong.')] as const);

  it('have one base class, are told apart by theirs, and have the names of their classes', () => {
    expect(made).to.have.length(6);
    for (const [name, error] of made) {
      expect(error).to.be.instanceOf(FrameFusionError).and.to.be.instanceOf(Error);
      expect(error.name).to.equal(name);
      expect(String(error)).to.equal(`${name}: what: wrong.`);
      expect(error.stack).to.match(new RegExp(`^${name}: what: wrong\\.\\n`));
      expect(error instanceof ProgramError, name).to.equal(['KernelError', 'ShapeError'].includes(name));
    }
    expect(new errors.AdapterLimitError('')).to.be.instanceOf(errors.DeviceError);
  });

  it('keep their names where a minifier renames their classes', async () => {
    const names = made.map(([name]) => `new errors.${name}('').name`);
    const contents = `import * as errors from './engine/errors.ts';
      export const names = [${names}];`;
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: process.cwd(), loader: 'ts' },
      bundle: true,
      minify: true,
      format: 'esm',
      write: false,
    });
    const text = outputFiles[0]!.text;
    expect(text, 'the classes are renamed').to.not.match(/class \w*Error/);
    const bundle = await import(`data:text/javascript,${encodeURIComponent(text)}`);
    expect(bundle.names).to.deep.equal(made.map(([name]) => name));
  });

  it('are one line, whatever was put into their message, and not longer than a screen', () => {
    for (const text of HOSTILE) {
      const { message } = new errors.InputError(`clip\n${text}.mp4: it is\r\n  broken.`);
      expect(message).to.not.match(OBEYED);
      expect(message).to.match(/^clip .*\.mp4: it is broken\.$/);
    }
    const { message } = new errors.WeightsError(`config.json: got ${'x'.repeat(1e7)}. Download it again.`);
    expect(message.length).to.be.at.most(1500);
    expect(message).to.match(/^config\.json: got x+\.\.\.x+\. Download it again\.$/);
  });
});
