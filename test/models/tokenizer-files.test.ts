import { expect } from 'chai';
import { WeightsError } from '../../engine/errors.ts';
import { readTokenizer } from '../../models/tokenizer/read.ts';
import { rejection } from '../helpers/errors.ts';
import { folderOf } from '../helpers/files.ts';
import { type MadeModel, sentencePieceBytes } from '../helpers/sentencepiece.ts';

/** Bytes are letters in GPT-2's alphabet; Ġ is a blank and Ċ a line break. */
const VOCAB = Object.fromEntries(
  ['a', 'b', 'c', 'Ġ', 'Ċ', 'Ã', '©', 'ab', 'Ã©', 'abc', 'Ġab', "'", 's', "'s", '1', '2', '12'].map((token, id) => [
    token,
    id,
  ]),
);
const MERGES = "#version: 0.2\na b\nÃ ©\nab c\nĠ ab\n' s\n1 2\n";
const QWEN2 = {
  tokenizer_class: 'Qwen2Tokenizer',
  added_tokens_decoder: { 20: { content: '<|im_end|>', special: true }, 21: { content: '<tool>', special: false } },
};
const qwen2 = { 'vocab.json': VOCAB, 'merges.txt': MERGES, 'tokenizer_config.json': QWEN2 };

const idsOf = async (files: Readonly<Record<string, unknown>>, text: string): Promise<number[]> =>
  (await readTokenizer(folderOf(files))).encode(text);

describe('a tokenizer of vocab.json and merges.txt', () => {
  it('joins the pairs in the order of the merges, word by word, and back', async () => {
    const tokenizer = await readTokenizer(folderOf(qwen2));
    expect(tokenizer.encode('abc ab')).to.deep.equal([9, 10]);
    expect(tokenizer.decode([9, 10])).to.equal('abc ab');
    expect(tokenizer.encode('ab\nc')).to.deep.equal([7, 4, 2]);
  });

  it("has Qwen2's words and normalizer by its class: single digits, NFC, contractions of any case", async () => {
    expect(await idsOf(qwen2, '12')).to.deep.equal([14, 15]);
    expect(await idsOf(qwen2, 'e\u0301')).to.deep.equal([8]); // composed to é, two bytes that are merged
    expect(await idsOf(qwen2, "a's")).to.deep.equal([0, 13]);
  });

  it("has GPT-2's words where the class says so: digits together, no normalizer", async () => {
    const gpt2 = { ...qwen2, 'tokenizer_config.json': { ...QWEN2, tokenizer_class: 'GPT2TokenizerFast' } };
    expect(await idsOf(gpt2, '12')).to.deep.equal([16]);
  });

  it('finds added tokens first; special ones are left out of answers', async () => {
    const tokenizer = await readTokenizer(folderOf(qwen2));
    expect(tokenizer.encode('ab<|im_end|><tool>c')).to.deep.equal([7, 20, 21, 2]);
    expect(tokenizer.decode([7, 20, 21, 2])).to.equal('ab<tool>c');
    expect(tokenizer.decode([7, 20, 21, 2], { special: true })).to.equal('ab<|im_end|><tool>c');
  });

  it('takes ids from added_tokens.json and what is special from special_tokens_map.json where nothing else says it', async () => {
    const files = {
      ...qwen2,
      'tokenizer_config.json': { tokenizer_class: 'Qwen2Tokenizer' },
      'added_tokens.json': { '<|im_end|>': 20, '<tool>': 21 },
      'special_tokens_map.json': {
        eos_token: { content: '<|im_end|>', lstrip: false },
        additional_special_tokens: ['c'],
      },
    };
    const tokenizer = await readTokenizer(folderOf(files));
    expect(tokenizer.encode('<|im_end|><tool>')).to.deep.equal([20, 21]);
    expect(tokenizer.decode([20, 21, 2])).to.equal('<tool>');
  });

  it('reads files with a byte order mark, lines that end in CR LF, and a token that JavaScript gives a meaning', async () => {
    const files = {
      'vocab.json': `\uFEFF${JSON.stringify({ ...VOCAB, constructor: 17 }).replace('constructor', '__proto__')}`,
      'merges.txt': `\uFEFF${MERGES.replaceAll('\n', '\r\n')}`,
      'tokenizer_config.json': `\uFEFF${JSON.stringify(QWEN2)}`,
    };
    const tokenizer = await readTokenizer(folderOf(files));
    expect(tokenizer.encode('abc')).to.deep.equal([9]);
    expect(tokenizer.decode([17])).to.equal('__proto__');
  });

  for (const [what, files, message] of [
    ['no merges.txt', { ...qwen2, 'merges.txt': undefined }, 'm/merges.txt: it is missing'],
    ['no class', { ...qwen2, 'tokenizer_config.json': undefined }, 'm/vocab.json: tokenizer_config.json is missing'],
    [
      'a class that is not known',
      { ...qwen2, 'tokenizer_config.json': { tokenizer_class: 'XLNetTokenizer' } },
      'tokenizer_class must be Qwen2Tokenizer or GPT2Tokenizer, or there must be a tokenizer.json, got "XLNetTokenizer"',
    ],
    ['a merge of three', { ...qwen2, 'merges.txt': 'a b\na b c\n' }, 'm/merges.txt: line 2 must be two tokens'],
    ['a merge of tokens that are not there', { ...qwen2, 'merges.txt': 'a c\n' }, 'm/merges.txt: line 1 must be'],
    [
      'an id that is none',
      { ...qwen2, 'vocab.json': { a: -1 } },
      'm/vocab.json: a must be an integer from 0 on, got -1',
    ],
    [
      'an added token without its content',
      { ...qwen2, 'tokenizer_config.json': { ...QWEN2, added_tokens_decoder: { 20: {} } } },
      'added_tokens_decoder: 20: content must be a string',
    ],
    [
      'no tokenizer at all',
      {},
      'm/tokenizer.json: it is missing, as are vocab.json with merges.txt and tokenizer.model. Download one',
    ],
  ] as const)
    it(`is refused in one line: ${what}`, async () => {
      const there = Object.fromEntries(
        Object.entries({ 'config.json': {}, ...files }).filter(([, content]) => content),
      );
      const error = await rejection(readTokenizer(folderOf(there)));
      expect(error).to.be.instanceOf(WeightsError);
      expect(error.message).to.include(message).and.not.include('\n');
    });
});

