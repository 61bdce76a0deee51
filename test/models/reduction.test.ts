import { expect } from 'chai';
import { byPatch } from '../../kernels/reference/reduce.ts';
import { NOT_VIDEO, videoLayout } from '../../models/reduction.ts';
import { randomStream } from '../../tools/random.ts';

describe('videoLayout', () => {
  it('gives each row its patch and its rank, and each rank its row', () => {
    const { planes, ...rest } = videoLayout(Int32Array.of(-1, 0, 1, -1, 0, 1, -1), 1, 5);
    const x = NOT_VIDEO;
    expect([...planes.subarray(0, 7)]).to.deep.equal([x, 0, 1, x, 0, 1, x]);
    expect([...planes.subarray(7, 14)]).to.deep.equal([x, 0, 2, x, 1, 3, x]);
    expect([...planes.subarray(14, 18)]).to.deep.equal([1, 4, 2, 5]);
    expect(rest).to.deep.equal({
      tokens: 4,
      first: 1,
      length: 5,
      text: [2],
      perFrame: 2,
      videos: [{ tokens: 4, perFrame: 2 }],
    });
  });

  it('counts the tokens of each video, whose types are its own', () => {
    const patch = Int32Array.of(0, 1, 0, 1, -1, 2, 3, 4, 2, 3, 4, 2, 3, 4);
    const { perFrame, tokens, videos } = videoLayout(patch, 0, patch.length, [2, 3]);
    expect({ perFrame, tokens }).to.deep.equal({ perFrame: 5, tokens: 13 });
    expect(videos).to.deep.equal([
      { tokens: 4, perFrame: 2 },
      { tokens: 9, perFrame: 3 },
    ]);
  });

  it('has the order of the reference for tokens in no order', () => {
    const stream = randomStream(1, 'layout');
    const patch = Int32Array.from({ length: 500 }, () => (stream() % 13) - 3);
    const { planes, tokens } = videoLayout(patch, 0, 500);
    expect([...planes.subarray(1000, 1000 + tokens)]).to.deep.equal(byPatch(patch));
  });

  it('holds nothing where there is no video', () => {
    const { planes, tokens } = videoLayout(new Int32Array(3).fill(-1), 0, 0);
    expect(tokens).to.equal(0);
    expect([...planes]).to.deep.equal(new Array(9).fill(NOT_VIDEO));
  });
});
