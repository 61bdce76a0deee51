import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Recorder } from '../../engine/recorder.ts';
import { FrameFusion, FrameFusionRun } from '../../framefusion/framefusion.ts';
import { reducers } from '../../framefusion/reducers.ts';
import { VIDEO_ID } from '../../models/prompt.ts';
import { reduceAt } from '../../models/reducing.ts';
import { keep, type TokenReducer } from '../../models/reduction.ts';
import { type Trace, Tracer, type TraceStep } from '../../models/trace.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { Golden, limits, readJson } from '../../tools/verify/check.ts';
import { encodePixels } from '../../tools/verify/pipeline.ts';
import { uploadTokens } from '../../tools/verify/tokens.ts';
import { expectClose } from '../helpers/close.ts';
import { sharedRuntime } from '../helpers/device.ts';
import { framesFor, generated, load, type Prompt, tinyModel } from '../helpers/model.ts';
import { atEnd } from '../helpers/shared.ts';

const golden = fileURLToPath(new URL('../fixtures/golden', import.meta.url));

/** A generation with its trace. */
async function tracedRun(model: VideoModel, prompt: Prompt, reducer?: TokenReducer) {
  const { ids, stats } = await generated(model, prompt, reducer, { maxNewTokens: 3, trace: true });
  return { ids, stats, trace: stats.trace as Trace };
}

describe('a trace and the genuine reference', () => {
  const folder = join(golden, 'pipeline', 'tiny_grid5');
  const variants = readdirSync(folder).flatMap((file) => /^(cost.*)\.safetensors$/.exec(file)?.[1] ?? []);

  it('name the same tokens after every call of every variant of a model', async () => {
    const model = await load(folder);
    const input = await Golden.open(join(folder, 'input.safetensors'));
    using video = await encodePixels(model, input);
    for (const variant of variants) {
      const [cost, similarityLowerBound, ratioLowerBound, budgetLayers] = variant.match(/[\d.]+/g)!.map(Number);
      const options = { cost: cost!, similarityLowerBound: similarityLowerBound!, ratioLowerBound: ratioLowerBound! };
      const reducer = new FrameFusion({ ...options, budgetLayers: budgetLayers! });
      const { trace } = await tracedRun(model, { ids: input.integers('input_ids'), video }, reducer);
      const wanted = await Golden.open(join(folder, `${variant}.safetensors`));
      const calls = [trace.layers[0]!.attending, ...trace.layers.map(({ leaving }) => leaving)];
      for (const [call, kept] of calls.entries())
        expect([...kept], `${variant}, call ${call}`).to.deep.equal(wanted.integers(`call${call}.kept_positions`));
    }
    model[Symbol.dispose]();
    expect(variants.length).to.be.at.least(10);
  });

  interface Case {
    cost: number;
    similarity_lower_bound: number;
    ratio_lower_bound: number;
    num_layers: number;
    image_token_start_index: number;
    image_token_length: number;
    original_length: number;
    steps: { seq_in: number; branch: string; error?: string; state_before: Record<string, never> }[];
  }

  /** The first call of a case of the stage, traced. */
  async function stageStep(name: string): Promise<{ step: TraceStep; data: Golden } | undefined> {
    const wanted = await readJson<Case>(join(golden, 'stage'), `${name}.json`);
    const file = join(golden, 'stage', `${name}.safetensors`);
    const [first] = wanted.steps;
    if (!existsSync(file) || !first || first.error) return undefined;
    const data = await Golden.open(file);
    const rec = (await sharedRuntime()).recorder(name);
    try {
      const length = wanted.image_token_length - (wanted.original_length - first.seq_in);
      const at = { first: wanted.image_token_start_index, length };
      const types = Int32Array.from(data.integers('step0.patch_type_in'));
      if (types.length !== first.seq_in) return undefined;
      const tokens = uploadTokens(rec, data.floats('step0.hidden_in'), types, at);
      const { settings } = new FrameFusion({
        cost: wanted.cost,
        similarityLowerBound: wanted.similarity_lower_bound,
        ratioLowerBound: wanted.ratio_lower_bound,
      });
      const { finish_merging, finish_pruning, sparsity_list } = first.state_before;
      const state = {
        finishMerging: finish_merging!,
        finishPruning: finish_pruning!,
        sparsityList: [...(sparsity_list as unknown as number[])],
      };
      const tracer = new Tracer(tokens);
      const run = new FrameFusionRun(settings, wanted.num_layers, state);
      const attention = data.has('step0.attention') ? data.get('step0.attention').shape : undefined;
      const weights = attention && (() => rec.upload('attention', attention, 'f32', data.floats('step0.attention')));
      const point = {
        rec,
        at: 0,
        tokens,
        layers: 1,
        grid: undefined,
        frames: 0,
        ...(weights && { attention: weights }),
      };
      const reduced = await reduceAt((at) => run.decide(at), point);
      await tracer.listen({ rec, at: 0, entering: tokens, before: tokens, ...reduced });
      return tracer.trace.steps[0] && { step: tracer.trace.steps[0], data };
    } finally {
      rec.finish();
    }
  }

  it('agree on similarities, on who was merged, and on whom into whom', async () => {
    const { cases } = await readJson<{ cases: string[] }>(join(golden, 'stage'), 'index.json');
    const seen = { merge: 0, prune: 0 };
    for (const name of cases) {
      const found = await stageStep(name);
      if (!found) continue;
      const { step, data } = found;
      expect([...step.kept], name).to.deep.equal(data.integers('step0.keep'));
      if (data.has('step0.merge_index_by_patch')) {
        const order = data.integers('step0.token_index_by_patch');
        const merged = data.integers('step0.merge_index_by_patch').map((rank) => order[rank]!);
        expect([...step.merged.keys(), ...step.dropped].sort((a, b) => a - b)).to.deep.equal(
          merged.sort((a, b) => a - b),
        );
        if (step.similarity) {
          expect([...step.similarity.tokens]).to.deep.equal(order);
          expectClose(step.similarity.values, data.floats('step0.similarity_by_patch'), {
            atol: limits.similarity,
            rtol: 0,
          });
        }
        expectMeans(step, data);
        seen.merge++;
      } else if (step.attention) seen.prune++;
    }
    expect(seen.merge).to.be.at.least(10);
    expect(seen.prune).to.be.at.least(2);
  });

  /** What the reference left in a row is the mean of the tokens that the row stands for. */
  function expectMeans({ kept, merged }: TraceStep, data: Golden): void {
    const before = data.floats('step0.hidden_in');
    const after = data.floats('step0.hidden_out');
    const dim = after.length / kept.length;
    const groups = new Map(Array.from(kept, (token) => [token, [token]]));
    for (const [token, into] of merged) groups.get(into)!.push(token);
    const means = Array.from(kept).flatMap((token) => {
      const group = groups.get(token)!;
      return Array.from(
        { length: dim },
        (_, c) => group.reduce((sum, t) => sum + before[t * dim + c]!, 0) / group.length,
      );
    });
    expectClose(Float32Array.from(means), after, { atol: limits.stage, rtol: 0 });
  }
});

