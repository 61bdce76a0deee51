import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { chosenOption } from '../../cli/eval/benchmarks/choice.ts';
import { requireVideos } from '../../cli/eval/benchmarks/videos.ts';
import type { Question } from '../../cli/eval/question.ts';
import { isRight, promptFor, readQuestions } from '../../cli/eval/questions.ts';
import { InputError } from '../../engine/errors.ts';
import { expectRejection, rejection } from '../helpers/errors.ts';

const [first, second] = ['11111111-aaaa-4aaa-8aaa-000000000001', '22222222-bbbb-4bbb-8bbb-000000000002'];

describe('the question files of public benchmarks', () => {
  let folder: string;
  const at = (path: string): string => join(folder, path);
  /** Puts videos there: these tests only ask whether they exist. */
  const film = async (...paths: readonly string[]): Promise<void> => {
    for (const path of paths) {
      await mkdir(dirname(at(path)), { recursive: true });
      await writeFile(at(path), '');
    }
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-benchmarks-'));
    await cp('test/fixtures/benchmarks', folder, { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true }));

  describe('of Video-MME', () => {
    const file = 'videomme/videomme/test-00000-of-00001.parquet';

    it("are read from lmms-lab's parquet, without the letters of their options", async () => {
      await film('videomme/data/aaaaaaaaa-1.mp4', 'videomme/data/bbbbbbbbb_2.mkv');
      const questions = await readQuestions(at(file));
      expect(questions).to.have.length(3);
      expect(questions[0]).to.deep.equal({
        benchmark: 'Video-MME',
        video: at('videomme/data/aaaaaaaaa-1.mp4'),
        question: 'How many boats cross the lake?',
        options: ['One.', 'Two.', 'Three.', 'Four.'],
        answer: 'C',
        type: 'short',
      });
      expect(questions.map(({ answer }) => answer)).to.deep.equal(['C', 'A', 'D']);
      expect(questions[2]).to.include({ video: at('videomme/data/bbbbbbbbb_2.mkv'), type: 'long' });
    });

    it("are read from the authors' JSON, with its surplus commas and with its old names", async () => {
      await film('videomme/data/001.mp4');
      const template = at('videomme/output_test_template.json');
      const questions = await readQuestions(template);
      const old = (await readFile(template, 'utf8'))
        .replaceAll('"duration"', '"duration_category"')
        .replaceAll('"options"', '"choices"');
      await writeFile(at('videomme/old.json'), old);
      for (const some of [questions, await readQuestions(at('videomme/old.json'))]) {
        expect(some.map(({ answer }) => answer)).to.deep.equal(['C', 'A']);
        expect(some[0]).to.include({ video: at('videomme/data/001.mp4'), type: 'short' });
        expect(some[0]?.question).to.equal('How many boats cross the lake, or [none, ]?');
        expect(some[1]?.options).to.deep.equal(['A mill.', 'A cat.', 'A dog.', 'A tower.']);
      }
    });

    it('say up front how many videos are missing, and are read without those beyond the limit', async () => {
      await film('videomme/data/aaaaaaaaa-1.mp4');
      const missing = at('videomme/data/bbbbbbbbb_2.mp4');
      await expectRejection(
        readQuestions(at(file)),
        InputError,
        `1 of 2 videos not found, the first is ${missing}. Put the videos there, or name their folder with --videos DIR.`,
      );
      expect(await readQuestions(at(file), { limit: 2 })).to.have.length(2);
    });

    it('take their videos from --videos only, if it is given', async () => {
      await film('videomme/data/aaaaaaaaa-1.mp4', 'videomme/data/bbbbbbbbb_2.mp4', 'else/aaaaaaaaa-1.MP4');
      const one = await readQuestions(at(file), { videos: at('else'), limit: 1 });
      expect(one[0]?.video).to.equal(at('else/aaaaaaaaa-1.MP4'));
      await expectRejection(readQuestions(at(file), { videos: at('else') }), InputError, '1 of 2 videos not found');
      await expectRejection(readQuestions(at(file), { videos: at('no') }), InputError, '/no: no such folder');
    });
  });

  describe('of MVBench', () => {
    const file = 'mvbench/json/action_sequence.json';
    const [a, x] = ['AB12C.mp4', 'XY98Z.mp4'];

    it('are read with the bounds of their part of the video', async () => {
      await film(`mvbench/video/star/Charades_v1_480/${a}`, `mvbench/video/data0613/star/Charades_v1_480/${x}`);
      const questions = await readQuestions(at(file));
      expect(questions[0]).to.deep.equal({
        benchmark: 'MVBench',
        video: at(`mvbench/video/star/Charades_v1_480/${a}`),
        question: 'What happened after the person took the cup?',
        options: ['Opened the window.', 'Closed the book.', 'Washed the cup.', 'Sat down.'],
        answer: 'C',
        type: 'action_sequence',
        start: 3.5,
        end: 12,
      });
      expect(questions[1]).to.include({
        video: at(`mvbench/video/data0613/star/Charades_v1_480/${x}`),
        answer: 'B',
        start: 0,
      });
    });

    it('have no bounds where the video is that part already', async () => {
      await film(`mvbench/star/Charades_segment/${a}`, `mvbench/star/Charades_segment/${x}`);
      for (const question of await readQuestions(at(file))) {
        expect(question.video).to.include('Charades_segment');
        expect(question).not.to.have.any.keys('start', 'end', 'clips', 'videos');
      }
    });

    it('need bounds, or videos that are that part already', async () => {
      const text = (await readFile(at(file), 'utf8')).replace(/"(start|end)"/g, '"no_$1"');
      await writeFile(at(file), text);
      await film(`mvbench/video/star/Charades_v1_480/${a}`, `mvbench/star/Charades_segment/${x}`);
      await expectRejection(readQuestions(at(file)), InputError, `1 of 2 videos not found`, `Charades_segment/${a}`);
      await film(`mvbench/star/Charades_segment/${a}`);
      expect(await readQuestions(at(file))).to.have.length(2);
    });

    it('find videos that the branch "video" has converted to mp4', async () => {
      await film('mvbench/ssv2_video_mp4/101.mp4');
      const antonym = at('mvbench/json/action_antonym.json');
      expect((await readQuestions(antonym))[0]?.video).to.equal(at('mvbench/ssv2_video_mp4/101.mp4'));
      await film('videos/ssv2_video/101.webm');
      const options = { videos: at('videos') };
      expect((await readQuestions(antonym, options))[0]?.video).to.equal(at('videos/ssv2_video/101.webm'));
    });

    it('are refused where the videos are folders of frames, and read where they are clips', async () => {
      const episodes = at('mvbench/json/episodic_reasoning.json');
      await film('mvbench/video/tvqa/frames_fps3_hq/show_s01e01_seg02_clip_03/00001.jpg');
      await expectRejection(readQuestions(episodes), InputError, 'folders of frames', 'tvqa/video_fps3_hq_segment');
      await film('mvbench/tvqa/video_fps3_hq_segment/show_s01e01_seg02_clip_03.mp4');
      const [question] = await readQuestions(episodes);
      expect(question?.answer).to.equal('B');
      expect(question).not.to.have.any.keys('start', 'end');
    });

    it('are read from the folder of all tasks, but for those about frames', async () => {
      await film(`mvbench/video/star/Charades_v1_480/${a}`, `mvbench/video/star/Charades_v1_480/${x}`);
      await film('mvbench/video/ssv2_video/101.webm');
      const notes: string[] = [];
      const questions = await readQuestions(at('mvbench/json'), { note: (line) => notes.push(line) });
      expect(questions.map(({ type }) => type)).to.deep.equal(['action_antonym', 'action_sequence', 'action_sequence']);
      expect(notes).to.have.length(1);
      expect(notes[0]).to.match(/^left out: .*episodic_reasoning\.json: is about folders of frames/);
      expect(await readQuestions(at('mvbench/json'), { limit: 2 })).to.have.length(2);
      await expectRejection(readQuestions(folder), InputError, 'is a folder without tasks of MVBench');
    });

    it('say where videos are to be had that MVBench does not have, and take numbers for candidates', async () => {
      const pose = at('mvbench/json/fine_grained_pose.json');
      await writeFile(pose, '[{"video": "S1.avi", "question": "How often?", "candidates": [1, 2], "answer": 2}]');
      await expectRejection(readQuestions(pose), InputError, '1 of 1 video not found', '(the videos of NTU RGB+D are');
      await film('mvbench/nturgbd_convert/S1.mp4');
      expect((await readQuestions(pose))[0]).to.deep.include({ options: ['1', '2'], answer: 'B' });
    });

    it('are refused under another name', async () => {
      await cp(at(file), at('mvbench/json/mine.json'));
      await expectRejection(
        readQuestions(at('mvbench/json/mine.json')),
        InputError,
        'must be <task>.json as published',
      );
    });
  });

  describe('of NExT-QA', () => {
    const video = 'nextqa/NExTVideo/0101/4000000001.mp4';
    const other = 'nextqa/NExTVideo/0028/13000000002.mp4';

    it('are read from CSV, with videos by the published map', async () => {
      await film(video, other);
      const questions = await readQuestions(at('nextqa/val.csv'));
      expect(questions[0]).to.deep.equal({
        benchmark: 'NExT-QA',
        video: at(video),
        question: 'why does the girl run',
        options: ['to fly a kite', 'to eat', 'to catch the dog', 'to hide', 'to rest'],
        answer: 'C',
        type: 'CW',
      });
      expect(questions[1]).to.include({ video: at(other), answer: 'E', type: 'TN' });
      expect(questions[1]?.options?.[1]).to.equal('wave, twice');
    });

    it("are read from lmms-lab's parquet, with numbers for names", async () => {
      await film('nextqa/NExTVideo/4000000001.mp4', 'nextqa/NExTVideo/13000000002.mp4');
      await rm(at('nextqa/map_vid_vidorID.json'));
      const questions = await readQuestions(at('nextqa/MC/test-00000-of-00001.parquet'));
      expect(questions.map((question) => question.answer)).to.deep.equal(['C', 'E']);
      expect(questions[1]?.video).to.equal(at('nextqa/NExTVideo/13000000002.mp4'));
    });

    it('name the missing map, or what is wrong with it', async () => {
      const data = at('nextqa/val.csv');
      const map = at('nextqa/map_vid_vidorID.json');
      await expectRejection(readQuestions(data), InputError, `2 of 2 videos not found, the first is ${at(video)}. Put`);
      for (const [text, part] of [
        ['{"4000000001": "0101/40', 'must be JSON'],
        ['[]', 'must be a JSON object'],
        ['{"4000000001": {}}', '4000000001 must be a text, got {}'],
      ] as const) {
        await writeFile(map, text);
        await expectRejection(readQuestions(data), InputError, `${map}: `, part);
      }
      await rm(map);
      await expectRejection(readQuestions(data), InputError, 'there is no map_vid_vidorID.json');
    });
  });

  describe('of EgoSchema', () => {
    it('are read with the public answers, the others left out', async () => {
      await film(`egoschema/videos/${first}.mp4`);
      const notes: string[] = [];
      const questions = await readQuestions(at('egoschema/questions.json'), { note: (line) => notes.push(line) });
      expect(questions).to.deep.equal([
        {
          benchmark: 'EgoSchema',
          video: at(`egoschema/videos/${first}.mp4`),
          question: 'What does c do most of the time?',
          options: [
            'C washes the plates.',
            'C paints the fence.',
            'C repairs a bicycle.',
            'C plants a tree.',
            'C writes a letter.',
          ],
          answer: 'C',
          type: 'all',
        },
      ]);
      expect(notes).to.deep.equal(['1 of the 2 questions have a public answer; the others are left out.']);
    });

    it("are read from lmms-lab's parquet, with its answers or with the public ones", async () => {
      await film(`egoschema/videos/${first}.mp4`, `egoschema/videos/${second}.mp4`);
      const subset = await readQuestions(at('egoschema/Subset/test-00000-of-00001.parquet'));
      expect(subset.map(({ answer }) => answer)).to.deep.equal(['C', 'A']);
      expect(subset[0]?.options?.slice(1, 3)).to.deep.equal(['C paints the fence.', 'C repairs a bicycle.']);
      const all = await readQuestions(at('egoschema/GENERATION/test-00000-of-00001.parquet'));
      expect(all).to.deep.equal(subset.slice(0, 1));
    });

    it('need answers', async () => {
      const data = at('egoschema/questions.json');
      const answers = at('egoschema/subset_answers.json');
      for (const [text, ...parts] of [
        ['{"x": 1}', data, 'none of its 2 questions has an answer in subset_answers.json'],
        [`{"${first}": 5}`, answers, `${first} must be the index of an option, 0 to 4, got 5`],
        [`{"${first}": 2, "22`, answers, 'must be JSON'],
      ] as const) {
        await writeFile(answers, text);
        await expectRejection(readQuestions(data), InputError, ...parts);
      }
      await rm(answers);
      await expectRejection(readQuestions(data), InputError, "holds no answers. Put EgoSchema's subset_answers.json");
    });
  });

  describe('that are not as published', () => {
    const changed = async (path: string, change: (text: string) => string): Promise<string> => {
      await writeFile(at(path), change(await readFile(at(path), 'utf8')));
      return path;
    };
    const written = async (path: string, text: string): Promise<string> => {
      await writeFile(at(path), text);
      return path;
    };
    const parquet = 'videomme/videomme/test-00000-of-00001.parquet';
    const cases: [name: string, make: () => Promise<string>, ...parts: string[]][] = [
      [
        'JSON that is cut off',
        () => changed('egoschema/questions.json', (text) => text.slice(0, 300)),
        'must be JSON',
        'Is it whole',
      ],
      ['empty JSON', () => written('empty.json', ''), 'is empty, so it holds no questions'],
      ['an empty list', () => written('empty.json', '[]'), 'holds no questions'],
      ['a list of other things', () => written('list.json', '[1, 2]'), 'must be a list of questions'],
      ['unknown JSON', () => written('other.json', '[{"a": 1, "b": 2}]'), 'by its fields a, b. Other questions must'],
      [
        'a missing field',
        () => changed('mvbench/json/action_antonym.json', (text) => text.replace('"question"', '"query"')),
        'questions of MVBench must have question, got video, query',
      ],
      [
        'an answer that is no candidate',
        () => changed('mvbench/json/action_antonym.json', (text) => text.replace('"answer": "Cl', '"answer": "cl')),
        'row 1: answer must be one of "Not sure", "Opening a jar", "Closing a jar", got "closing a jar"',
      ],
      [
        'bounds in disorder',
        () => changed('mvbench/json/action_sequence.json', (text) => text.replace('"end": 12,', '"end": 2,')),
        'row 1: start must be before end, got 3.5 and 2',
      ],
      [
        'a bound that is no number',
        () => changed('mvbench/json/action_sequence.json', (text) => text.replace('"end": 12,', '"end": "12s",')),
        'row 1: end must be a number of seconds, got "12s"',
      ],
      ['empty CSV', () => written('nextqa/val.csv', ''), 'is empty'],
      [
        'CSV with its head alone',
        () => changed('nextqa/val.csv', (text) => `${text.split('\n')[0]}\n`),
        'holds no questions',
      ],
      [
        'CSV that is cut off',
        () => changed('nextqa/val.csv', (text) => text.slice(0, 260)),
        'must be CSV: ',
        'Is it whole',
      ],
      [
        'CSV without a column',
        () => changed('nextqa/val.csv', (text) => text.replaceAll(/,[^,\n]*$/gm, '')),
        'questions of NExT-QA must have a4, got video',
      ],
      [
        'an index that is no option',
        () => changed('nextqa/val.csv', (text) => text.replace(',4,3,TP', ',5,3,TP')),
        'row 2: answer must be the index of an option, 0 to 4, got "5"',
      ],
      [
        'open-ended NExT-QA',
        () => written('oe.csv', 'video,question,answer,qid,type,additional_ref_answer\n1,q,a,0,DL,\n'),
        'multiple-choice NExT-QA',
      ],
      ['empty parquet', () => written(parquet, ''), 'is empty'],
      [
        'parquet that is cut off',
        async () => {
          await writeFile(at(parquet), (await readFile(at(parquet))).subarray(0, 900));
          return parquet;
        },
        'must be parquet: ',
        'Is it whole',
      ],
      [
        'parquet with a damaged page',
        async () => {
          const bytes = await readFile(at(parquet));
          await writeFile(at(parquet), bytes.fill(0xff, 4, 60));
          return parquet;
        },
        'must be parquet: ',
      ],
      [
        'parquet with a damaged end',
        async () => {
          const bytes = await readFile(at(parquet));
          await writeFile(at(parquet), Buffer.concat([bytes.subarray(0, 900), bytes.subarray(-8)]));
          return parquet;
        },
        'must be parquet: its parts do not fit together. Is it whole, and as published?',
      ],
      ['text that is called parquet', () => written('x.parquet', 'no parquet\n'.repeat(9)), 'must be parquet: '],
      [
        'parquet without a column',
        () => Promise.resolve('broken/no-options.parquet'),
        'questions of Video-MME must have options, got video_id',
      ],
      [
        'a letter that is no option',
        () => Promise.resolve('broken/wrong-answer.parquet'),
        'row 1: answer must be the letter of an option, A to D, got "E"',
      ],
      ['unknown parquet', () => Promise.resolve('broken/other.parquet'), 'by its fields id, text'],
    ];
    for (const [name, make, ...parts] of cases)
      it(`are refused with one line: ${name}`, async () => {
        const file = at(await make());
        await expectRejection(readQuestions(file), InputError, `${file}: `, ...parts);
      });

    it('do not blame the user for what is there: lines of JSON stay lines of JSON', async () => {
      const line = '{"video":"a.mp4","question":"Q?","answer":"yes"}';
      for (const name of ['q.jsonl', 'q.json', 'q.txt']) {
        const questions = await readQuestions(at(await written(name, line)));
        expect(questions).to.deep.equal([{ video: at('a.mp4'), question: 'Q?', answer: 'yes', type: 'all' }]);
        expect(await readQuestions(at(name), { videos: '/films' })).to.deep.include({
          ...questions[0],
          video: '/films/a.mp4',
        });
      }
      const { message } = await rejection(readQuestions(at(await written('q.jsonl', `${line}\n[`))));
      expect(message).to.match(/q\.jsonl:2: must be JSON/);
      const questions = await readQuestions(at('q.json'));
      expect(() => requireVideos('q.json', questions)).to.throw(InputError, /^q\.json: 1 of 1 video not found/);
    });
  });
});

