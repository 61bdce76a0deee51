import { expect } from 'chai';
import { kinds } from './fuzz/kinds.ts';

describe('hostile inputs', () => {
  // `npm run fuzz` goes on from here for as long as one likes.
  for (const one of kinds)
    it(`are refused in one clear line, or work: ${one.name}`, async () => {
      const runs = one.name === 'media' ? 3 : 60;
      const report = await one.check({ seed: 7, runs, milliseconds: 20_000 });
      const { errorInstance, counterexample } = report;
      const why = () => `${(errorInstance as Error)?.stack}\n${JSON.stringify(counterexample)}`;
      expect(report.failed && counterexample !== null, report.failed ? why() : '').to.equal(false);
    });
});
