/**
 * EgoSchema: questions with five options about three minutes of first-person video, `videos/<q_uid>.mp4`.
 *
 * egoschema/EgoSchema, questions.json: a list of { q_uid, google_drive_id, question, "option 0", ..., "option 4" }.
 * subset_answers.json: { q_uid: index } of the 500 whose answers are public; the others cannot be judged. Where the
 * videos are: its download.py.
 *
 * lmms-lab/egoschema, {GENERATION,MC,MC_PPL,Subset}/test-00000-of-00001.parquet: question_idx, question, video_idx,
 * option (a list), answer (the index as a text), which only Subset has (its README.md on huggingface.co;
 * EvolvingLMMs-Lab/lmms-eval, lmms_eval/tasks/egoschema/README.md and utils.py).
 */
import { InputError } from '../../../engine/errors.ts';
import { type Benchmark, type Draft, type Source, videoNames } from './benchmark.ts';
import { withoutLetters } from './letters.ts';
import type { Row } from './row.ts';
import { readBeside } from './rows.ts';

const choices = [0, 1, 2, 3, 4].map((i) => `option ${i}`);
const answersName = 'subset_answers.json';
// The authors' own archive is called good_clips_git (benchmarking/InternVideo/disguise.ipynb).
const folders = ['videos', 'good_clips_git', ''];

/** questions.json. */
export const egoSchema: Benchmark = {
  name: 'EgoSchema',
  marks: ['q_uid'],
  fields: ['q_uid', 'question', ...choices],
  folders,
  read: (source) =>
    readKnown(source, 'q_uid', (row) => [row.text('question'), choices.map((choice) => row.text(choice))]),
};

/** Parquet, as lmms-lab publishes it. */
export const egoSchemaParquet: Benchmark = {
  name: 'EgoSchema',
  marks: ['video_idx', 'option'],
  fields: ['video_idx', 'question', 'option', 'answer'],
  folders,
  read: (source) =>
    readKnown(source, 'video_idx', (row) => [row.text('question'), withoutLetters(row.texts('option'))]),
};

/** The questions whose answer is known, from their row or from the public answers. */
async function readKnown(
  { file, rows, beside, note }: Source,
  id: string,
  ask: (row: Row) => [question: string, options: string[]],
): Promise<{ drafts: Draft[] }> {
  const answers = rows.every((row) => row.has('answer')) ? undefined : await readBeside(beside, answersName);
  const drafts = rows.flatMap((row): Draft[] => {
    const video = row.text(id);
    const [question, options] = ask(row);
    const answer = row.has('answer')
      ? row.letterByIndex('answer', options.length)
      : answers?.has(video) && answers.letterByIndex(video, options.length);
    return answer
      ? [{ benchmark: 'EgoSchema', question, options, answer, type: 'all', videos: videoNames(video) }]
      : [];
  });
  if (drafts.length === 0)
    throw new InputError(
      answers
        ? `${file}: none of its ${rows.length} questions has an answer in ${answersName}.`
        : `${file}: holds no answers. Put EgoSchema's ${answersName} beside it: 500 answers are public.`,
    );
  if (drafts.length < rows.length)
    note(`${drafts.length} of the ${rows.length} questions have a public answer; the others are left out.`);
  return { drafts };
}
