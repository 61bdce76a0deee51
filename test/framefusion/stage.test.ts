import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import type { Recorder } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { FrameFusion, type FrameFusionOptions, FrameFusionRun } from '../../framefusion/framefusion.ts';
import * as reference from '../../kernels/reference/reduce.ts';
import { reduceAt } from '../../models/reducing.ts';
import { type Action, actionOf, type Tokens, videoLayout } from '../../models/reduction.ts';
import { expectClose, largest, tolerance } from '../helpers/close.ts';
import { sharedRuntime, upload } from '../helpers/device.ts';
import { expectRejection } from '../helpers/errors.ts';
import { type HostTensor, host, random } from '../helpers/random.ts';

const DIM = 24;

/** Text, frames of `patches` tokens, text. */
interface Sequence {
  readonly hidden: HostTensor;
  readonly patch: readonly number[];
  readonly first: number;
  readonly length: number;
}

/** `hidden` of frame f, patch p is what `token` says of the patch's own vector. */
function sequence(
  frames: number,
  patches: number,
  token: (own: Float32Array, frame: number, patch: number) => ArrayLike<number>,
  text: readonly [before: number, after: number] = [3, 4],
): Sequence {
  const [before, after] = text;
  const length = frames * patches;
  const own = random([patches, DIM], { seed: 1, outliers: 2 }).values as Float32Array;
  const values = random([before + length + after, DIM], { seed: 2 }).values as Float32Array;
  const patch = new Array<number>(before + length + after).fill(-1);
  for (let i = 0; i < length; i++) {
    const p = i % patches;
    patch[before + i] = p;
    const vector = token(own.subarray(p * DIM, (p + 1) * DIM), Math.floor(i / patches), p);
    values.set(Float32Array.from(vector), (before + i) * DIM);
  }
  return { hidden: host([patch.length, DIM], values), patch, first: before, length };
}

function tokensOf(rec: Recorder, { hidden, patch, first, length }: Sequence): Tokens {
  const { planes, ...layout } = videoLayout(Int32Array.from(patch), first, length);
  const position = Uint32Array.from(patch.keys());
  return {
    hidden: upload(rec, hidden),
    position: upload(rec, host([patch.length], position, 'u32')),
    layout: { ...layout, planes: upload(rec, host([3, patch.length], planes, 'u32')) },
  };
}

interface Called {
  readonly run: FrameFusionRun;
  readonly steps: readonly Action[];
  readonly hidden: Float32Array;
  readonly positions: number[];
  readonly layout: { tokens: number; first: number; length: number };
}

/** Calls the stage once for each entry of `weights`, importances of the rows or none. */
async function called(
  runtime: Runtime,
  sequenceOf: Sequence,
  options: FrameFusionOptions,
  weights: readonly (ArrayLike<number> | undefined)[] = [undefined],
  layers = 28,
): Promise<Called> {
  const rec = runtime.recorder('stage');
  try {
    const run = new FrameFusionRun(new FrameFusion(options).settings, layers);
    let tokens = tokensOf(rec, sequenceOf);
    const steps: Action[] = [];
    for (const [i, of] of weights.entries()) {
      const attention = of && (() => upload(rec, host([1, of.length], of)));
      const at = i === 0 ? 'input' : i - 1;
      const point = { rec, at, tokens, layers, grid: undefined, frames: 0, ...(attention && { attention }) } as const;
      const { after, decision } = await reduceAt((one) => run.decide(one), point);
      if (decision) steps.push(actionOf({ ...point, entering: tokens, before: tokens, after, decision }));
      tokens = after;
    }
    const { tokens: video, first, length } = tokens.layout;
    return {
      run,
      steps,
      hidden: (await rec.read(tokens.hidden)) as Float32Array,
      positions: [...(await rec.read(tokens.position))],
      layout: { tokens: video, first, length },
    };
  } finally {
    rec.finish();
  }
}

