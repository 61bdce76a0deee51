import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { shareToRemove } from '../../framefusion/budget.ts';

describe('shareToRemove', () => {
  it('spreads what is left of the budget evenly over the layers to come', () => {
    // Nothing spent: 28 layers at 0.3 is 0.3 of each.
    expect(shareToRemove([], 0.3, 28)).to.be.closeTo(0.7, 1e-15);
    // The first layer saw 0.5; 8.4 - 0.5 is left for 27 layers that find 0.5.
    expect(shareToRemove([0.5], 0.3, 28)).to.be.closeTo(1 - 7.9 / (27 * 0.5), 1e-15);
    // Layers saw 0.8 and 0.8 * 0.75 = 0.6; 4 * 0.5 - 1.4 = 0.6 is left for two that find 0.6.
    expect(shareToRemove([0.2, 0.25], 0.5, 4)).to.be.closeTo(1 - 0.6 / (2 * 0.6), 1e-15);
  });

  it('removes nothing where all that is left fits', () => {
    expect(shareToRemove([], 1, 28)).to.equal(0);
    expect(shareToRemove([0.9], 0.3, 28)).to.equal(0);
    expect(shareToRemove([0, 0, 0.99], 0.9, 6)).to.equal(0);
  });

  it('removes everything where the budget is just spent', () => {
    expect(shareToRemove([0, 0], 0.5, 4)).to.equal(1);
  });

  it('is an error where earlier calls have spent more than the budget', () => {
    expect(() => shareToRemove([0, 0, 0], 0.5, 4))
      .to.throw(InputError)
      .with.property('message')
      .that.includes('cost 0.5 is too small')
      .and.includes('the first 3 of 4 layers')
      .and.includes('0.750');
  });

  it('is an error where merging has used up the layers, even within the budget', () => {
    expect(() => shareToRemove([0.5, 0.5], 0.9, 2))
      .to.throw(InputError)
      .with.property('message')
      .that.includes('through all 2 layers');
  });
});
