import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { combineRows } from '../../kernels/reference/reduce.ts';
import type { EncodedVideo } from '../../models/inputs.ts';
import { VIDEO_ID } from '../../models/prompt.ts';
import { combine, keep, merge, type Point, type TokenReducer } from '../../models/reduction.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { expectClose, tolerance } from '../helpers/close.ts';
import { expectRejection } from '../helpers/errors.ts';
import { framesFor, generated, tinyModel } from '../helpers/model.ts';
import type { HostTensor } from '../helpers/random.ts';

/** Keeps every third token of the video. */
const third = (tokens: number): number[] => Array.from({ length: tokens }, (_, i) => i).filter((i) => i % 3 === 0);

describe('a reducer that decides before any question', () => {
  let model: VideoModel;
  let video: EncodedVideo;

  before(async () => {
    model = await tinyModel();
    video = await model.encode(framesFor(model, 6, { change: 0.3 }));
  });
  after(() => video[Symbol.dispose]());

  async function answered(reducer: TokenReducer) {
    const answer = model.withReducer(reducer).answer(video, 'What moves?', { maxNewTokens: 6 });
    for await (const _ of answer);
    return answer.stats;
  }

  it('gives the ids that the same choice gives at the input: tokens keep their positions', async () => {
    const decide = ({ tokens }: Point) => keep(third(tokens.layout.length));
    const early = await answered({
      name: 'early',
      onEncoded: true,
      start: () => (at) => (at.at === 'encoded' ? decide(at) : undefined),
    });
    const late = await answered({ name: 'late', start: () => (at) => (at.at === 'input' ? decide(at) : undefined) });
    expect(early.ids).to.deep.equal(late.ids);
    expect(early.videoTokens).to.equal(72);
    expect(late.videoTokens).to.equal(72);
    expect(early.promptRows).to.equal(late.promptRows);
    expect(early.layers[0]!.attending).to.equal(late.layers[0]!.attending);
  });

  it('puts weighted sums in place of the video, in the order that it says, at the places of their tokens', async () => {
    const sums = [
      { at: 40, of: [[40, 0.5] as const, [3, 0.25] as const, [41, 2] as const] },
      { at: 2, of: [[2, 1] as const] },
    ];
    const options = {
      name: 'sums',
      onEncoded: true,
      start: () => (at: Point) => (at.at === 'encoded' ? combine(sums) : undefined),
    };
    let seen: Float32Array | undefined;
    let places: number[] = [];
    const answer = model.withReducer(options).answer(video, 'What moves?', {
      maxNewTokens: 2,
      listener: async ({ at, rec, before }) => {
        if (at !== 'input') return;
        const { first, length } = before.layout;
        const [, dim] = before.hidden.shape2();
        seen = (await rec.read(before.hidden)).slice(first * dim, (first + length) * dim) as Float32Array;
        places = Array.from(await rec.read(before.position), (position) => position - first).slice(
          first,
          first + length,
        );
      },
    });
    for await (const _ of answer);
    const rec = model.runtime.recorder('read');
    const tokens = { shape: video.tokens.shape, values: await rec.read(video.tokens), dtype: 'f32' } as HostTensor;
    rec.finish();
    expect(places).to.deep.equal([40, 2]);
    expectClose(
      seen!,
      combineRows(
        tokens,
        sums.map(({ of }) => of),
      ),
      tolerance('f32'),
    );
  });

  it('refuses sums of nothing, and of what is not there', async () => {
    const of = (rows: Parameters<typeof combine>[0]): TokenReducer => ({
      name: 'wrong',
      onEncoded: true,
      start: () => () => combine(rows),
    });
    await expectRejection(answered(of([])), InputError, 'must leave some rows');
    await expectRejection(answered(of([{ at: 0, of: [] }])), InputError, 'combine must name places below 72');
    await expectRejection(answered(of([{ at: 72, of: [[0, 1]] }])), InputError, 'got 72');
    await expectRejection(answered(of([{ at: 5, of: [[-1, 1]] }])), InputError, 'got 5');
  });

  it('decides once a video, however many ask', async () => {
    let asked = 0;
    const reducer: TokenReducer = {
      name: 'counts',
      onEncoded: true,
      start: () => (at) => {
        if (at.at !== 'encoded') return undefined;
        asked++;
        const rows = at.tokens.hidden.shape2()[0];
        // Each token of a later frame goes into the one before it: one frame is left.
        const { perFrame } = at.tokens.layout;
        return merge({ into: Uint32Array.from({ length: rows }, (_, row) => row % perFrame) });
      },
    };
    const reduced = model.withReducer(reducer);
    using session = reduced.session(video);
    for (const question of ['What moves?', 'Why?'])
      for await (const _ of session.fork().ask(question, { maxNewTokens: 3 }));
    for await (const _ of reduced.answer(video, 'When?', { maxNewTokens: 3 }));
    expect(asked).to.equal(1);
  });

  it('refuses a decision that leaves nothing, or assigns to what goes', async () => {
    const at = (decide: TokenReducer['start']): TokenReducer => ({ name: 'wrong', onEncoded: true, start: decide });
    await expectRejection(answered(at(() => () => keep([]))), InputError, 'a decision must leave some');
    const loop = at(() => (point) => {
      const [rows] = point.tokens.hidden.shape2();
      return merge({ into: Uint32Array.from({ length: rows }, (_, row) => (row + 1) % rows) });
    });
    await expectRejection(answered(loop), InputError, 'must leave some');
    const short = at(() => () => merge({ into: Uint32Array.of(0, 0) }));
    await expectRejection(answered(short), InputError, 'must assign all 72 rows');
  });

  it("gets the attention in the tower if it asks for it, and each frame's sums to 1", async () => {
    using watched = await model.encode(framesFor(model, 6, { change: 0.3 }), { salience: 'received' });
    const { salience, grid } = watched;
    expect(salience).to.have.length(72);
    const each = 72 / 6;
    for (let frame = 0; frame < 6; frame++) {
      const tokens = salience!.subarray(frame * each, (frame + 1) * each);
      expect(tokens.reduce((sum, x) => sum + x, 0) * (25 / 9)).to.be.closeTo(1, 0.2);
      // A newline has no place in the frame.
      if (grid.newlines === 'row')
        for (let row = 0; row < grid.rows; row++) expect(tokens[row * (grid.columns + 1) + grid.columns]).to.equal(0);
    }
    const plain = model.runtime.recorder('read');
    expect(await plain.read(watched.tokens)).to.deep.equal(await plain.read(video.tokens));
    plain.finish();
  });

  it('says that the attention is missing', () =>
    expectRejection(
      answered({ name: 'salient', onEncoded: true, salience: 'received', start: () => () => undefined }),
      InputError,
      'salient: it needs the attention in the tower',
    ));

  it('leaves a prompt without a video alone', async () => {
    const reducer: TokenReducer = { name: 'never', onEncoded: true, start: () => () => keep([0]) };
    const plain = await generated(model, { ids: [4, 5, 6] });
    expect((await generated(model, { ids: [4, 5, 6] }, reducer)).ids).to.deep.equal(plain.ids);
    expect(VIDEO_ID).to.be.below(0);
  });
});
