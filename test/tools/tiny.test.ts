import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { findWasm } from '../../media/ffmpeg-wasm.ts';
import { encodeMp4, encodeSheet } from '../../tools/tiny/encode.ts';
import { CELLS, LABELS, labelsOf } from '../../tools/tiny/labels.ts';
import { questionsOf, WORDINGS } from '../../tools/tiny/questions.ts';
import { renderScene } from '../../tools/tiny/render.ts';
import {
  BACKGROUNDS,
  COLORS,
  centreOf,
  eventsOf,
  INSTANTS,
  isVisible,
  type Rgb,
  randomCrowd,
  randomScene,
  type Scene,
  SIDE,
} from '../../tools/tiny/scene.ts';
import { parseScene } from '../../tools/tiny/scene-file.ts';

const SEEDS = Array.from({ length: 400 }, (_, seed) => seed);

/** One object of each kind, in the four corners and the middle, before a background that changes and drifts. */
const SCENE: Scene = {
  instants: INSTANTS,
  background: ['gray', 'brown'],
  cut: 9,
  drift: [0.3, -0.2],
  texture: [3, 3],
  grain: 6,
  specks: 0,
  noise: 0,
  objects: [
    {
      does: 'move',
      direction: 'right',
      distance: 33,
      color: 'purple',
      shape: 'circle',
      x: 15,
      y: 32,
      radius: 7,
    },
    { does: 'appear', at: 3, color: 'yellow', shape: 'square', x: 50, y: 13, radius: 7 },
    { does: 'vanish', at: 5, color: 'blue', shape: 'triangle', x: 14, y: 13, radius: 7 },
    { does: 'flash', at: 7, until: 8, color: 'red', shape: 'cross', x: 14, y: 51, radius: 7 },
    { does: 'stay', color: 'cyan', shape: 'ring', x: 50, y: 51, radius: 7 },
  ],
};

const { cut: _, ...UNCUT } = SCENE;

/** The colour of the pixel at a place given in units. */
function pixel(image: Uint8Array, x: number, y: number): Rgb {
  const size = Math.sqrt(image.length / 3);
  const at = (Math.floor((y / SIDE) * size) * size + Math.floor((x / SIDE) * size)) * 3;
  return [image[at]!, image[at + 1]!, image[at + 2]!];
}

function difference(a: Rgb, b: Rgb): number {
  return Math.max(...a.map((value, c) => Math.abs(value - b[c]!)));
}

describe('randomScene', () => {
  it('is fixed by its seed', () => {
    expect(randomScene(5)).to.deep.equal(randomScene(5));
    expect(new Set(SEEDS.map((seed) => JSON.stringify(randomScene(seed)))).size).to.equal(SEEDS.length);
  });

  it('keeps every object in the frame and apart from the others at all times', () => {
    for (const seed of SEEDS) {
      const scene = randomScene(seed);
      const { objects } = scene;
      for (let instant = 0; instant < INSTANTS; instant++) {
        const centres = objects.map((object) => centreOf(scene, object, instant));
        for (const [i, [x, y]] of centres.entries()) {
          expect(Math.min(x, y, SIDE - x, SIDE - y), `seed ${seed}`).to.be.at.least(objects[i]!.radius);
          for (const [j, [u, v]] of centres.slice(0, i).entries())
            expect(Math.hypot(x - u, y - v)).to.be.above(objects[i]!.radius + objects[j]!.radius);
        }
      }
    }
  });

  it('names each object and each event unmistakably', () => {
    for (const seed of SEEDS) {
      const scene = randomScene(seed);
      for (const key of ['color', 'shape'] as const)
        expect(new Set(scene.objects.map((object) => object[key])).size).to.equal(scene.objects.length);
      const times = eventsOf(scene).map(({ at }) => at);
      for (const [i, at] of times.slice(1).entries()) expect(at - times[i]!, `seed ${seed}`).to.be.at.least(2);
      expect(scene.background[0] !== scene.background[1]).to.equal(scene.cut !== undefined);
    }
  });

  it('shows every object at some instant, and hides at another what comes or goes', () => {
    for (const object of SEEDS.flatMap((seed) => randomScene(seed).objects)) {
      const shown = Array.from({ length: INSTANTS }, (_, t) => isVisible(object, t)).filter(Boolean).length;
      if (object.does === 'flash') expect(shown).to.be.within(1, 2);
      else if (object.does === 'stay' || object.does === 'move') expect(shown).to.equal(INSTANTS);
      else expect(shown).to.be.within(2, INSTANTS - 2);
    }
  });

  it('uses every kind of everything', () => {
    const scenes = SEEDS.map(randomScene);
    const objects = scenes.flatMap((scene) => scene.objects);
    expect(new Set(objects.map(({ does }) => does)).size).to.equal(5);
    expect(new Set(objects.map(({ color }) => color)).size).to.equal(7);
    expect(new Set(objects.map(({ shape }) => shape)).size).to.equal(5);
    expect(new Set(objects.map((object) => 'direction' in object && object.direction)).size).to.equal(5);
    expect(new Set(scenes.map(({ background }) => background[1])).size).to.equal(5);
    const fours = scenes.filter((scene) => scene.objects.length === 4);
    // 0.2 and 0.25, within four standard errors of 400 draws.
    expect(fours.length / scenes.length).to.be.within(0.12, 0.28);
    expect(scenes.filter(({ camera }) => camera !== undefined).length / scenes.length).to.be.within(0.12, 0.28);
    expect(scenes.filter(({ cut }) => cut !== undefined).length / scenes.length).to.be.within(0.16, 0.34);
  });
});