describe('the FrameFusion stage', () => {
  let runtime: Runtime;
  before(async () => {
    runtime = await sharedRuntime();
  });

  it('merges equal tokens into what they are', async () => {
    const equal = sequence(9, 5, (own) => own);
    const { hidden, positions, steps } = await called(runtime, equal, { cost: 0.05 });
    expect(steps).to.deep.equal(['merge']);
    // The first frame and the text are left, unchanged but for the rounding of a mean of nine.
    expect(positions).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 48, 49, 50, 51]);
    const want = positions.flatMap((row) => [...equal.hidden.values.subarray(row * DIM, (row + 1) * DIM)]);
    expectClose(hidden, want, tolerance('f32', { sumOf: 9 }));
    const text = [0, 1, 2, 8, 9, 10, 11];
    for (const at of text) for (let c = 0; c < DIM; c++) expect(hidden[at * DIM + c]).to.equal(want[at * DIM + c]);
  });

  it('merges what is similar, and ends merging where it finds little', async () => {
    // Patch 0 stands still, patch 1 turns round in frame 2, the others are unlike from frame to frame.
    const noise = random([60, DIM], { seed: 5 }).values;
    const moving = sequence(6, 4, (own, frame, patch) => {
      if (patch === 0) return own;
      if (patch === 1) return frame < 3 ? own : own.map((value) => -value);
      return noise.subarray((frame * 4 + patch) * DIM, (frame * 4 + patch + 1) * DIM);
    });
    const { hidden, positions, run, layout } = await called(runtime, moving, { cost: 0.3, ratioLowerBound: 0.5 });
    const merged = reference
      .similarity(moving.hidden, moving.patch)
      .flatMap((similarity, rank) => (similarity >= 0.6 ? [rank] : []));
    expect(merged).to.deep.equal([1, 2, 3, 4, 5, 7, 8, 10, 11]);
    const want = reference.merge(moving.hidden, moving.patch, merged);
    expect(positions).to.deep.equal(want.keep);
    expectClose(hidden, want.hidden, tolerance('f32', { sumOf: 6, scale: largest(want.hidden) }));
    expect(layout).to.deep.equal({ tokens: 15, first: 3, length: 15 });
    expect(run.state).to.deep.equal({ finishMerging: true, finishPruning: false, sparsityList: [9 / 24] });
  });

  it('merges as many as the budget asks for where more are similar, and then is through', async () => {
    const [base, noise] = [random([3, DIM], { seed: 6 }).values, random([30, DIM], { seed: 7 }).values];
    const still = sequence(10, 3, (_own, frame, patch) =>
      Float32Array.from(
        { length: DIM },
        (_, c) => base[patch * DIM + c]! + 0.1 * noise[(frame * 3 + patch) * DIM + c]!,
      ),
    );
    const { positions, run, steps } = await called(runtime, still, { cost: 0.5 }, [undefined, undefined, undefined]);
    // Of 30 tokens 15 go: half of them, the most similar first. None is a close call.
    const similarities = reference.similarity(still.hidden, still.patch);
    const sorted = similarities.toSorted((a, b) => b - a);
    expect(sorted[14]! - sorted[15]!).to.be.above(1e-5);
    const want = reference.merge(still.hidden, still.patch, reference.largestK(similarities, 15));
    expect(positions).to.deep.equal(want.keep);
    expect(steps).to.deep.equal(['merge-to-budget']);
    expect(run.state).to.deep.equal({ finishMerging: true, finishPruning: true, sparsityList: [] });
  });

  it('prunes the least important once merging is over, and never text', async () => {
    const unlike = sequence(4, 3, (own, frame) => own.map((value, c) => value * Math.cos(2 * frame + c)));
    const rows = unlike.patch.length;
    const weights = random([1, rows], { seed: 8 }).values.map(Math.abs);
    const options = { cost: 0.4, similarityLowerBound: 2 };
    const { positions, steps, layout } = await called(runtime, unlike, options, [undefined, weights, weights], 4);
    // Layer 0 saw all; 4 * 0.4 - 1 = 0.6 is left for three layers: 0.2 of 12 tokens is 2.4, so 2.
    const video = Array.from(weights).slice(3, 15);
    const stay = reference.largestK(video, 2).map((i) => i + 3);
    expect(positions).to.deep.equal([0, 1, 2, ...stay, 15, 16, 17, 18]);
    expect(steps).to.deep.equal(['none', 'prune']);
    expect(layout).to.deep.equal({ tokens: 2, first: 3, length: 2 });
  });

  it('does nothing to a single row, to text alone, and in cost 1', async () => {
    const one = sequence(1, 1, (own) => own, [0, 0]);
    expect((await called(runtime, one, { cost: 0.1 })).positions).to.deep.equal([0]);
    const text = sequence(0, 1, (own) => own, [3, 2]);
    expect((await called(runtime, text, { cost: 0.1 }, [undefined, undefined])).steps).to.deep.equal([]);
    const equal = sequence(5, 2, (own) => own);
    const whole = await called(runtime, equal, { cost: 1 }, [undefined, undefined]);
    expect([...whole.hidden]).to.deep.equal([...equal.hidden.values]);
    expect(whole.run.state).to.deep.equal({ finishMerging: true, finishPruning: true, sparsityList: [] });
  });

  it('finds nothing to merge in one frame, and prunes it in the next call', async () => {
    const frame = sequence(1, 10, (own) => own);
    const weights = Float32Array.from({ length: 17 }, (_, i) => i);
    const { positions, steps } = await called(runtime, frame, { cost: 0.5 }, [undefined, weights], 5);
    expect(steps).to.deep.equal(['none', 'prune']);
    // 5 * 0.5 - 1 = 1.5 is left for four layers: 0.375 of 10 is 3.75, so 4.
    expect(positions).to.deep.equal([0, 1, 2, 9, 10, 11, 12, 13, 14, 15, 16]);
  });

  it('merges zero vectors first where it merges to a budget, as torch sorts NaN', async () => {
    const zero = sequence(4, 2, (own, frame, patch) =>
      patch === 1 && frame > 0 ? new Float32Array(DIM) : own.map((value) => value + 0.001 * frame),
    );
    const { positions } = await called(runtime, zero, { cost: 0.7 });
    // trunc(0.3 * 8) = 2 go: the first two tokens of patch 1 whose similarity is NaN.
    expect(positions).to.deep.equal(
      [0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14].filter((row) => ![6, 8].includes(row)),
    );
  });

  it('ends, with NaN everywhere', async () => {
    const broken = sequence(6, 3, () => new Float32Array(DIM).fill(Number.NaN));
    const rows = broken.patch.length;
    const weights = new Float32Array(rows).fill(Number.NaN);
    for (const cost of [0.2, 0.8]) {
      const { positions } = await called(runtime, broken, { cost }, [undefined, weights, weights]);
      expect(positions.slice(0, 3)).to.deep.equal([0, 1, 2]);
      expect(positions.slice(-4)).to.deep.equal([21, 22, 23, 24]);
    }
  });

  it('says that the budget cannot be met, and leaves the state of other runs alone', async () => {
    const unlike = sequence(4, 3, (own, frame) => own.map((value, c) => value * Math.cos(2 * frame + c)));
    const weights = new Float32Array(unlike.patch.length).fill(1);
    const options = { cost: 0.1, similarityLowerBound: 2 };
    await expectRejection(
      called(runtime, unlike, options, [undefined, weights], 4),
      InputError,
      'cost 0.1 is too small',
    );
    const fusion = new FrameFusion({ cost: 0.5 });
    const rec = runtime.recorder('two');
    const point = { rec, at: 'input', tokens: tokensOf(rec, unlike), layers: 4, grid: undefined, frames: 0 } as const;
    const [a, b] = [fusion.start({ layers: 4 }), fusion.start({ layers: 4 })];
    const first = await a(point);
    // The other run decides as if it were alone.
    const alone = await b(point);
    expect(alone).to.deep.include({ kind: first!.kind, budgetShare: first!.budgetShare });
    rec.finish();
  });
});
