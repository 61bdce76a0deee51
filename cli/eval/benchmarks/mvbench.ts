/**
 * MVBench: 20 tasks with 200 questions each, a file `json/<task>.json` a task; OpenGVLab/MVBench on huggingface.co.
 *
 * A question is { video, question, candidates, answer }, with the answer's text; some tasks have start and end, in
 * seconds of the video (OpenGVLab/Ask-Anything, video_chat2/mvbench.ipynb, data_list and qa_template).
 *
 * The dataset's main branch has whole videos, below `video/`; data0613.zip adds to star and clevrer what was forgotten
 * (Ask-Anything issues 198 and 236). Its branch `video`, which lmms-eval reads, has everything converted to mp4, below
 * the root, and videos cut to start and end (lmms_eval/tasks/mvbench/utils.py, DATA_LIST, and pull request 280).
 */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InputError } from '../../../engine/errors.ts';
import type { Benchmark, Draft, Source } from './benchmark.ts';
import type { Row } from './row.ts';

interface Task {
  /** Folder of the main branch. */
  readonly whole: string;
  /** Folder of the branch `video`, if it is another. */
  readonly converted?: string;
  /** Questions are about a part of the video; what is `converted` is that part. */
  readonly bounded?: true;
  /** `whole` has folders of frames. */
  readonly frames?: true;
}

const clevrer: Task = { whole: 'clevrer/video_validation' };
const perception: Task = { whole: 'perception/videos' };
const star: Task = { whole: 'star/Charades_v1_480', converted: 'star/Charades_segment', bounded: true };

const tasks: Readonly<Partial<Record<string, Task>>> = {
  action_antonym: { whole: 'ssv2_video', converted: 'ssv2_video_mp4' },
  action_count: perception,
  action_localization: { whole: 'sta/sta_video', converted: 'sta/sta_video_segment', bounded: true },
  action_prediction: star,
  action_sequence: star,
  character_order: perception,
  counterfactual_inference: clevrer,
  egocentric_navigation: { whole: 'vlnqa' },
  episodic_reasoning: {
    whole: 'tvqa/frames_fps3_hq',
    converted: 'tvqa/video_fps3_hq_segment',
    bounded: true,
    frames: true,
  },
  fine_grained_action: { whole: 'Moments_in_Time_Raw/videos' },
  fine_grained_pose: { whole: 'nturgbd', converted: 'nturgbd_convert' },
  moving_attribute: clevrer,
  moving_count: clevrer,
  moving_direction: clevrer,
  object_existence: clevrer,
  object_interaction: star,
  object_shuffle: perception,
  scene_transition: { whole: 'scene_qa/video' },
  state_change: perception,
  unexpected_action: { whole: 'FunQA_test/test' },
};

const taskOf = (file: string): string => basename(file).replace(/\.[^.]*$/, '');

/** Whether a file is named as one of MVBench's is. */
export const isTaskFile = (file: string): boolean => file.endsWith('.json') && tasks[taskOf(file)] !== undefined;

/** Why a task cannot be asked: its videos lie there as folders of frames. Undefined if they do not. */
export function onlyFrames(file: string, folders: readonly string[]): string | undefined {
  const task = tasks[taskOf(file)];
  if (!task?.frames || !task.converted) return undefined;
  const { converted, whole } = task;
  if (folders.some((folder) => existsSync(join(folder, converted)))) return undefined;
  return `${file}: is about folders of frames (${whole}), which ff-eval does not read. MVBench's branch "video" has clips of them, ${converted}.`;
}

/** A file of one task. */
export const mvBench: Benchmark = {
  name: 'MVBench',
  marks: ['candidates'],
  fields: ['video', 'question', 'candidates', 'answer'],
  folders: ['video', ''],
  read: ({ file, folders, rows }: Source) => {
    const name = taskOf(file);
    const task = tasks[name];
    if (!task)
      throw new InputError(
        `${file}: holds questions of MVBench, whose file's name says where its videos lie: must be <task>.json as published, such as action_sequence.json.`,
      );
    const frames = onlyFrames(file, folders);
    if (frames) throw new InputError(frames);
    return {
      drafts: rows.map((row) => draft(row, name, task)),
      ...(name === 'fine_grained_pose' && { hint: licence }),
    };
  },
};

/** huggingface.co/datasets/OpenGVLab/MVBench, discussion 5. */
const licence = 'the videos of NTU RGB+D are not part of MVBench, but to be had from ROSE Lab';

function draft(row: Row, name: string, { whole, converted, bounded, frames }: Task): Draft {
  const candidates = row.texts('candidates');
  const video = row.text('video');
  const mp4 = `${video.replace(/\.(avi|mkv|mp4|webm)$/i, '')}.mp4`;
  const clips = converted === undefined ? [] : [join(converted, video), join(converted, mp4)];
  const bounds = bounded && boundsOf(row);
  // Without its bounds, a question about a part cannot be asked about the whole.
  const wholes = frames || (bounded && !bounds) ? [] : [join(whole, video), join('data0613', whole, video)];
  return {
    benchmark: 'MVBench',
    question: row.text('question'),
    options: candidates,
    answer: row.letterByText('answer', candidates),
    type: name,
    videos: [...wholes, ...clips],
    ...(bounded && { clips, ...bounds }),
  };
}

/** Clips that are cut already need no bounds, and the branch `video` may have none. */
function boundsOf(row: Row): { start: number; end: number } | undefined {
  if (!row.has('start') && !row.has('end')) return undefined;
  const [start, end] = [row.seconds('start'), row.seconds('end')];
  if (start < end) return { start, end };
  throw new InputError(`${row.where}: start must be before end, got ${start} and ${end}.`);
}
