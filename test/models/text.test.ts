import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { WeightsError } from '../../engine/errors.ts';
import { QWEN_1_5, timesLead, VIDEO_LEAD, VIDEO_MARK } from '../../models/chat.ts';
import { ChatTemplate } from '../../models/chat-template.ts';
import { Tokenizer } from '../../models/tokenizer.ts';
import { byteTokenizerJson } from '../helpers/files.ts';

const assets = new URL('../../assets/tiny-llava-video/', import.meta.url);
const read = (file: string): string => readFileSync(fileURLToPath(new URL(file, assets)), 'utf8');

const byteTokenizer = (): Tokenizer => new Tokenizer('tokenizer.json', byteTokenizerJson({ '<|im_end|>': 256 }));

describe('Tokenizer', () => {
  const tokenizer = byteTokenizer();

  it('turns text to ids and back, whatever the script', () => {
    for (const text of ['', 'a', 'Grüße, 世界! 👩‍🚀\n\t  two  spaces ', '�'])
      expect(tokenizer.decode(tokenizer.encode(text))).to.equal(text);
    expect(tokenizer.encode('ü')).to.deep.equal([0xc3, 0xbc]);
  });

  it('knows special tokens in text, and leaves them out of answers', () => {
    expect(tokenizer.encode('a<|im_end|>')).to.deep.equal([97, 256]);
    expect(tokenizer.decode([97, 256, 98])).to.equal('ab');
    expect(tokenizer.idOf('<|im_end|>')).to.equal(256);
    expect(tokenizer.idOf('<|im_start|>')).to.equal(undefined);
  });

  it('streams the pieces of a text, and holds a character back until it is whole', () => {
    const stream = tokenizer.stream();
    const pieces = tokenizer.encode('aü👩b').map((id) => stream.push(id));
    expect(pieces).to.deep.equal(['a', '', 'ü', '', '', '', '👩', 'b']);
    expect(stream.end()).to.equal('');
  });

  it('gives out at the end what never became whole', () => {
    const stream = tokenizer.stream();
    expect([0x61, 0xf0, 0x9f].map((id) => stream.push(id))).to.deep.equal(['a', '', '']);
    expect(stream.end()).to.match(/^�+$/);
    expect(stream.end()).to.equal('');
  });

  it('streams nothing for a special token', () => {
    const stream = tokenizer.stream();
    expect([0x61, 256, 0x62].map((id) => stream.push(id)).join('')).to.equal('ab');
  });

  it('streams in pieces what it decodes as a whole, for the bundled tokenizer', () => {
    const bundled = Tokenizer.parse('tokenizer.json', read('tokenizer.json'));
    const text = 'The red circle moves to the right, 3 times; dann nach links — 世界 👍.';
    const ids = bundled.encode(text);
    const stream = bundled.stream();
    const pieces = [...ids.map((id) => stream.push(id)), stream.end()];
    expect(pieces.join('')).to.equal(text).and.equal(bundled.decode(ids));
    expect(bundled.encode('<|im_end|>')).to.deep.equal([bundled.idOf('<|im_end|>')]);
  });

  it('says which file is no tokenizer', () => {
    for (const json of ['{', '{}', 'null'])
      expect(() => Tokenizer.parse('some/tokenizer.json', json)).to.throw(WeightsError, /^some\/tokenizer\.json: /);
  });
});

/** A conversation of one question. */
const asked = (content: string) => [{ role: 'user', content }] as const;

describe('ChatTemplate', () => {
  const QWEN =
    '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n';

  it("is LLaVA-NeXT's qwen_1_5 where a checkpoint has none", () => {
    expect(new ChatTemplate('f', QWEN_1_5).render(asked('What?'))).to.equal(QWEN);
  });

  it("is the checkpoint's own where it has one", () => {
    const config = JSON.parse(read('tokenizer_config.json')) as { chat_template: string };
    expect(new ChatTemplate('f', config.chat_template).render(asked('What?'))).to.equal(QWEN);
    expect(new ChatTemplate('f', '[{{ messages[0].content }}]').render(asked('What?'))).to.equal('[What?]');
  });

  it('does not take a question for a template', () => {
    expect(new ChatTemplate('f', QWEN_1_5).render(asked('{{ 1 + 1 }} {% if %}'))).to.include(
      'user\n{{ 1 + 1 }} {% if %}<',
    );
  });

  it('says which file has one that does not parse', () => {
    expect(() => new ChatTemplate('tokenizer_config.json', '{% if %}')).to.throw(
      WeightsError,
      /^tokenizer_config\.json: chat_template does not parse: /,
    );
  });
});

describe('the words before a question', () => {
  it('are the video alone', () => {
    expect(VIDEO_LEAD).to.equal(`${VIDEO_MARK}\n`);
  });

  it('tell the times where the model was trained with them, in the words of the reference', () => {
    const times = { frames: 3, durationText: '31.41', timesText: '0.00s,15.69s,31.38s' };
    expect(timesLead(times)).to.equal(
      `${VIDEO_MARK}The video lasts for 31.41 seconds, and 3 frames are uniformly sampled from it. These frames are located at ` +
        '0.00s,15.69s,31.38s. Please answer the following questions related to this video.\n ',
    );
  });
});