describe('questionsOf', () => {
  /** By type, all answers that seeds may lead to. */
  const answers = (scene: Scene) => {
    const found = new Map<string, Set<string>>();
    for (const { type, answer } of SEEDS.flatMap((seed) => questionsOf(scene, seed)))
      found.set(type, (found.get(type) ?? new Set()).add(answer));
    return found;
  };

  const isWorded = (question: string, wording: string) =>
    new RegExp(`^${wording.replaceAll('?', '\\?').replace(/\{\w+\}/g, '\\w+')}$`).test(question);

  it('answers by the script', () => {
    const got = answers(SCENE);
    const single = {
      moves: 'the purple circle',
      direction: 'right',
      flash: 'the red cross',
      last: 'the red cross',
    };
    const rest = { order: 'the square', bg_start: 'gray', bg_end: 'brown', end: 'the background changes' };
    const begin = { begin: 'the square appears', camera: 'it stands still' };
    const describe =
      'The purple circle moves right, then the yellow square appears, then the blue triangle disappears, ' +
      'then the red cross flashes, then the background changes.';
    for (const [type, answer] of Object.entries({ ...single, ...rest, ...begin, describe }))
      expect([...got.get(type)!], type).to.deep.equal([answer]);
    expect(got.get('color')).to.deep.equal(new Set(['purple', 'yellow', 'blue', 'red', 'cyan']));
    expect(got.get('where')).to.deep.equal(new Set(['top right', 'top left', 'bottom left', 'bottom right']));
    expect(got.get('exist')).to.deep.equal(new Set(['yes', 'no']));
  });

  it('says nothing where nothing happens, and asks no questions without an answer', () => {
    const got = answers({ ...UNCUT, background: ['pink', 'pink'], objects: [SCENE.objects[4]!] });
    for (const type of ['moves', 'flash', 'begin', 'end']) expect([...got.get(type)!], type).to.deep.equal(['nothing']);
    expect([...got.get('describe')!]).to.deep.equal(['Nothing happens.']);
    for (const type of ['direction', 'last', 'order']) expect(got.has(type), type).to.equal(false);
  });

  it('tells the camera from what it films', () => {
    const got = answers({ ...SCENE, objects: SCENE.objects.slice(1), camera: { direction: 'left', distance: 5 } });
    expect([...got.get('camera')!]).to.deep.equal(['left']);
    expect([...got.get('describe')!][0]).to.match(/^The camera moves left, then the yellow square appears/);
    // What moves, and where something is, has no one answer then.
    for (const type of ['moves', 'where']) expect(got.has(type), type).to.equal(false);
  });

  it('asks in the words of several people, and leaves no gap in them', () => {
    const asked = SEEDS.flatMap((seed) => questionsOf(randomScene(seed), seed));
    for (const [type, wordings] of Object.entries(WORDINGS)) {
      const ofType = asked.filter((one) => one.type === type);
      expect(ofType.length, type).to.be.above(0);
      for (const { question } of ofType) expect(question).to.not.match(/[{}]/);
      // Each wording begins or ends in a way of its own.
      const said = wordings.filter((wording) => ofType.some(({ question }) => isWorded(question, wording)));
      expect(said, type).to.deep.equal(wordings);
    }
  });

  it('points at the object that an answer is about', () => {
    for (const seed of SEEDS)
      for (const { type, answer, about } of questionsOf(randomScene(seed), seed)) {
        if (type === 'color') expect(about?.color).to.equal(answer);
        if (type === 'shape') expect(about?.shape).to.equal(answer);
        if (type === 'last' || type === 'flash')
          expect(about ? `the ${about.color} ${about.shape}` : 'nothing').to.equal(answer);
      }
  });

  it('is right about what exists, and asks each type once', () => {
    for (const seed of SEEDS) {
      const scene = randomScene(seed);
      const questions = questionsOf(scene, seed);
      expect(new Set(questions.map(({ type }) => type)).size).to.equal(questions.length);
      const { question, answer } = questions.find(({ type }) => type === 'exist')!;
      const isThere = scene.objects.some(({ color, shape }) => question.includes(`a ${color} ${shape}`));
      expect(answer).to.equal(isThere ? 'yes' : 'no');
    }
  });
});