describe('the wording of a benchmark', () => {
  const asked = { video: 'v', type: 'all', question: 'Which?', answer: 'B', options: ['a dog', 'a cat'] };
  const wording = (benchmark?: Question['benchmark']): string =>
    promptFor({ ...asked, ...(benchmark && { benchmark }) });

  it("is lmms-eval's", () => {
    expect(wording('Video-MME').split('\n')).to.deep.equal([
      'Select the best answer to the following multiple-choice question based on the video and the subtitles. Respond with only the letter (A, B, C, or D) of the correct option.',
      'Which?',
      'A. a dog',
      'B. a cat',
      'The best answer is:',
    ]);
    expect(wording('MVBench')).to.equal('Question:Which?\nOption:\n(A) a dog\n(B) a cat\nOnly give the best option.\n');
    expect(wording('NExT-QA')).to.equal('Which?\nA. a dog\nB. a cat');
    expect(wording('EgoSchema')).to.equal(wording());
    expect(wording()).to.equal(
      "Which?\nA. a dog\nB. a cat\nAnswer with the option's letter from the given choices directly.",
    );
  });
});

describe('the option that an answer chooses', () => {
  const animals = { question: 'What is it?', options: ['a dog', 'a cat', 'an ox', 'a red cat', 'the letter h'] };
  const chosen = (answers: readonly string[], about = animals): number[] =>
    answers.map((answer) => chosenOption(about, answer));

  it('is the letter, however it is put', () => {
    const b = ['B', ' B.\n', 'b', '(B)', '(b)', '[B]', '**B**', '"B"', 'B)', 'B: the cat', 'B. a dog', 'B.a cat'];
    const answers = ['B, as it meows', 'B\n\nIt meows.', 'B the cat', 'B The cat', 'Answer: B', 'B<|im_end|>'];
    for (const answer of [...b, ...answers]) expect(chosenOption(animals, answer), answer).to.equal(1);
  });

  it('is the letter that is called the answer', () => {
    for (const answer of [
      'The answer is C',
      'The best answer is: (C)',
      'The correct answer is C. an ox',
      'The best option is C.',
      'I think it is option C',
      'My choice would be C',
      'Answer: C. Jade.',
      'Option A is wrong, so the answer must be C',
      'It is not (A) or B, but option C, I think',
    ])
      expect(chosenOption(animals, answer), answer).to.equal(2);
  });

  it('is the only letter that stands alone, or the last in brackets', () => {
    const answers = ['It must be C', 'I would go with C, clearly', 'A man feeds it, so C', 'Not (A), but (C)'];
    expect(chosen(answers)).to.deep.equal([2, 2, 2, 2]);
  });

  it('is the text of one', () => {
    expect(chosen(['A cat', 'a cat.', ' A  DOG ', 'an ox', 'the letter H'])).to.deep.equal([1, 1, 0, 2, 4]);
    expect(chosen(['I see a cat here', 'There is a red cat.', 'A a dog'])).to.deep.equal([1, 3, 0]);
    expect(chosen(['No, I think', 'I say yes.'], { question: 'Is it?', options: ['Yes', 'No'] })).to.deep.equal([1, 0]);
  });

  it('is none of them', () => {
    const none = [
      '',
      '  \n',
      '?',
      'A horse sat',
      'Because',
      'unrelated',
      'F',
      'G. a horse',
      "It's hard",
      'I know',
      'DOG',
    ];
    const several = ['Both A and B', 'B or C', 'Not A, perhaps B, or even C', 'a dog or a cat'];
    expect(chosen(none)).to.deep.equal(none.map(() => -1));
    // As in the official evaluations, an answer is what it begins with.
    expect(chosen(several)).to.deep.equal([-1, 1, -1, -1]);
  });

  it('is no letter that its own question uses as a name', () => {
    const ego = { question: 'What does c do?', options: ['C reads a book', 'C sleeps', 'C eats', 'C runs', 'C sings'] };
    expect(chosen(['C sleeps', 'C reads', 'Then C runs', 'C', 'C.', 'E. C sings', 'C walks'], ego)).to.deep.equal([
      1, -1, 3, 2, 2, 4, -1,
    ]);
  });

  it('is right if it is the one, or reads the same', () => {
    const kite = {
      video: 'v',
      type: 'DO',
      question: 'what letter is it',
      answer: 'D',
      options: ['o', 's', 'k', 'b', 'h'],
    };
    expect(['D', 'b', 'D. b'].map((answer) => isRight(kite, answer))).to.deep.equal([true, true, true]);
    expect(['B', 'd', 'E', 'h', ''].map((answer) => isRight(kite, answer))).to.deep.equal([
      false,
      true,
      false,
      false,
      false,
    ]);
    const twice = { ...kite, options: ['cap', 'scarf', 'hat', 'Cap.', 'bow'] };
    expect(['A', 'D', 'cap', 'B', 'x'].map((answer) => isRight(twice, answer))).to.deep.equal([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(isRight({ ...kite, answer: 'no such option' }, 'unrelated')).to.equal(false);
  });
});
