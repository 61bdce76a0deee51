import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { applyFrameFusion } from '../../framefusion/apply.ts';
import { FrameFusion, type FrameFusionOptions } from '../../framefusion/framefusion.ts';
import { reducers } from '../../framefusion/reducers.ts';
import { tinyModel } from '../helpers/model.ts';

describe('FrameFusion options', () => {
  it('have the defaults of the reference', () => {
    expect(new FrameFusion({ cost: 0.3 }).settings).to.deep.equal({
      cost: 0.3,
      similarityLowerBound: 0.6,
      ratioLowerBound: 0.1,
      budgetLayers: 'own',
      kv: 'keep',
    });
  });

  const refused: readonly (readonly [FrameFusionOptions, RegExp])[] = [
    ...[0, -1, 2, 1.0000001, Number.NaN, Infinity].map(
      (cost) => [{ cost }, /^cost must be above 0 and at most 1, got /] as const,
    ),
    ...[-2, -5, Number.NaN].map(
      (bound) =>
        [{ cost: 0.3, similarityLowerBound: bound }, /^similarityLowerBound must be a number above -2/] as const,
    ),
    ...[-0.1, 1.1, Number.NaN].map(
      (bound) => [{ cost: 0.3, ratioLowerBound: bound }, /^ratioLowerBound must lie in 0 to 1/] as const,
    ),
    ...[0, -1, 1.5, Number.NaN, Infinity].map(
      (layers) => [{ cost: 0.3, budgetLayers: layers }, /^budgetLayers must be 'own' or a positive integer/] as const,
    ),
  ];
  for (const [options, message] of refused)
    it(`refuse ${Object.entries(options).join(' and ').replaceAll(',', ' ')}`, () => {
      expect(() => new FrameFusion(options)).to.throw(InputError, message);
    });

  it('take what lies at the edge', () => {
    for (const options of [
      { cost: 1 },
      { cost: 1e-9 },
      { cost: 0.3, similarityLowerBound: 5 },
      { cost: 0.3, similarityLowerBound: -1.99 },
      { cost: 0.3, ratioLowerBound: 0 },
      { cost: 0.3, ratioLowerBound: 1, budgetLayers: 1 },
    ])
      expect(() => new FrameFusion(options)).to.not.throw();
  });
});

describe('reducers', () => {
  it('has FrameFusion and the model as it is', () => {
    expect(reducers.framefusion?.({ cost: 0.5 })).to.be.instanceOf(FrameFusion);
    expect(reducers.none?.({ cost: 0.5 })).to.equal(undefined);
  });
});

describe('applyFrameFusion', () => {
  it('gives another model on the same weights, and leaves the one it was given', async () => {
    const model = await tinyModel();
    const fused = applyFrameFusion(model, { cost: 0.3, similarityLowerBound: 0.8, ratioLowerBound: 0.2 });
    expect(fused).to.not.equal(model);
    expect(model.reducer).to.equal(undefined);
    expect(fused.parts.decoder).to.equal(model.parts.decoder);
    expect(fused.reducer).to.be.instanceOf(FrameFusion);
    expect((fused.reducer as FrameFusion).settings).to.include({ cost: 0.3, similarityLowerBound: 0.8 });
    expect(fused.withReducer(undefined).reducer).to.equal(undefined);
    expect(() => applyFrameFusion(model, { cost: 0 })).to.throw(InputError);
  });
});
