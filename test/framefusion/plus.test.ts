import { expect } from 'chai';
import { changed } from '../../framefusion/evs.ts';
import { novel } from '../../framefusion/plus.ts';
import { indices, Vectors } from '../../framefusion/vectors.ts';

const FRAMES = 13;
const DEGREE = Math.PI / 180;

/** Three places: one stands still, one turns by two degrees a frame, one jumps at frame 4. */
function turning(): { vectors: Vectors; places: number } {
  const rows = indices(FRAMES).flatMap((frame) => {
    const angle = 2 * DEGREE * frame;
    return [1, 0, Math.cos(angle), Math.sin(angle), ...(frame < 4 ? [1, 0] : [0, 1])];
  });
  return { vectors: new Vectors(Float32Array.from(rows), 2), places: 3 };
}

describe('novel', () => {
  it('gives as many tokens as are asked for, ascending, each once, whatever they are', () => {
    const values = {
      turning: turning().vectors,
      alike: new Vectors(new Float32Array(FRAMES * 3 * 2).fill(1), 2),
      zero: new Vectors(new Float32Array(FRAMES * 3 * 2), 2),
      wild: new Vectors(
        Float32Array.from(indices(FRAMES * 6), (i) => Math.sin(i * i) * 10 ** ((i % 7) - 3)),
        2,
      ),
    };
    for (const [name, vectors] of Object.entries(values))
      for (const count of indices(vectors.count).map((i) => i + 1)) {
        const stay = novel({ vectors, places: 3 }, count);
        expect(stay, `${name} ${count}`).to.have.length(count);
        expect(stay).to.deep.equal([...new Set(stay)].sort((a, b) => a - b));
      }
  });

  it('counts a slow change that no step shows, and a sudden one once', () => {
    const pictures = turning();
    const jump = 4 * 3 + 2;
    const [, , , ...later] = novel(pictures, 6);
    expect(later).to.include(jump);
    const turns = later.filter((token) => token % 3 === 1).map((token) => Math.floor(token / 3));
    // Spread over the turn, where what changed since the frame before takes the first frames: all its steps are equal.
    expect(turns).to.have.length(2);
    expect(turns[1]! - turns[0]!).to.be.at.least(4);
    expect(later.filter((token) => token % 3 === 0)).to.deep.equal([]);
    expect(later.filter((token) => token % 3 === 2)).to.deep.equal([jump]);
    expect(changed(pictures, 6)).to.include(jump);
  });

  it('keeps the first frame, and of a budget below one frame its first tokens', () => {
    expect(novel(turning(), 3)).to.deep.equal([0, 1, 2]);
    expect(novel(turning(), 2)).to.deep.equal([0, 1]);
  });
});
