import { expect } from 'chai';
import { HARD_WORDINGS, hardQuestionsOf, hardTestOf } from '../../tools/tiny/hard-questions.ts';
import { HARD_INSTANTS, randomHardCrowd, randomHardScene } from '../../tools/tiny/hard-scene.ts';
import { LABELS, labelsOf } from '../../tools/tiny/labels.ts';
import { renderScene } from '../../tools/tiny/render.ts';
import { centreOf, colorOf, eventsOf, isVisible, type Scene, SIDE, scaleOf } from '../../tools/tiny/scene.ts';
import { SETS } from '../../tools/tiny/sets.ts';

const SEEDS = Array.from({ length: 400 }, (_, seed) => seed);
const SCENES = SEEDS.map(randomHardScene);

/** Two things at once, five events, one that blinks. */
const SCENE: Scene = {
  instants: 32,
  zoom: 0.75,
  background: ['gray', 'brown'],
  cut: 20,
  drift: [0, 0],
  texture: [0, 0],
  grain: 6,
  specks: 0,
  noise: 0,
  objects: [
    { does: 'flash', at: 6, until: 7, color: 'red', shape: 'cross', x: 14, y: 51, radius: 6 },
    { does: 'appear', at: 9, color: 'yellow', shape: 'square', x: 50, y: 13, radius: 6 },
    { does: 'vanish', at: 13, color: 'blue', shape: 'triangle', x: 14, y: 13, radius: 6 },
    { does: 'recolor', at: 20, to: 'green', color: 'purple', shape: 'ring', x: 50, y: 51, radius: 6 },
    { does: 'blink', times: [3, 11, 17], color: 'cyan', shape: 'circle', x: 32, y: 32, radius: 6 },
  ],
};

const answersOf = (type: string) =>
  new Set(
    SEEDS.flatMap((seed) =>
      hardQuestionsOf(SCENE, seed)
        .filter((q) => q.type === type)
        .map((q) => q.answer),
    ),
  );

describe('randomHardScene', () => {
  it('is fixed by its seed, and shares no clip with another part or set', () => {
    expect(randomHardScene(5)).to.deep.equal(randomHardScene(5));
    const firsts = Object.values(SETS).flatMap(({ seeds }) => Object.values(seeds));
    for (const [i, a] of firsts.entries())
      for (const b of firsts.slice(0, i)) expect(Math.abs(a - b)).to.be.at.least(1_000_000);
  });

  it('keeps every object in the frame and apart from the others at all times', () => {
    for (const [seed, scene] of SCENES.entries())
      for (let instant = 0; instant < HARD_INSTANTS; instant++) {
        const centres = scene.objects.map((object) => centreOf(scene, object, instant));
        const scale = scaleOf(scene, instant);
        for (const [i, [x, y]] of centres.entries()) {
          expect(Math.min(x, y, SIDE - x, SIDE - y), `seed ${seed}`).to.be.above(5);
          for (const [j, [u, v]] of centres.slice(0, i).entries())
            expect(Math.hypot(x - u, y - v)).to.be.above(scale * (scene.objects[i]!.radius + scene.objects[j]!.radius));
        }
      }
  });

  it('has short events: shown for an instant or two of 32, or seen again and again', () => {
    const objects = SCENES.flatMap((scene) => scene.objects);
    const shown = (object: (typeof objects)[number]) =>
      Array.from({ length: 32 }, (_, t) => isVisible(object, t)).filter(Boolean).length;
    for (const object of objects) {
      if (object.does === 'flash') expect(shown(object)).to.be.within(1, 2);
      if (object.does === 'blink') expect(shown(object)).to.equal(object.times.length).and.to.be.within(2, 5);
      if (object.does === 'recolor') expect(colorOf(object, object.at)).not.to.equal(colorOf(object, object.at - 1));
    }
    expect(new Set(objects.map(({ does }) => does)).size).to.equal(7);
  });

  it('lets no three events share an instant, and half of the clips two', () => {
    let pairs = 0;
    for (const scene of SCENES) {
      const counts = new Map<number, number>();
      for (const { at } of eventsOf(scene)) counts.set(at, (counts.get(at) ?? 0) + 1);
      expect(Math.max(0, ...counts.values())).to.be.below(3);
      if ([...counts.values()].includes(2)) pairs++;
      const names = scene.objects.flatMap((object) => [
        object.color,
        ...(object.does === 'recolor' ? [object.to] : []),
      ]);
      expect(new Set(names).size).to.equal(names.length);
    }
    expect(pairs / SCENES.length).to.be.within(0.25, 0.6);
  });
});

