import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { CheckpointFiles } from '../../checkpoint/safetensors.ts';
import { virtualCheckpoint } from '../../tools/checkpoint/virtual.ts';
import { checkpointFolder, removeCheckpoint } from '../helpers/model.ts';
import { clip, ffRun, tiny } from './process.ts';

describe('ff-run --plan', () => {
  it('prints what the run would take, and answers nothing', async () => {
    const { code, stdout, stderr } = await ffRun(['--plan', '--video', clip, '--quiet']);
    expect([code, stderr]).to.deep.equal([0, '']);
    for (const part of ['12 frames at cost 0.3', 'weights  5.9 MB', '266 rows, 240 of the video', ': fits (there are '])
      expect(stdout).to.contain(part);
    expect(stdout).to.match(/cache {4}\d+ kB, 3\d\.\d % of the dense /);
    expect(stdout).not.to.contain('purple');
  });

  it('needs no video, and writes its numbers as JSON', async () => {
    const args = ['--plan', '--dtype', 'q4', '--json', '-'];
    const [few, many] = await Promise.all([
      ffRun([...args, '--frames', '4']),
      ffRun([...args, '--frames', '8', '--cost', '1']),
    ]);
    const [a, b] = [JSON.parse(few.stdout), JSON.parse(many.stdout)];
    expect(a).to.include({
      version: 2,
      model: 'tiny-llava-video',
      frames: 4,
      weights: 'q4',
      videoTokens: 80,
      fits: true,
    });
    expect(b).to.include({ frames: 8, cost: 1, videoTokens: 160 });
    expect(b.cache).to.equal(b.denseCache);
    expect(a.cache).to.be.below(a.denseCache);
    expect(a.weightBytes).to.equal(b.weightBytes);
    expect(a.peak).to.equal(Math.max(a.loading, a.vision, a.generation));
  });

  it('is of the frames that will be shown, and not of those that are allowed', async () => {
    const planned = async (...args: string[]) =>
      JSON.parse((await ffRun(['--plan', '--allow-long', '--video', clip, '--json', '-', ...args])).stdout)
        .frames as number;
    // Forced sampling repeats frames of a short video; a rate takes fewer than are allowed; a part has fewer still.
    expect(await planned('--frames', '200')).to.equal(200);
    expect(await planned('--frames', '200', '--fps', '2')).to.equal(8);
    expect(await planned('--frames', '200', '--fps', '2', '--start', '1', '--end', '0:02.9')).to.equal(4);
  });

  it('ends with one line where no sequence could be as long', async () => {
    for (const [frames, rows] of [
      [3300, 66_000],
      [65_535, 1_310_700],
    ]) {
      const { code, stdout, stderr } = await ffRun(['--plan', '--video', clip, '--frames', String(frames), '--quiet']);
      expect(stderr).to.equal(
        `ff-run: ${frames} frames are ${rows} rows, and a sequence has at most 65535. Use --frames 3276 or fewer.\n`,
      );
      expect([code, stdout]).to.deep.equal([1, '']);
    }
  });

  it('says in one line that there is too little memory, and what would fit, as the run itself does', async () => {
    const line =
      /^ff-run: tiny-llava-video: 12 frames at cost 0\.3 need \d+\.\d MB of memory, and there are 9\.0 MB\. It would fit with (--dtype q[48] \(\d\.\d MB\)(, | or ))*--frames \d \(\d\.\d MB\)( or --dtype q4 --frames \d \(\d\.\d MB\))?\.\n$/;
    for (const args of [['--plan'], ['--video', clip]]) {
      const { code, stdout, stderr } = await ffRun([...args, '--memory', '0.009', '--quiet']);
      expect(code).to.equal(1);
      expect(stderr).to.match(line);
      expect(stderr.trimEnd()).not.to.contain('\n');
      expect(stdout.includes('does not fit')).to.equal(args[0] === '--plan');
    }
  });

  it('says that nothing would fit', async () => {
    const { code, stderr } = await ffRun(['--plan', '--memory', '0.0001']);
    expect(code).to.equal(1);
    expect(stderr).to.contain(
      'there are 100 kB. The model must fit on one adapter. Use a smaller model or a larger GPU.',
    );
  });

  it('says of LLaVA-Video-72B what it needs, and that one GPU of 40 GB is not enough, and one of 80 only in q4', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ff-72b-'));
    try {
      await writeHollow(folder, virtualCheckpoint('llava-video-72b'));
      const asked = ['--plan', '--model', folder, '--frames', '4', '--quiet'];
      const [small, large] = [await ffRun([...asked, '--memory', '40']), await ffRun([...asked, '--memory', '80'])];
      for (const { code, stderr } of [small, large]) {
        expect(code).to.equal(1);
        expect(stderr).to.match(
          /^ff-run: [^\n]*: 4 frames at cost 0\.3 need 14\d\.\d\d GB of memory, and there are [^\n]+\n$/,
        );
      }
      expect(small.stderr).to.contain(
        '40.00 GB. The model must fit on one adapter. Use a smaller model or a larger GPU.',
      );
      expect(large.stderr).to.match(/80\.00 GB\. It would fit with --dtype q4 \(\d\d\.\d\d GB\)/);
      expect(small.stdout).to.match(/weights {2}14\d\.\d\d GB/);
    } finally {
      await rm(folder, { recursive: true });
    }
  }).timeout(240_000);

  it('finds what is wrong with a checkpoint before a byte of its weights is read', async () => {
    const folder = await checkpointFolder();
    await rm(join(folder, 'tokenizer.json'));
    const { code, stderr } = await ffRun(['--plan', '--model', folder]);
    expect(code).to.equal(1);
    expect(stderr).to.contain('tokenizer.json: it is missing');
    await removeCheckpoint(folder);
  });

  it('is what a video is needed for otherwise', async () => {
    const { code, stderr } = await ffRun(['--model', tiny]);
    expect([code, stderr]).to.deep.equal([
      2,
      'ff-run: A video is needed: ff-run VIDEO [QUESTION]. See ff-run --help.\n',
    ]);
    for (const memory of ['0', '-1', 'all'])
      expect((await ffRun(['--plan', `--memory=${memory}`])).stderr).to.contain('--memory must be above 0');
  });
});

/** Writes a checkpoint that nobody wrote, its weights as a hole: a plan reads their header only. */
async function writeHollow(folder: string, files: CheckpointFiles): Promise<void> {
  for (const name of ['config.json', 'vision_config.json', 'tokenizer.json', 'tokenizer_config.json']) {
    const source = await files.open(name);
    if (source) await writeFile(join(folder, name), await source.read(0, source.size));
    await source?.close();
  }
  const weights = (await files.open('model.safetensors'))!;
  const header = 8 + Number(new DataView((await weights.read(0, 8)).buffer).getBigUint64(0, true));
  const file = await open(join(folder, 'model.safetensors'), 'w');
  await file.write(await weights.read(0, header));
  await file.truncate(weights.size);
  await file.close();
}
