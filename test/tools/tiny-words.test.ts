import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { Tokenizer } from '../../models/tokenizer.ts';
import { trainTokenizer } from '../../tools/tiny/bpe.ts';
import { CHAT_TEMPLATE, plainPrompt } from '../../tools/tiny/prompts.ts';

const CORPUS = ['the red ring moves', 'the ring appears, then the cross', 'What happens?'];

describe('trainTokenizer', () => {
  const tokenizer = new Tokenizer('tokenizer.json', trainTokenizer(CORPUS));

  it('is fixed by its corpus', () => {
    expect(trainTokenizer(CORPUS)).to.deep.equal(trainTokenizer(CORPUS));
  });

  it('makes every word of the corpus one token', () => {
    for (const text of CORPUS)
      expect(tokenizer.encode(text)).to.have.length(text.match(/ ?[a-z]+| ?[^a-z\s]/gi)!.length);
  });

  it('writes down anything else too, and reads it back', () => {
    for (const text of ['zebra', 'grün, 漢字 🙂', 'a  b\n\tc', '', '!?'])
      expect(tokenizer.decode(tokenizer.encode(text))).to.equal(text);
  });

  it('knows the special tokens', () => {
    const ids = tokenizer.encode('<|im_start|>the ring<|im_end|>');
    expect(ids).to.have.length(4);
    expect([ids[0], ids[3]]).to.deep.equal([tokenizer.idOf('<|im_start|>'), tokenizer.idOf('<|im_end|>')]);
  });
});

describe('plainPrompt', () => {
  it('is the texts of the prompt without what is special', () => {
    expect(plainPrompt('Why?').join('|')).to.equal(
      '|system\nYou are a helpful assistant.|\n|user\n|\nWhy?|\n|assistant\n',
    );
  });

  it('has the template that the checkpoint ships', async () => {
    const shipped = JSON.parse(await readFile('assets/tiny-llava-video/tokenizer_config.json', 'utf8'));
    expect(shipped.chat_template).to.equal(CHAT_TEMPLATE);
  });
});
