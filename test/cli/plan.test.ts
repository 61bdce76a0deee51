import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { checkpointFolder, removeCheckpoint } from '../helpers/model.ts';
import { clip, ffRun, tiny } from './process.ts';

describe('ff-run --plan', () => {
  it('prints what the run would take, and answers nothing', async () => {
    const { code, stdout, stderr } = await ffRun(['--plan', '--video', clip]);
    expect([code, stderr]).to.deep.equal([0, '']);
    for (const part of ['12 frames at cost 0.3', 'weights  5.9 MB', '266 rows, 240 of the video', ': fits (there are '])
      expect(stdout).to.contain(part);
    expect(stdout).to.match(/cache {4}\d+ kB, 3\d\.\d % of the dense /);
    expect(stdout).not.to.contain('purple');
  });

  it('needs no video, and writes its numbers as JSON', async () => {
    const args = ['--plan', '--dtype', 'q4', '--frames', '4', '--json', '-'];
    const [few, many] = await Promise.all([ffRun(args), ffRun([...args, '--frames', '8', '--cost', '1'])]);
    const [a, b] = [JSON.parse(few.stdout), JSON.parse(many.stdout)];
    expect(a).to.include({
      version: 1,
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
    expect(a.peak).to.equal(Math.max(a.loading, a.looking, a.answering));
  });

  it('says in one line that there is too little memory, and what would fit, as the run itself does', async () => {
    const line =
      /^ff-run: tiny-llava-video: 12 frames at cost 0\.3 need \d+\.\d MB of memory, and there are 9\.0 MB\. It would fit with (--dtype q[48] \(\d\.\d MB\)(, | or ))*--frames \d \(\d\.\d MB\)( or --dtype q4 --frames \d \(\d\.\d MB\))?\.\n$/;
    for (const args of [['--plan'], ['--video', clip]]) {
      const { code, stdout, stderr } = await ffRun([...args, '--memory', '0.009']);
      expect(code).to.equal(1);
      expect(stderr).to.match(line);
      expect(stderr.trimEnd()).not.to.contain('\n');
      expect(stdout.includes('does not fit')).to.equal(args[0] === '--plan');
    }
  });

  it('says that nothing would fit', async () => {
    const { code, stderr } = await ffRun(['--plan', '--memory', '0.0001']);
    expect(code).to.equal(1);
    expect(stderr).to.contain('there are 100 kB. Use a smaller model or a larger GPU.');
  });

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
    expect([code, stderr]).to.deep.equal([2, 'ff-run: --video FILE is needed. See ff-run --help.\n']);
    for (const memory of ['0', '-1', 'all'])
      expect((await ffRun(['--plan', `--memory=${memory}`])).stderr).to.contain('--memory must be above 0');
  });
});
