import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Report } from '../../cli/report.ts';
import { askedOf, examplesText, foreignVideoNote } from '../../library/embedded-model.ts';
import { WORDINGS } from '../../library/embedded-wordings.ts';
import { counting } from '../media/clips.ts';
import { clip, ffRun } from './process.ts';

const NAME = 'tiny-llava-video';
const drawn = { width: 256, height: 256, averageFps: 24, frames: 96 };

describe('the embedded model', () => {
  it('is asked as it was taught, however people put it', () => {
    const same = (question: string): void => {
      expect(askedOf(NAME, question)).to.deep.equal({ question });
    };
    for (const wording of Object.values(WORDINGS).flat())
      same(wording.replace('{shape}', 'ring').replace('{color}', 'red').replace('{other}', 'cross'));
    same('which object moves');
    for (const [question, asked] of [
      ['How many objects are there?', 'How many objects are in the video?'],
      ['How many different shapes are in this clip?', 'How many objects are in the video?'],
      ['What color is the background?', 'What color is the background at the start?'],
      ['Which colour has the background when it ends?', 'What color is the background at the end?'],
      ["What's the colour of the ring?", 'What color is the ring?'],
      ['Where is the purple ring going?', 'Which way does the ring move?'],
      ['Where is the yellow circle?', 'Where is the circle?'],
      ['Do you see a red cross?', 'Is there a red cross?'],
      ['what moves?', 'Which object moves?'],
      ['What happens first in the video?', 'What happens first?'],
      ['What is this video about?', 'What happens in this video?'],
      ['Please summarise the video.', 'What happens in this video?'],
    ])
      expect(askedOf(NAME, question!).question, question).to.equal(asked);
  });

  it('says so where it was not taught a question, which is asked as it is', () => {
    for (const question of ['Who wrote this?', 'Is it raining?', '', 'x'.repeat(10_000)]) {
      const asked = askedOf(NAME, question);
      expect(asked.question).to.equal(question);
      expect(asked.note).to.match(/was not taught this question: --examples/);
      expect(askedOf('another/model', question)).to.deep.equal({ question });
    }
  });

  it('has examples that it was taught', () => {
    const lines = examplesText().split('\n');
    expect(lines).to.have.length(Object.keys(WORDINGS).length + 2);
    for (const line of lines.slice(1, -1)) expect(askedOf(NAME, line.trim()).note, line).to.equal(undefined);
  });

  it('is told from models that have seen the world, and its clips from all others', () => {
    expect(foreignVideoNote(NAME, drawn)).to.equal(undefined);
    expect(foreignVideoNote('another/model', { ...drawn, width: 1920 })).to.equal(undefined);
    for (const other of [{ width: 255 }, { height: 144 }, { averageFps: 25 }, { frames: 1000 }])
      expect(foreignVideoNote(NAME, { ...drawn, ...other })).to.match(
        /SmolVLM2-256M-Video-Instruct \(256 million parameters\)\.$/,
      );
  });

  it('warns in one line, in the report and in the JSON, and only of videos that are none of its own', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ff-foreign-'));
    try {
      const video = join(folder, 'real.mp4');
      await writeFile(video, await counting(12));
      const ask = ['How many objects are there?', '--max-new-tokens', '1', '--frames', '2', '--json', '-'];
      const page = join(folder, 'page.html');
      const foreign = await ffRun([video, ...ask, '--report', page]);
      const report = JSON.parse(foreign.stdout) as Report;
      expect(report.prompt).to.equal('How many objects are in the video?');
      expect(report.notes).to.have.length(2);
      for (const note of report.notes ?? []) expect(foreign.stderr).to.contain(`ff-run: ${note}\n`);
      const own = await ffRun([clip, 'How many objects are in the video?', ...ask.slice(1)]);
      expect(JSON.parse(own.stdout)).not.to.have.property('notes');
      expect(own.stderr).not.to.contain('drawn clips');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('explains itself with --examples', async () => {
    const { code, stdout, stderr } = await ffRun(['--examples']);
    expect([code, stdout, stderr]).to.deep.equal([0, `${examplesText()}\n`, '']);
  });
});
