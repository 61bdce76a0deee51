import { expect } from 'chai';
import { roundHalfEven } from '../../engine/round.ts';

describe('roundHalfEven', () => {
  it('rounds halves to the even neighbour and all else to the nearest, as Python does', () => {
    const cases = [
      [0.5, 0],
      [1.5, 2],
      [2.5, 2],
      [3.5, 4],
      [-0.5, 0],
      [-1.5, -2],
      [-2.5, -2],
      [2.4999999, 2],
      [2.5000001, 3],
      [0.49999999999999994, 0],
      [2.5000000000000004, 3],
      [7, 7],
      [1e15 + 0.5, 1e15],
      [2 ** 52 + 1, 2 ** 52 + 1],
    ] as const;
    for (const [value, want] of cases) expect(roundHalfEven(value) + 0, `${value}`).to.equal(want);
  });
});
