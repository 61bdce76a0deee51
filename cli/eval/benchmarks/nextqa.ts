/**
 * NExT-QA, multiple choice: five options, a0 to a4, and the index of the answer.
 *
 * doc-doc/NExT-QA, dataset/nextqa/{train,val,test}.csv: video, frame_count, width, height, question, answer, qid, type,
 * a0, ..., a4. map_vid_vidorID.json beside them says where in the archive NExTVideo a video lies: 2909445186 is
 * `0101/2909445186.mp4`. lmms-lab/NExTQA, MC/test-00000-of-00001.parquet, has the same columns, and its videos lie in
 * `NExTVideo/<video>.mp4` (EvolvingLMMs-Lab/lmms-eval, lmms_eval/tasks/nextqa/utils.py and _task_utils/video_loader.py).
 */
import { type Benchmark, videoNames } from './benchmark.ts';
import { readBeside } from './rows.ts';

const choices = ['a0', 'a1', 'a2', 'a3', 'a4'];
const mapName = 'map_vid_vidorID.json';

/** CSV or parquet. */
export const nextQa: Benchmark = {
  name: 'NExT-QA',
  marks: ['a0', 'qid'],
  fields: ['video', 'question', 'answer', 'type', ...choices],
  folders: ['NExTVideo', 'videos', ''],
  read: async ({ rows, beside }) => {
    const places = await readBeside(beside, mapName);
    const drafts = rows.map((row) => {
      const video = row.text('video');
      const type = row.text('type').trim();
      return {
        benchmark: 'NExT-QA' as const,
        question: row.text('question').trim(),
        options: choices.map((choice) => row.text(choice).trim()),
        answer: row.letterByIndex('answer', choices.length),
        // What came before counts as what came after: doc-doc/NExT-QA, eval_mc.py.
        type: type === 'TP' ? 'TN' : type,
        videos: [...(places?.has(video) ? videoNames(places.text(video)) : []), ...videoNames(video)],
      };
    });
    return { drafts, ...(!places && { hint: `there is no ${mapName}, which says where each video lies` }) };
  },
};
