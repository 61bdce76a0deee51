import { expect } from 'chai';
import { parseJson } from '../../checkpoint/json.ts';
import { parseIndex } from '../../checkpoint/safetensors-index.ts';

describe('JSON as Python writes it', () => {
  it('may have numbers that JSON has not', () => {
    expect(parseJson('{"a": NaN, "b": [Infinity, -Infinity], "c": 1}')).to.deep.equal({
      a: Number.NaN,
      b: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      c: 1,
    });
  });

  it('leaves texts alone that speak of them', () => {
    const value = { NaN: '-Infinity', b: 'a "NaN" \\', c: ['Infinity'], d: 'NaNs' };
    expect(parseJson(JSON.stringify(value))).to.deep.equal(value);
    const both = `{"x": NaN, ${JSON.stringify(value).slice(1)}`;
    expect(parseJson(both)).to.deep.equal({ x: Number.NaN, ...value });
  });

  it('may begin with a byte order mark', () => {
    expect(parseJson('\uFEFF[1]')).to.deep.equal([1]);
    const index = '\uFEFF{"metadata": {"total_size": NaN}, "weight_map": {"a": "one.safetensors"}}';
    expect([...parseIndex('index', new TextEncoder().encode(index))]).to.deep.equal([['a', 'one.safetensors']]);
  });

  it('is refused where it is none', () => {
    for (const text of ['', '{', 'NaN NaN', '{"a": nan}', '{NaN: 1}', '[Infinit]', '\uFEFF\uFEFF1', '[--Infinity]'])
      expect(() => parseJson(text), text).to.throw(SyntaxError);
  });
});
