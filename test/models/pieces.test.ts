import { expect } from 'chai';
import { folderFiles } from '../../checkpoint/file-source.ts';
import { InputError } from '../../engine/errors.ts';
import { reducerNamed } from '../../framefusion/reducers.ts';
import type { EncodedVideo } from '../../models/inputs.ts';
import { planMemory } from '../../models/plan.ts';
import { keep, type TokenReducer } from '../../models/reduction.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { openTestRuntime } from '../helpers/device.ts';
import { expectRejection } from '../helpers/errors.ts';
import { framesFor, tinyModel } from '../helpers/model.ts';

/** Keeps some tokens of each frame, whatever the other frames show. */
const someOfEach: TokenReducer = {
  name: 'some',
  onEncoded: true,
  start:
    () =>
    ({ at, tokens: { layout } }) => {
      const places = Array.from({ length: layout.length }, (_, place) => place);
      return at === 'encoded' ? keep(places.filter((place) => place % 12 === 1 || place % 12 === 7)) : undefined;
    },
};

describe('a video in pieces', () => {
  let model: VideoModel;
  before(async () => {
    model = await tinyModel();
  });

  /** What is left, and what is answered. */
  async function seen(reducer: TokenReducer, piece: number | undefined, frames = 7) {
    const reduced = model.withReducer(reducer);
    const told: number[] = [];
    const shown = framesFor(model, frames, { change: 0.3 });
    using video = await reduced.encode(shown, { piece, progress: (done, of) => void told.push(done, of) });
    const answer = reduced.answer(video, 'What moves?', { maxNewTokens: 6 });
    for await (const _ of answer);
    const { ids, layers, promptRows, videoTokens, steps } = answer.stats;
    return { video, told, answered: { ids, layers, promptRows, videoTokens, steps } };
  }

  it('is answered about as the whole is, where the reducer looks at each frame alone', async () => {
    const whole = await seen(someOfEach, undefined);
    for (const piece of [1, 3, 7, 100]) {
      const inPieces = await seen(someOfEach, piece);
      expect(inPieces.answered, `${piece} frames`).to.deep.equal(whole.answered);
      expect(inPieces.told.slice(-2)).to.deep.equal([7, 7]);
      expect(inPieces.video.kept?.places).to.have.length(14);
    }
  });

  it('keeps its budget of tokens over all pieces', async () => {
    const { answered } = await seen(reducerNamed('evs', { tokens: 60 })!, 4, 20);
    expect(answered.layers[0]!.attending - (answered.promptRows - answered.videoTokens)).to.be.within(50, 60);
  });

  it('needs a reducer that decides before the question, and a number of frames', async () => {
    const encoded = (reducer: TokenReducer | undefined, piece: number): Promise<EncodedVideo> =>
      model.withReducer(reducer).encode(framesFor(model, 2), { piece });
    await expectRejection(encoded(undefined, 1), InputError, 'the dense model does not');
    await expectRejection(encoded(reducerNamed('framefusion'), 1), InputError, 'framefusion does not');
    for (const piece of [0, -1, 1.5, Number.NaN])
      await expectRejection(encoded(someOfEach, piece), InputError, 'piece must be a whole number of frames above 0');
  });

  it('takes the memory of a piece, and of what is left', async () => {
    const runtime = await openTestRuntime();
    try {
      const options = { frames: 512, question: 'What?', maxNewTokens: 4, reducer: reducerNamed('evs', { cost: 0.1 }) };
      const files = folderFiles('assets/tiny-llava-video');
      const whole = await planMemory(files, runtime, { ...options, allowLong: true });
      const inPieces = await planMemory(files, runtime, { ...options, allowLong: true, piece: 32 });
      expect(inPieces.rows).to.equal(whole.rows);
      expect(inPieces.visualTokens).to.be.below(whole.visualTokens / 8);
      expect(inPieces.vision - inPieces.weights.bytes).to.be.below((whole.vision - whole.weights.bytes) / 2);
    } finally {
      runtime.close();
    }
  });
});
