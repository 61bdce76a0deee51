/**
 * Video-MME: 2700 questions with four options about 900 videos.
 *
 * The parquet file of lmms-lab/Video-MME has a row a question: video_id, duration, domain, sub_category, url, videoID,
 * question_id, task_type, question, options, answer (its README.md on huggingface.co). Options begin with "A. ", the
 * answer is a letter, and the video is `data/<videoID>.mp4`, `.MP4` or `.mkv` (EvolvingLMMs-Lab/lmms-eval,
 * lmms_eval/tasks/videomme/utils.py, videomme_doc_to_visual).
 *
 * The authors' evaluation has an entry a video, with its questions in it (BradyFU/Video-MME,
 * evaluation/output_test_template.json); until June 2024 `duration` was called duration_category, and `options` choices
 * (evaluation/output_template.json). It names a video by its number alone, `001`.
 */
import type { Benchmark, Draft } from './benchmark.ts';
import { videoNames } from './benchmark.ts';
import { withoutLetters } from './letters.ts';
import type { Row } from './row.ts';

const folders = ['data', 'videos', 'video', ''];

/** A row a question, as lmms-lab publishes it. */
export const videoMme: Benchmark = {
  name: 'Video-MME',
  marks: ['videoID'],
  fields: ['videoID', 'duration', 'question', 'options', 'answer'],
  folders,
  read: ({ rows }) => ({ drafts: rows.map((row) => draft(row, row, 'options')) }),
};

/** An entry a video, as the authors' evaluation reads it. */
export const videoMmeByVideo: Benchmark = {
  name: 'Video-MME',
  marks: ['video_id', 'questions'],
  fields: ['video_id', 'questions'],
  folders,
  read: ({ rows }) => ({
    drafts: rows.flatMap((video) =>
      video.rows('questions').map((row) => draft(video, row, row.has('choices') ? 'choices' : 'options')),
    ),
  }),
};

function draft(video: Row, row: Row, choices: string): Draft {
  const options = row.texts(choices);
  const name = video.has('videoID') ? 'videoID' : 'video_id';
  return {
    benchmark: 'Video-MME',
    question: row.text('question'),
    options: withoutLetters(options),
    answer: row.letter('answer', options.length),
    type: video.text(video.has('duration_category') ? 'duration_category' : 'duration'),
    videos: videoNames(video.text(name)),
  };
}