describe('renderScene', () => {
  const images = renderScene(SCENE, { size: 96, seed: 1 });

  it('is fixed by its seed', () => {
    const noisy = { ...SCENE, noise: 2 };
    const [first, again, other] = [1, 1, 2].map((seed) => renderScene(noisy, { size: 32, seed }));
    expect(again).to.deep.equal(first);
    expect(other).to.not.deep.equal(first);
  });

  it('paints each object where and when it is to be seen, and the background elsewhere', () => {
    for (const [instant, image] of images.entries())
      for (const object of SCENE.objects) {
        const [x, y] = centreOf(SCENE, object, instant);
        // The middle of a ring is empty; its band is three quarters of the way out.
        const got = pixel(image, object.shape === 'ring' ? x + 0.74 * object.radius : x, y);
        const want = isVisible(object, instant)
          ? COLORS[object.color]
          : BACKGROUNDS[SCENE.background[instant < 9 ? 0 : 1]];
        // Paints are off by up to 10, backgrounds by 8 and four deviations of texture.
        expect(difference(got, want), `${object.shape} at ${instant}`).to.be.below(8 + 4 * 3 * 1.2);
      }
  });

  it('lets the background drift without a seam', () => {
    const scene = { ...SCENE, objects: [], drift: [2, 1] as const, background: ['gray', 'gray'] as const };
    const [first, second] = renderScene({ ...scene, texture: [10, 10] }, { size: 64, seed: 3 });
    for (let x = 0; x < SIDE; x++)
      expect(pixel(second!, (x + 2) % SIDE, 31)).to.deep.equal(pixel(first!, x, 30), `column ${x}`);
    const steps = Array.from({ length: SIDE }, (_, x) =>
      difference(pixel(first!, x, 30), pixel(first!, (x + 1) % SIDE, 30)),
    );
    expect(steps.at(-1)).to.be.at.most(2 * Math.max(...steps.slice(0, -1)));
  });

  it('lets a camera that pans move everything the other way', () => {
    const scene: Scene = { ...SCENE, drift: [0, 0], texture: [10, 10], camera: { direction: 'left', distance: 11 } };
    const ring = { ...SCENE.objects[4]!, x: 40, y: 40 };
    const panned = renderScene({ ...scene, objects: [ring] }, { size: 64, seed: 3 });
    for (const [instant, image] of panned.slice(0, 9).entries())
      for (const x of [30, 33, 40])
        expect(pixel(image, x + instant, 40), `instant ${instant}`).to.deep.equal(pixel(panned[0]!, x, 40));
  });

  it('lets specks fly, and come back where they left', () => {
    const bare = { ...UNCUT, background: ['black', 'black'] as const, objects: [], drift: [0, 0] as const };
    const still = renderScene({ ...bare, texture: [0, 0] }, { size: 64, seed: 5 });
    const flown = renderScene({ ...bare, texture: [0, 0], specks: 6 }, { size: 64, seed: 5 });
    for (const [instant, image] of flown.entries()) {
      const changed = image.filter((value, i) => value !== still[instant]![i]).length / image.length;
      expect(changed, `instant ${instant}`).to.be.within(0.002, 0.15);
    }
    expect(flown[1]).to.not.deep.equal(flown[0]);
  });

  it('shows the same picture at another size', () => {
    const small = renderScene(SCENE, { size: 32, seed: 1 });
    for (const [x, y] of [
      [15, 32],
      [40, 40],
      [50, 58],
      [30, 5],
    ] as const)
      expect(difference(pixel(small[0]!, x, y), pixel(images[0]!, x, y))).to.be.below(12);
  });

  it('adds noise of the strength asked for', () => {
    const flat = { ...UNCUT, objects: [], texture: [0, 0] as const, noise: 4 };
    const [image] = renderScene(flat, { size: 128, seed: 1 });
    const red = image!.filter((_, i) => i % 3 === 0);
    const mean = red.reduce((sum, value) => sum + value, 0) / red.length;
    const variance = red.reduce((sum, value) => sum + (value - mean) ** 2, 0) / red.length;
    expect(Math.sqrt(variance)).to.be.closeTo(4, 0.15);
  });
});

