/** What people get wrong with the library is told by an InputError that names the option: never by a TypeError, or silence. */
import { expect } from 'chai';
import {
  applyFrameFusion,
  FrameFusion,
  type FrameFusionOptions,
  fastV,
  InputError,
  loadModel,
  mergeOnly,
  randomDrop,
  reducerNamed,
  samplingOf,
  type VideoModel,
} from '../../index.ts';
import { rejection } from '../helpers/errors.ts';
import { framesFor, tinyModel } from '../helpers/model.ts';

/** Anything, where TypeScript would not let it through. */
// biome-ignore lint/suspicious/noExplicitAny: the point of these tests is to pass what types forbid
const wrong = (value?: unknown): any => value;

describe('misuse of the library', () => {
  let model: VideoModel;
  before(async () => {
    model = await tinyModel();
  });

  const calls: readonly (readonly [what: string, call: () => unknown, says: string])[] = [
    ['no settings', () => new FrameFusion(wrong()), 'options: { cost, ... }, got nothing'],
    ['a cost of undefined', () => new FrameFusion({ cost: wrong() }), 'cost must be above 0'],
    ['a cost that is a text', () => new FrameFusion({ cost: wrong('0.3') }), 'cost must be above 0'],
    [
      'a bound that is a text',
      () => new FrameFusion({ cost: 0.3, similarityLowerBound: wrong('1') }),
      'similarityLowerBound',
    ],
    [
      'an unknown kv',
      () => new FrameFusion({ cost: 0.3, kv: wrong('drop') }),
      'kv must be keep or compact, got "drop"',
    ],
    ['no options for FastV', () => fastV(wrong()), 'options: { cost }, got nothing'],
    ['a cost of undefined for a baseline', () => mergeOnly({ cost: wrong() }), 'cost must be above 0'],
    ['a cost of 2 for a baseline', () => randomDrop({ cost: 2 }), 'cost must be above 0 and at most 1, got 2'],
    ['a reducer that is none', () => reducerNamed('fusion'), 'reducer must be framefusion'],
    ['the name of what every object has', () => reducerNamed('toString'), 'reducer must be framefusion'],
    ['swapped arguments', () => applyFrameFusion(wrong({ cost: 0.3 }), wrong()), 'the first argument must be a model'],
    ['no model', () => samplingOf(wrong()), 'it must be a model, got nothing'],
  ];
  for (const [what, call, says] of calls)
    it(`is told: ${what}`, () => {
      expect(call).to.throw(InputError, says);
    });

  it('is told by a model: reducers that are none, and things to ask about that are none', async () => {
    for (const reducer of ['framefusion', 3, null, {}])
      expect(() => model.withReducer(wrong(reducer))).to.throw(InputError, 'a reducer must have');
    for (const about of ['clip.mp4', 7, null])
      expect(() => model.session(wrong(about))).to.throw(InputError, 'what encode returned');
    for (const frames of [undefined, 'clip.mp4', {}, { images: 3 }])
      expect(await rejection(model.encode(wrong(frames)))).to.be.instanceOf(InputError);
    for (const picture of [undefined, {}, { crops: [] }])
      expect(await rejection(model.encodePicture(wrong(picture)))).to.be.instanceOf(InputError);
    expect(() => model.answer(undefined, wrong())).to.throw(InputError, 'the question must be a text');
    expect(() => model.answer(undefined, 'What?', wrong(null))).to.throw(InputError, 'options');
    expect(() => model.ask('clip.mp4', 'What?')).to.throw(InputError, 'without a reader of videos');
  });

  it('is told by loadModel before anything is loaded', async () => {
    for (const source of [undefined, 3, null, {}])
      expect(await rejection(loadModel(wrong(source))), String(source)).to.be.instanceOf(InputError);
    expect(await rejection(loadModel('no such model'))).to.be.instanceOf(InputError);
    for (const options of [
      { cost: 0 },
      { cost: wrong('a') },
      { reducer: 'fusion' },
      { reducer: wrong(7) },
    ] as FrameFusionOptions[])
      expect(await rejection(loadModel('tiny-llava-video', options)), JSON.stringify(options)).to.be.instanceOf(
        InputError,
      );
  });

  it('is told where something is used after its end', async () => {
    using loaded = await loadModel('tiny-llava-video', { runtime: model.runtime });
    using video = await model.encode(framesFor(model, 2));
    loaded[Symbol.dispose]();
    loaded[Symbol.dispose]();
    expect(() => loaded.session(undefined)).to.throw(InputError, 'the model was disposed of');
    expect(() => loaded.answer(undefined, 'What?')).to.throw(InputError, 'the model was disposed of');
    expect(await rejection(loaded.encode(framesFor(loaded, 2)))).to.be.instanceOf(InputError);
    // The runtime was not its own: others go on.
    for await (const _ of model.answer(video, 'What moves?', { maxNewTokens: 2 }));
  });
});
