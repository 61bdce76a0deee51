/** How each benchmark words its questions: word for word lmms-eval's, which FrameFusion was measured with. */
import type { BenchmarkName } from '../question.ts';
import { letterOf } from './letters.ts';

type Wording = (question: string, options: readonly string[]) => string;

const lettered = (options: readonly string[]): string[] => options.map((option, i) => `${letterOf(i)}. ${option}`);

/** How a question is asked if its file says nothing else. */
export const plainWording: Wording = (question, options) =>
  [question, ...lettered(options), "Answer with the option's letter from the given choices directly."].join('\n');

/** @see EvolvingLMMs-Lab/lmms-eval (75571cf), lmms_eval/tasks/{videomme,mvbench,nextqa,egoschema}. */
export const wordings: Readonly<Record<BenchmarkName, Wording>> = {
  // utils.py, videomme_doc_to_text, with videomme.yaml's post_prompt for llava_vid. It speaks of subtitles, although
  // none are given; the authors' prompt (BradyFU/Video-MME, README.md) is the same without "and the subtitles".
  'Video-MME': (question, options) =>
    [
      'Select the best answer to the following multiple-choice question based on the video and the subtitles. Respond with only the letter (A, B, C, or D) of the correct option.',
      question,
      ...lettered(options),
      'The best answer is:',
    ].join('\n'),
  // utils.py, mvbench_doc_to_text, with the post_prompt of the tasks' yaml files.
  MVBench: (question, options) =>
    `Question:${question}\nOption:\n${options.map((option, i) => `(${letterOf(i)}) ${option}\n`).join('')}Only give the best option.\n`,
  // utils.py, nextqa_doc_to_text_mc; nextqa_mc_test.yaml has no post_prompt.
  'NExT-QA': (question, options) => [question, ...lettered(options)].join('\n'),
  // utils.py, egoschema_doc_to_text.
  EgoSchema: plainWording,
};