describe('labelsOf', () => {
  const labels = labelsOf(SCENE);
  /** What a cell is labelled with at an instant. */
  const at = (instant: number, row: number, column: number) => {
    const bits = labels[(instant * CELLS + row) * CELLS + column]!;
    return LABELS.filter((_, i) => (bits >> i) & 1);
  };

  it('says what is in each cell, and what happens there', () => {
    expect(at(0, 3, 3)).to.deep.equal(['cyan', 'ring']);
    expect(at(2, 0, 3)).to.deep.equal([]);
    expect(at(3, 0, 3)).to.deep.equal(['yellow', 'square', 'appears']);
    expect(at(4, 0, 3)).to.deep.equal(['yellow', 'square']);
    expect(at(5, 0, 0)).to.deep.equal(['disappears']);
    expect(at(6, 0, 0)).to.deep.equal([]);
    expect(at(7, 3, 0)).to.deep.equal(['red', 'cross', 'appears']);
    expect(at(8, 3, 0)).to.deep.equal(['ends a flash']);
    expect(at(0, 2, 0)).to.deep.equal(['purple', 'circle']);
    expect(at(11, 2, 3)).to.deep.equal(['purple', 'cyan', 'circle', 'ring', 'moves right']);
  });
});

describe('randomCrowd', () => {
  it('puts many objects, apart from each other, on a still', () => {
    const crowds = SEEDS.map(randomCrowd);
    for (const { objects } of crowds)
      for (const [i, a] of objects.entries())
        for (const b of objects.slice(0, i))
          expect(Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y))).to.be.above(a.radius + b.radius);
    const mean = crowds.reduce((sum, { objects }) => sum + objects.length, 0) / crowds.length;
    expect(mean).to.be.above(3.5);
    expect(crowds.some(({ objects }) => new Set(objects.map(({ color }) => color)).size < objects.length)).to.equal(
      true,
    );
  });
});

describe('encodeMp4', () => {
  before(function (this: Mocha.Context) {
    if (!findWasm()) this.skip();
  });

  it('makes a file that streams, of all frames, the same bytes every time', async () => {
    const images = renderScene(SCENE, { size: 64, seed: 1 });
    const options = { size: 64, fps: 24, hold: 8 };
    const [clip, again] = [await encodeMp4(images, options), await encodeMp4(images, options)];
    expect(Buffer.from(clip).equals(Buffer.from(again))).to.equal(true);
    const bytes = Buffer.from(clip);
    expect(bytes.subarray(4, 8).toString()).to.equal('ftyp');
    expect(bytes.indexOf('moov')).to.be.within(0, bytes.indexOf('mdat'));
    // stsz, the sizes of the frames: flags, size of all or 0, how many.
    expect(bytes.readUInt32BE(bytes.indexOf('stsz') + 12)).to.equal(INSTANTS * 8);
    expect(bytes.byteLength).to.be.below(40_000);
  });

  it('lays the instants out on a sheet', async () => {
    const sheet = Buffer.from(await encodeSheet(renderScene(SCENE, { size: 32, seed: 1 }), 32, 4));
    expect([sheet.readUInt32BE(16), sheet.readUInt32BE(20)]).to.deep.equal([4 * 32, 3 * 32]);
  });

  it('names what FFmpeg has against it', async () => {
    const error = await encodeMp4([new Uint8Array(9 * 9 * 3)], { size: 9, fps: 24, hold: 1 }).catch((thrown) => thrown);
    expect(error).to.be.instanceOf(InputError);
    expect(error.message).to.include('not divisible by 2');
  });
});

describe('parseScene', () => {
  const withObject = (fields: object) =>
    JSON.stringify({ ...SCENE, objects: [{ ...SCENE.objects[0], ...fields }, SCENE.objects[1]] });

  it('reads what a scene is written as', () => {
    expect(parseScene(JSON.stringify(SCENE), 'scene.json')).to.deep.equal(SCENE);
  });

  for (const [what, text, says] of [
    ['no JSON', '{', 'scene.json: '],
    ['null', 'null', /expected object/],
    ['no objects', JSON.stringify({ ...SCENE, objects: [] }), /: objects: /],
    ['an unknown colour', withObject({ color: 'beige' }), /: objects\.0\.color: .*red/],
    ['an unknown behaviour', withObject({ does: 'dance' }), /: objects\.0\.does: /],
    ['an unknown background', JSON.stringify({ ...SCENE, background: ['gray', 'mauve'] }), /: background\.1: .*gray/],
    ['a place outside', withObject({ x: 65 }), /: objects\.0\.x: .*64/],
    ['an instant outside', JSON.stringify({ ...SCENE, cut: 12 }), /an instant must be below 12/],
    ['half an instant', JSON.stringify({ ...SCENE, cut: 2.5 }), /: cut: .*int/],
    ['a shape twice', withObject({ shape: 'square' }), 'must differ'],
    ['two events at once', JSON.stringify({ ...SCENE, cut: 3 }), 'must differ'],
  ] as const)
    it(`refuses ${what}`, () => {
      expect(() => parseScene(text, 'scene.json')).to.throw(InputError, says);
    });
});