describe('hardQuestionsOf', () => {
  it('answers by the script', () => {
    const single = {
      ...{ flash: 'the red cross', flash_color: 'red', flash_where: 'bottom left', times: 'three' },
      ...{ recolor: 'the ring', new_color: 'green', view: 'it zooms out' },
    };
    for (const [type, answer] of Object.entries(single)) expect([...answersOf(type)], type).to.deep.equal([answer]);
    // The last two happen at once: neither is the fourth, and neither comes next.
    const countable = ['the cross flashes', 'the square appears', 'the triangle disappears'];
    expect(answersOf('nth')).to.deep.equal(new Set(countable));
    expect(answersOf('after')).to.deep.equal(new Set(countable.slice(1)));
    expect(answersOf('together')).to.deep.equal(new Set(['the ring changes color', 'the background changes']));
    expect(answersOf('exist')).to.deep.equal(new Set(['yes', 'no']));
  });

  it('asks each type once, in words without gaps, of every clip', () => {
    const types = new Set<string>();
    for (const [seed, scene] of SCENES.entries()) {
      const questions = hardQuestionsOf(scene, seed);
      for (const { type, question } of questions) {
        types.add(type);
        expect(question).not.to.match(/[{}]|undefined/);
      }
      expect(new Set(questions.map(({ type }) => type)).size).to.equal(questions.length);
    }
    expect(types).to.deep.equal(new Set(Object.keys(HARD_WORDINGS)));
  });
});

describe('hardTestOf', () => {
  it('asks one question about order of each clip that has one, each kind now and then, and all others', () => {
    const kinds = new Set<string>();
    const isOrder = (type: string) => ['nth', 'after', 'together'].includes(type);
    for (const [seed, scene] of SCENES.entries()) {
      const all = hardQuestionsOf(scene, seed);
      const asked = hardTestOf(all, seed);
      const order = asked.filter(({ type }) => isOrder(type));
      expect(order.length).to.equal(Math.min(1, all.filter(({ type }) => isOrder(type)).length));
      expect(asked.length - order.length).to.equal(all.filter(({ type }) => !isOrder(type)).length);
      for (const { type } of order) kinds.add(type);
    }
    expect(kinds.size).to.equal(3);
  });
});

describe('a hard scene, drawn', () => {
  it('shows what blinks, changes colour and shrinks', () => {
    const size = 128;
    const images = renderScene(SCENE, { size, seed: 1 });
    expect(images.length).to.equal(32);
    const at = (instant: number, which: number) => {
      const [x, y] = centreOf(SCENE, SCENE.objects[which]!, instant);
      // A ring is empty in its middle.
      const side = SCENE.objects[which]!.shape === 'ring' ? 0.74 * 6 * scaleOf(SCENE, instant) : 0;
      const from = (Math.floor((y / SIDE) * size) * size + Math.floor(((x + side) / SIDE) * size)) * 3;
      return [...images[instant]!.subarray(from, from + 3)];
    };
    const [, , blue] = at(3, 4);
    expect(blue).to.be.above(180);
    expect(at(4, 4)[2]).to.be.below(180);
    expect(at(19, 3)[2]).to.be.above(150);
    expect(at(21, 3)[1]).to.be.above(140);
    expect(at(21, 3)[2]).to.be.below(120);
    expect(scaleOf(SCENE, 31)).to.be.closeTo(0.75, 1e-9);
  });

  it('moves a zoomed background with the objects on it', () => {
    const still = {
      ...SCENE,
      objects: [],
      texture: [20, 20] as const,
      cut: undefined as never,
      background: ['gray', 'gray'] as const,
    };
    const images = renderScene({ ...still, zoom: 2, instants: 2 }, { size: 64, seed: 3 });
    const value = (image: Uint8Array, row: number, column: number) => image[(row * 64 + column) * 3]!;
    // What is 8 from the middle at first is 16 from it at the end.
    let far = 0;
    for (let i = 0; i < 16; i++)
      far = Math.max(far, Math.abs(value(images[1]!, 32, 32 + 2 * i) - value(images[0]!, 32, 32 + i)));
    expect(far).to.be.below(12);
  });

  it('labels a change of colour and the end of each blink', () => {
    const labels = labelsOf(SCENE);
    expect(labels.length).to.equal(32 * 16);
    const frame = (instant: number) =>
      labels.subarray(instant * 16, instant * 16 + 16).reduce((all, one) => all | one, 0);
    const bit = (name: string) => 1 << (LABELS as readonly string[]).indexOf(name);
    expect(frame(20) & bit('changes color')).not.to.equal(0);
    expect(frame(21) & bit('changes color')).to.equal(0);
    for (const end of [4, 12, 18]) expect(frame(end) & bit('ends a flash')).not.to.equal(0);
    expect(frame(21) & bit('green')).not.to.equal(0);
    expect(frame(21) & bit('purple')).to.equal(0);
  });
});

describe('randomHardCrowd', () => {
  it('puts small objects on a still, too', () => {
    const radii = SEEDS.flatMap((seed) => randomHardCrowd(seed).objects.map(({ radius }) => radius));
    expect(Math.min(...radii)).to.be.below(4);
    expect(Math.max(...radii)).to.be.above(8.5);
  });
});
