import { expect } from 'chai';
import { blankTimes, VIDEO_MARK } from '../../models/chat.ts';
import { framesLead, picturesLead } from '../../models/smolvlm/prompt.ts';
import { sampleSeconds } from '../../models/smolvlm/sampling.ts';
import { squeezed, tilesOf } from '../../models/smolvlm/tiles.ts';
import { countWords } from '../../models/smolvlm/words.ts';

/** Expected by hand from `image_processing_smolvlm.py` and `processing_smolvlm.py` of transformers. */
describe('SmolVLM2', () => {
  const whole = `<fake_token_around_image><global-img>${VIDEO_MARK}<fake_token_around_image>`;

  it('cuts a picture into tiles of its enlarged size, and shows all of it after them', () => {
    const crops = tilesOf(512, 2048)({ width: 1280, height: 720 });
    expect(crops).to.have.length(4 * 3 + 1);
    const enlarged = { width: 2048, height: 1152 };
    const resized = { width: 2048, height: 1536 };
    const tile = { width: 512, height: 512, filter: 'lanczos' };
    expect(crops[0]).to.deep.equal({ ...tile, resized, via: [enlarged], left: 0, top: 0 });
    expect(crops[6]).to.deep.equal({ ...tile, resized, via: [enlarged], left: 1024, top: 512 });
    const square = { width: 512, height: 512 };
    expect(crops[12]).to.deep.equal({ ...tile, resized: square, via: [enlarged, resized], left: 0, top: 0 });
  });

  it('cuts nothing from a picture that fills one tile', () => {
    const square = { width: 512, height: 512 };
    for (const crops of [tilesOf(512, 512)({ width: 30, height: 40 }), squeezed(512)({ width: 30, height: 40 })])
      expect(crops).to.deep.equal([
        { ...square, resized: square, via: [{ width: 384, height: 512 }], filter: 'lanczos', left: 0, top: 0 },
      ]);
  });

  it('gives no side of nothing to a picture that is a line', () => {
    for (const source of [
      { width: 9000, height: 1 },
      { width: 1, height: 9000 },
    ])
      for (const { via = [], resized } of [...tilesOf(512, 2048)(source), ...squeezed(512)(source)])
        for (const { width, height } of [...via, resized]) expect(Math.min(width, height)).to.be.at.least(1);
  });

  it('names the place of each tile, a row of them a line, and the whole after a line', () => {
    const four = tilesOf(32, 64)({ width: 10, height: 10 });
    const tile = (row: number, column: number) => `<fake_token_around_image><row_${row}_col_${column}>${VIDEO_MARK}`;
    const tiles = `${tile(1, 1)}${tile(1, 2)}\n${tile(2, 1)}${tile(2, 2)}\n\n${whole}`;
    expect(picturesLead([four])).to.equal(tiles);
    const one = squeezed(32)({ width: 10, height: 10 });
    expect(picturesLead([one, four, one])).to.equal(`${whole}${tiles}${whole}`);
  });

  it('says hours, and minutes beyond sixty', () => {
    const times = { ...blankTimes(2), duration: 7384.9, seconds: [59.99, 3661] };
    const lead = framesLead({ groups: 2, pictures: [], times });
    expect(lead).to.equal(
      'You are provided the following series of two frames from a 2:03:04 [H:MM:SS] video.\n\n' +
        `Frame from 00:59:${whole}\nFrame from 61:01:${whole}\n\n`,
    );
  });

  it('counts in words, beyond the frames that the reference has tried', () => {
    for (const [count, words] of [
      [0, 'zero'],
      [1000, 'one thousand'],
      [1001, 'one thousand and one'],
      [1234, 'one thousand, two hundred and thirty-four'],
      [999_999, 'nine hundred and ninety-nine thousand, nine hundred and ninety-nine'],
    ] as const)
      expect(countWords(count)).to.equal(words);
  });

  it('takes as many frames as are wanted by number, each once', () => {
    const video = { frames: 96, averageFps: 24, fps: 1 };
    expect(sampleSeconds({ ...video, maxFrames: 6, forceSample: true })).to.deep.equal([0, 19, 38, 57, 76, 95]);
    expect(sampleSeconds({ ...video, maxFrames: 500, forceSample: true })).to.deep.equal([...new Array(96).keys()]);
    expect(sampleSeconds({ ...video, maxFrames: 1, forceSample: false })).to.deep.equal([24]);
    expect(sampleSeconds({ ...video, frames: 1, maxFrames: 64, forceSample: false })).to.deep.equal([0]);
  });
});
