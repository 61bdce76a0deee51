import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Report } from '../../cli/report.ts';
import { encodeJpegs } from '../../media/encode.ts';
import { makeFamilyCheckpoint } from '../../tools/checkpoint/family.ts';
import { families } from '../helpers/families.ts';
import { clip, ffRun, tiny } from './process.ts';

describe('ff-run --image', () => {
  let root: string;
  let picture: string;
  let wide: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'ff-images-'));
    [picture, wide] = await Promise.all([jpeg('square.jpg', 64, 64), jpeg('wide.jpg', 160, 60)]);
  });
  after(() => rm(root, { recursive: true }));

  async function jpeg(name: string, width: number, height: number): Promise<string> {
    const rgb = Uint8Array.from({ length: 3 * width * height }, (_, i) => Math.imul(i + 1, 2654435761) >>> 26);
    const [file] = await encodeJpegs([rgb], { width, height });
    await writeFile(join(root, name), file!);
    return join(root, name);
  }

  async function modelOf(family: string): Promise<string> {
    const folder = join(root, family.replace(/\W+/g, '-'));
    if (!existsSync(folder)) await makeFamilyCheckpoint(folder, families[family]!);
    return folder;
  }

  async function asked(...args: string[]): Promise<Report> {
    const { code, stdout, stderr } = await ffRun([
      ...args,
      '--max-new-tokens',
      '2',
      '--prompt',
      'What?',
      '--json',
      '-',
    ]);
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout) as Report;
  }

  for (const [family, tiles, each] of [
    ['SmolVLM2', 5 + 3, 4],
    ['InternVL3, hf', 5 + 11, 16],
  ] as const)
    it(`shows ${family} tiles and the whole of two pictures, which are frames to a reducer`, async () => {
      const model = await modelOf(family);
      const { runs } = await asked('--model', model, '--image', picture, '--image', wide, '--compare', '--cost', '0.3');
      const [dense, reduced] = runs;
      expect(dense?.tokens.video).to.equal(tiles * each);
      expect(reduced?.cacheBytes).to.be.below(dense?.cacheBytes ?? 0);
    }).timeout(240_000);

  it('shows Qwen2-VL pictures of any size, which are text to a reducer', async () => {
    const model = await modelOf('Qwen2-VL');
    const two = await asked('--model', model, '--image', picture, '--image', wide);
    expect(two).not.to.have.property('video');
    expect(two.images?.map(({ width, height }) => [width, height])).to.deep.equal([
      [64, 64],
      [160, 60],
    ]);
    expect(two.runs[0]?.tokens.video).to.equal(0);
    // max_pixels is 2560: 48 x 48 are 36 tokens, 80 x 24 are 30.
    const twice = await asked('--model', model, '--image', picture, '--image', picture);
    expect(twice.runs[0]!.tokens.prompt - two.runs[0]!.tokens.prompt).to.equal(6);
    const beside = await asked(
      '--model',
      model,
      '--image',
      picture,
      '--video',
      clip,
      '--frames',
      '4',
      '--compare',
      '--score-rows',
      '1',
    );
    const [dense, reduced] = beside.runs;
    expect(reduced?.settings.scoreRows).to.equal(1);
    expect(dense?.tokens.video).to.equal(2 * 36);
    expect(reduced!.tokens.layers.at(-1)!.leaving).to.be.within(36, dense!.tokens.prompt - 1);
  }).timeout(240_000);

  it('shows InternVL2.5 the tiles of a picture', async () => {
    const { runs } = await asked(
      '--model',
      await modelOf('InternVL2.5'),
      '--image',
      wide,
      '--compare',
      '--cost',
      '0.5',
    );
    // 160 x 60 are nearest to 5 x 2 tiles, and the whole picture comes after them; 16 tokens each.
    expect(runs[0]?.tokens.video).to.equal(11 * 16);
    expect(runs[1]?.budget.computedShare).to.be.closeTo(0.5, 0.02);
  }).timeout(240_000);

  it('shows NVILA pictures, each with its newline and not averaged', async () => {
    const images = ['--image', picture, '--image', wide, '--image', picture];
    const { runs } = await asked('--model', await modelOf('NVILA'), ...images, '--compare', '--cost', '0.5');
    expect(runs[0]?.tokens.video).to.equal(3 * 17);
    expect(runs[1]?.tokens.layers.at(-1)?.leaving).to.be.below(runs[0]?.tokens.prompt ?? 0);
  }).timeout(240_000);

  it('shows MiniCPM-V a picture and its slices, more of them than of a frame', async () => {
    const model = ['--model', await modelOf('MiniCPM-V 2.6')];
    const { runs } = await asked(...model, '--image', wide, '--image', picture, '--compare', '--cost', '0.5');
    // Of areas of 28 x 28, at most 9: 160 x 60 becomes 4 x 2 slices, 64 x 64 becomes 2 x 3; 6 tokens each.
    expect(runs[0]?.tokens.video).to.equal((9 + 7) * 6);
    expect(runs[1]?.budget.computedShare).to.be.closeTo(0.5, 0.02);
    const video = [...model, '--video', clip, '--frames', '2', '--cost', '0.8'];
    const [alone, beside] = [await asked(...video), await asked(...video, '--image', wide)];
    expect(beside.runs[0]!.tokens.video).to.equal(alone.runs[0]!.tokens.video);
    expect(beside.runs[0]!.tokens.prompt).to.be.above(alone.runs[0]!.tokens.prompt + 9 * 6);
  }).timeout(240_000);

  it('shows Qwen3-VL a picture and two videos, of which both are reduced', async () => {
    const shown = ['--image', picture, '--video', clip, '--video', clip, '--frames', '4'];
    const report = await asked('--model', await modelOf('Qwen3-VL'), ...shown, '--compare', '--cost', '0.5');
    const [dense, reduced] = report.runs;
    expect(report.videos?.map(({ sampled }) => sampled.length)).to.deep.equal([4, 4]);
    expect(report.video).to.deep.equal(report.videos?.[0]);
    // Two pairs of frames of 7 x 7 tokens each.
    expect(dense?.tokens.video).to.equal(2 * 2 * 49);
    expect(reduced?.budget.computedShare).to.be.closeTo(0.5, 0.02);
  }).timeout(240_000);

  it('is planned for', async () => {
    const model = await modelOf('Qwen2-VL');
    const { code, stdout, stderr } = await ffRun(['--plan', '--model', model, '--image', wide, '--image', picture]);
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/run +2 pictures at cost 0.3/);
  }).timeout(240_000);

  it('says in one line what it cannot use', async () => {
    const text = join(root, 'text.png');
    await writeFile(text, 'no picture');
    const refused: [args: string[], code: number, message: RegExp][] = [
      [['--image', picture], 1, /^ff-run: [^\n]*tiny-llava-video: the model takes no pictures, only a video\.\n$/],
      [['--image', text], 1, /^ff-run: [^\n]*text\.png: not a picture\. A PNG, JPEG or WebP file is needed\.\n$/],
      [['--image', join(root, 'none.png')], 1, /^ff-run: [^\n]*none\.png: no such file\. Check the path\.\n$/],
      [['--image', clip], 1, /^ff-run: [^\n]*clip\.mp4: has 96 frames, and a picture has one\. [^\n]+\n$/],
      [['--image', picture, '--report', join(root, 'a.html')], 2, /^ff-run: --report [^\n]*a video is needed\.\n$/],
      [[], 2, /^ff-run: A video is needed: [^\n]+\n$/],
      [
        ['--video', clip, '--video', clip],
        1,
        /^ff-run: [^\n]*: the model takes one video in a question, got 2\. [^\n]+\n$/,
      ],
      [['--video', '-', '--video', '-'], 2, /^ff-run: --video -: standard input has one video\. [^\n]+\n$/],
      [
        ['--video', clip, '--video', clip, '--report', join(root, 'a.html')],
        2,
        /^ff-run: --report shows the frames of one video, got 2: [^\n]+\n$/,
      ],
    ];
    for (const [args, code, message] of refused) {
      const ended = await ffRun(['--model', tiny, ...args, '--quiet']);
      expect(ended.stderr).to.match(message);
      expect(ended.code).to.equal(code);
      expect(ended.stdout).to.equal('');
    }
  }).timeout(240_000);
});
