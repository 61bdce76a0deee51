import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { fixed, roundHalfEven } from '../../engine/round.ts';

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

describe('fixed', () => {
  // Right column: Python 3's '%.2f' % x.
  for (const [x, text] of [
    [0, '0.00'],
    [-0, '-0.00'],
    [0.125, '0.12'],
    [0.375, '0.38'],
    [-0.125, '-0.12'],
    [3.125, '3.12'],
    [1.005, '1.00'],
    [0.005, '0.01'],
    [2.675, '2.67'],
    [9.995, '9.99'],
    [99.999, '100.00'],
    [5e-324, '0.00'],
    [-0.001, '-0.00'],
    [2 ** 49 + 0.125, '562949953421312.12'],
    [2 ** 60, '1152921504606846976.00'],
    [1e22, '10000000000000000000000.00'],
  ] as const)
    it(`writes ${Object.is(x, -0) ? '-0' : x} as ${text}`, () => expect(fixed(x, 2)).to.equal(text));

  it('rounds every tie to the even digit', () => {
    for (let eighth = 1; eighth < 8000; eighth += 2) {
      const text = fixed(eighth / 8, 2);
      expect(Number(text.at(-1)) % 2, text).to.equal(0);
      // A tie is 1/200 away from both its neighbours.
      expect(Math.abs(Number(text) - eighth / 8)).to.be.closeTo(0.005, 1e-9);
    }
  });

  it('rejects what is not a number', () => {
    for (const x of [NaN, Infinity, -Infinity]) expect(() => fixed(x, 2)).to.throw(InputError);
  });

  // Python 3's '%.1f' % x.
  for (const [x, text] of [
    [0.25, '0.2'],
    [0.75, '0.8'],
    [1.25, '1.2'],
    [2.05, '2.0'],
    [9.95, '9.9'],
    [53.95, '54.0'],
  ] as const)
    it(`writes ${x} with one digit as ${text}`, () => expect(fixed(x, 1)).to.equal(text));
});