/** Bytes as pieces of their own, from id 3 on. */
const BYTES = Array.from(
  { length: 256 },
  (_, byte) => [`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, 0, 6] as const,
);
const MODEL: MadeModel = {
  pieces: [
    ['<unk>', 0, 2],
    ['<s>', 0, 3],
    ['</s>', 0, 3],
    ...BYTES,
    ...['a', 'b', '▁', 'ab', '▁a', '\0', '\0a'].map((text, i) => [text, -i, 1] as const), // ids 259 .. 265
    ['[UNUSED]', 0, 4], // 266
  ],
};

describe('a tokenizer of sentencepiece', () => {
  const of = async (model: Partial<MadeModel> = {}, config: object = {}) =>
    readTokenizer(
      folderOf({ 'tokenizer.model': sentencePieceBytes({ ...MODEL, ...model }), 'tokenizer_config.json': config }),
    );

  it('joins the pair whose piece has the highest score, over blanks, and back', async () => {
    const tokenizer = await of();
    expect(tokenizer.encode('ab a')).to.deep.equal([262, 263]);
    expect(tokenizer.encode(' ab')).to.deep.equal([261, 262]); // "ab" before "▁a"
    for (const text of ['ab a', '  a', ' ', 'a\0ab']) expect(tokenizer.decode(tokenizer.encode(text))).to.equal(text);
  });

  it('spells a character that it lacks in bytes, and a null character as any other', async () => {
    const tokenizer = await of();
    expect(tokenizer.encode('é')).to.deep.equal([3 + 0xc3, 3 + 0xa9]);
    expect(tokenizer.decode([3 + 0xc3, 3 + 0xa9])).to.equal('é');
    expect(tokenizer.encode('\0a')).to.deep.equal([265]);
  });

  it('says that it does not know a character where it has no bytes', async () => {
    const pieces = MODEL.pieces.filter(([, , type]) => type !== 6);
    expect((await of({ pieces, byteFallback: false })).encode('aé')).to.deep.equal([3, 0]);
  });

  it('puts a blank before a text where the model says so, and takes it away again', async () => {
    const tokenizer = await of({ addDummyPrefix: true });
    expect(tokenizer.encode('a')).to.deep.equal([263]);
    expect(tokenizer.decode([263, 259])).to.equal('aa');
    const later = await of({ addDummyPrefix: true }, { legacy: false });
    expect(later.encode('a</s>a')).to.deep.equal([263, 2, 259]);
    expect((await of({ addDummyPrefix: true }, { legacy: true })).encode('a</s>a')).to.deep.equal([263, 2, 263]);
    expect((await of({ addDummyPrefix: true }, { add_prefix_space: false })).encode('a')).to.deep.equal([259]);
  });

  it('has the names that tokenizer_config.json gives to its spare pieces', async () => {
    const tokenizer = await of({}, { added_tokens_decoder: { 266: { content: '<|im_start|>', special: true } } });
    expect(tokenizer.encode('a<|im_start|>')).to.deep.equal([259, 266]);
    expect(tokenizer.decode([259, 266], { special: true })).to.equal('a<|im_start|>');
    expect(tokenizer.decode([259, 266])).to.equal('a');
  });

  for (const [what, model, message] of [
    [
      'unigram',
      { algorithm: 1 },
      'it is a sentencepiece model of the kind unigram, which is not built. Write a tokenizer.json',
    ],
    ['changed characters', { normalizer: 'nmt_nfkc' }, 'by the rule nmt_nfkc, which is not built'],
    ['removed blanks', { removeExtraWhitespaces: true }, 'it removes blanks, which is not built'],
    ['no pieces', { pieces: [] }, 'it is no sentencepiece model: it has no pieces. Download it again.'],
  ] as const)
    it(`is refused in one line: ${what}`, async () => {
      const error = await rejection(of(model));
      expect(error).to.be.instanceOf(WeightsError);
      expect(error.message).to.match(/^m\/tokenizer\.model: /);
      expect(error.message).to.include(message).and.not.include('\n');
    });

  it('is refused in one line wherever its file ends, and whatever it is instead', async () => {
    const bytes = sentencePieceBytes({ pieces: MODEL.pieces.slice(-8) });
    const instead = ['not a model', '{"model": {}}', 'PGgg 0\nPHM= 1\n', '\xff'.repeat(20)];
    const cut = Array.from({ length: bytes.length - 1 }, (_, length) => bytes.slice(0, length + 1));
    let refused = 0;
    for (const content of [...cut, ...instead]) {
      const files = { 'tokenizer.model': content, 'tokenizer_config.json': {} };
      const error = await readTokenizer(folderOf(files)).then(
        () => undefined,
        (reason: Error) => reason,
      );
      if (!error) continue; // cut between two fields: a shorter model
      refused++;
      expect(error).to.be.instanceOf(WeightsError);
      expect(error.message).to.match(/^m\/tokenizer\.model: .*\.$/);
    }
    expect(refused).to.be.above(bytes.length / 2);
  });
});