/** Places of the ones. */
function placesOf(flags: Uint32Array): number[] {
  return Array.from(flags.keys()).filter((place) => flags[place] === 1);
}

describe('a trace', () => {
  const BEFORE = [1, 2, 3];
  const AFTER = [40, 50, 60, 70];
  let model: VideoModel;
  let clip: Prompt;

  before(async () => {
    model = await tinyModel();
    const video = await model.encode(framesFor(model, 8, { change: 0.05 }));
    atEnd(() => video[Symbol.dispose]());
    clip = { ids: [...BEFORE, VIDEO_ID, ...AFTER], video };
  });

  /** What must hold in every trace. */
  function expectLaws(trace: Trace, layers: readonly { attending: number; leaving: number }[]): void {
    let alive = Array.from({ length: trace.rows }, (_, row) => row);
    for (const { kept, merged, dropped, similarity, attention } of trace.steps) {
      const left = new Set(kept);
      for (const into of merged.values()) expect(left.has(into), 'a representative survives').to.equal(true);
      const all = [...kept, ...merged.keys(), ...dropped].sort((a, b) => a - b);
      expect(all, 'nobody is lost, nobody is twice').to.deep.equal(alive);
      for (const scores of [similarity, attention])
        if (scores) expect(scores.tokens).to.have.length(scores.values.length);
      alive = [...kept];
    }
    expect(trace.layers.at(-1)?.leaving.length).to.equal(alive.length);
    const counts = trace.layers.map(({ attending, leaving }) => [attending.length, leaving.length]);
    expect(counts).to.deep.equal(layers.map(({ attending, leaving }) => [attending, leaving]));
  }

  for (const [name, make] of Object.entries(reducers))
    it(`obeys the laws: ${name}`, async () => {
      for (const cost of [0.7, 0.3])
        for (const similarityLowerBound of [0.9, 0.99]) {
          const { trace, stats } = await tracedRun(model, clip, make({ cost, similarityLowerBound }));
          expectLaws(trace, stats.layers);
          expect(trace.steps.map(({ action, at }) => [action, at])).to.deep.equal(
            stats.steps.map(({ action, at }) => [action, at]),
          );
        }
    });

  it('tells the threshold and the cut', async () => {
    const bound = 0.97;
    const reducer = new FrameFusion({ cost: 0.4, similarityLowerBound: bound, ratioLowerBound: 0.5 });
    const { trace } = await tracedRun(model, clip, reducer);
    const actions = trace.steps.map(({ action }) => action);
    expect(actions).to.deep.equal(['merge', 'prune']);
    const [merge, prune] = trace.steps;
    const { values, tokens, cut } = merge!.similarity!;
    const merged = [...tokens].filter((_, i) => values[i]! >= Math.fround(bound));
    expect([...merge!.merged.keys()]).to.deep.equal(merged.sort((a, b) => a - b));
    expect(merge!.similarity!.bound).to.equal(bound);
    expect(cut).to.be.at.least(Math.fround(bound));
    const attention = prune!.attention!;
    const kept = new Set(prune!.kept);
    for (const [i, token] of attention.tokens.entries())
      expect(attention.values[i]! >= attention.cut!).to.equal(kept.has(token));
  });

  it('costs nothing when off, and one read-back for each reduction when on', async () => {
    const reducer = new FrameFusion({ cost: 0.4, similarityLowerBound: 0.97, ratioLowerBound: 0.5 });
    const counts = { dispatch: 0, copy: 0, read: 0 };
    const spied = ['dispatch', 'copy', 'read'] as const;
    const prototype = Recorder.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
    const genuine = spied.map((name) => prototype[name]!);
    for (const [i, name] of spied.entries())
      prototype[name] = function (this: unknown, ...args) {
        counts[name]++;
        return genuine[i]!.apply(this, args);
      };
    try {
      const count = async (trace: boolean) => {
        Object.assign(counts, { dispatch: 0, copy: 0, read: 0 });
        const { ids, stats } = await generated(model, clip, reducer, { maxNewTokens: 3, trace });
        return { ids, stats, ...counts };
      };
      const off = await count(false);
      const on = await count(true);
      expect(off.stats).not.to.have.property('trace');
      expect(on.ids).to.deep.equal(off.ids);
      expect(on.dispatch).to.equal(off.dispatch);
      expect(on.read - off.read)
        .to.equal(on.stats.trace!.steps.length)
        .and.to.equal(2);
      expect(on.copy - off.copy).to.equal(5); // planes, positions and similarities; positions and scores
    } finally {
      for (const [i, name] of spied.entries()) prototype[name] = genuine[i]!;
    }
  });

  it('works for a reducer that tells it nothing', async () => {
    const silent = reducers.random!({ cost: 0.5, seed: 3 })!;
    const start: TokenReducer['start'] = (prompt) => {
      const decide = silent.start(prompt);
      return async (at) => {
        const decision = await decide(at);
        return decision?.kind === 'keep' ? keep(placesOf(decision.flags as Uint32Array)) : undefined;
      };
    };
    const { trace, stats } = await tracedRun(model, clip, { name: 'silent', start });
    expectLaws(trace, stats.layers);
    expect(trace.steps.map(({ action, at }) => [action, at])).to.deep.equal([['drop', 'input']]);
    expect(trace.steps[0]!.dropped).to.have.length(48);
  });

  it('is one of every token where nothing is reduced, and where there is no video', async () => {
    for (const prompt of [clip, { ids: [5, 6, 7] }]) {
      const { trace, stats } = await tracedRun(model, prompt);
      expect(trace.steps).to.deep.equal([]);
      expectLaws(trace, stats.layers);
    }
  });
});
