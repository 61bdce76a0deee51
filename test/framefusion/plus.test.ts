import { expect } from 'chai';
import { changed } from '../../framefusion/evs.ts';
import { novel } from '../../framefusion/plus.ts';
import { indices, Vectors } from '../../framefusion/vectors.ts';

const FRAMES = 13;
const DEGREE = Math.PI / 180;

/** Three places, unlike each other: one stands still, one turns by two degrees a frame, one jumps at frame 4. */
function turning(): { vectors: Vectors; places: number } {
  const rows = indices(FRAMES).flatMap((frame) => {
    const angle = 2 * DEGREE * frame;
    const jump = frame < 4 ? [1, 0] : [0, 1];
    return [1, 0, 0, 0, 0, 0, 0, Math.cos(angle), Math.sin(angle), 0, 0, 0, 0, ...jump];
  });
  return { vectors: new Vectors(Float32Array.from(rows), 5), places: 3 };
}

describe('novel', () => {
  it('gives as many tokens as are asked for, ascending, each once, whatever they are', () => {
    const values = {
      turning: turning().vectors,
      alike: new Vectors(new Float32Array(FRAMES * 3 * 2).fill(1), 2),
      zero: new Vectors(new Float32Array(FRAMES * 3 * 2), 2),
      broken: new Vectors(new Float32Array(FRAMES * 3 * 2).fill(Number.NaN), 2),
      wild: new Vectors(
        Float32Array.from(indices(FRAMES * 6), (i) => Math.sin(i * i) * 10 ** ((i % 7) - 3)),
        2,
      ),
    };
    for (const [name, vectors] of Object.entries(values))
      for (const count of indices(vectors.count).map((i) => i + 1)) {
        for (const columns of [undefined, 1, 3]) {
          const groups = novel({ vectors, places: 3 }, count, columns);
          const stay = [...groups.keys()];
          expect(stay, `${name} ${count}`).to.have.length(count);
          expect(stay).to.deep.equal(stay.toSorted((a, b) => a - b));
          for (const [at, all] of groups) expect(all[0]).to.equal(at);
          expect([...groups.values()].flat().sort((a, b) => a - b)).to.deep.equal(indices(vectors.count));
        }
      }
  });

  it('counts a slow change that no step shows, and a sudden one once', () => {
    const pictures = turning();
    const jump = 4 * 3 + 2;
    const [, , , ...later] = novel(pictures, 6).keys();
    expect(later).to.include(jump);
    const turns = later.filter((token) => token % 3 === 1).map((token) => Math.floor(token / 3));
    // Spread over the turn, where what changed since the frame before takes the first frames: all its steps are equal.
    expect(turns).to.have.length(2);
    expect(turns[1]! - turns[0]!).to.be.at.least(4);
    expect(later.filter((token) => token % 3 === 0)).to.deep.equal([]);
    expect(later.filter((token) => token % 3 === 2)).to.deep.equal([jump]);
    expect(changed(pictures, 6)).to.include(jump);
  });

  it('has a token stand for what did not change at its place, and for its like beside it and above it', () => {
    expect(novel(turning(), 4).get(0)).to.deep.equal(indices(FRAMES).map((frame) => 3 * frame));
    // A frame of two rows: sky, sky, tree; sky, grass, tree.
    const kinds = [0, 0, 1, 0, 2, 1];
    const values = Float32Array.from(kinds.flatMap((kind) => indices(3).map((i) => (i === kind ? 1 : 0))));
    const pictures = { vectors: new Vectors(values, 3), places: 6 };
    expect([...novel(pictures, 3, 3)]).to.deep.equal([
      [0, [0, 1, 3]],
      [2, [2, 5]],
      [4, [4]],
    ]);
    expect([...novel(pictures, 6).values()]).to.deep.equal(indices(6).map((token) => [token]));
  });
});
