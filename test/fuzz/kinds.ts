/** Hostile inputs of every kind that the project takes: each an arbitrary of fast-check and what must stay tame. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { type ByteSource, type CheckpointFiles, SafetensorsFile } from '../../checkpoint/safetensors.ts';
import { runLine } from '../../cli/arguments.ts';
import { evalLine } from '../../cli/eval/arguments.ts';
import { readQuestions } from '../../cli/eval/questions.ts';
import { Results } from '../../cli/eval/results.ts';
import { checkOutputs, writeOutput } from '../../cli/output.ts';
import { downloadModel } from '../../hub/download.ts';
import * as library from '../../index.ts';
import { openVideo } from '../../media/open-video.ts';
import { sampleVideo } from '../../media/sample-video.ts';
import { ChatTemplate } from '../../models/chat-template.ts';
import { specOf } from '../../models/registry.ts';
import { families } from '../helpers/families.ts';
import { damage, damaged } from './damage.ts';
import { tame } from './tame.ts';

/** One kind of hostile input. */
export interface Kind {
  readonly name: string;
  /** Runs some inputs of a seed, for so long. Gives fast-check's report. */
  check(options: {
    readonly seed: number;
    readonly runs: number;
    readonly milliseconds: number;
  }): Promise<fc.RunDetails<unknown>>;
}

function kind<T>(name: string, inputs: fc.Arbitrary<T>, hostile: (input: T) => Promise<void>): Kind {
  return {
    name,
    check: async ({ seed, runs, milliseconds }) =>
      fc.check(fc.asyncProperty(inputs, hostile), {
        seed,
        numRuns: runs,
        interruptAfterTimeLimit: milliseconds,
        endOnFailure: false,
      }) as Promise<fc.RunDetails<unknown>>,
  };
}

const clip = fileURLToPath(new URL('../../assets/clip.mp4', import.meta.url));

/** A file in memory. */
function memory(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    read: async (start, length) => bytes.slice(start, start + length),
    close: async () => undefined,
  };
}

/** Words that have broken things: empty, huge, of other alphabets, with controls, paths and numbers that are none. */
const words = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    '-',
    '--',
    '../..',
    '/dev/null',
    'NaN',
    '1e309',
    '-0',
    '0x10',
    'null',
    '\u202e',
    '\0',
    'a'.repeat(5000),
  ),
);

const jsonValue = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(0, -1, 1e9, 1e300, 0.5, null, true, '', [], {}, [5], 'x'.repeat(3000)),
);

/** Some changes of the keys of an object. */
const changes = fc.array(fc.tuple(fc.nat(200), fc.oneof(fc.constant(undefined), jsonValue)), {
  minLength: 1,
  maxLength: 4,
});

function changed(of: unknown, edits: readonly (readonly [number, unknown])[]): unknown {
  const copy = structuredClone(of) as Record<string, unknown>;
  const places: (readonly [Record<string, unknown>, string])[] = [];
  const walk = (at: Record<string, unknown>): void => {
    for (const key of Object.keys(at)) {
      places.push([at, key]);
      const value = at[key];
      if (typeof value === 'object' && value !== null) walk(value as Record<string, unknown>);
    }
  };
  walk(copy);
  for (const [which, value] of edits) {
    const [at, key] = places[which % places.length]!;
    if (value === undefined) delete at[key];
    else at[key] = value;
  }
  return copy;
}

/** A folder that is gone afterwards. */
async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fuzz-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const header = {
  weight: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
  other: { dtype: 'BF16', shape: [4], data_offsets: [24, 32] },
};

const headers = kind(
  'headers',
  fc.tuple(changes, damage, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.boolean()),
  async ([edits, harm, length, lie]) => {
    const json = new TextEncoder().encode(JSON.stringify(changed(header, edits)));
    const bytes = new Uint8Array(8 + json.length + 32);
    new DataView(bytes.buffer).setBigUint64(0, lie ? length : BigInt(json.length), true);
    bytes.set(json, 8);
    await tame(async () => {
      const file = await SafetensorsFile.open(memory('fuzz.safetensors', damaged(bytes, harm)));
      for (const name of file.tensors.keys()) await file.read(name);
    });
  },
);

const names = Object.keys(families);

const configs = kind('configs', fc.tuple(fc.nat(), changes, damage), async ([which, edits, harm]) => {
  const own = families[names[which % names.length]!]!;
  const text = new TextEncoder();
  const files: CheckpointFiles = {
    name: 'fuzz',
    open: async (name) => {
      const found = own[name as keyof typeof own];
      if (found === undefined) return undefined;
      if (name !== 'config.json') return memory(name, text.encode(JSON.stringify(found)));
      // Sometimes the file itself is damaged, and no JSON any more.
      const bytes = text.encode(JSON.stringify(changed(found, edits)));
      return memory(name, harm.edits.length > 6 ? damaged(bytes, harm) : bytes);
    },
  };
  await tame(() => specOf(files));
});

const pieces = [
  '{{',
  '}}',
  '{%',
  '%}',
  ' for m in messages ',
  ' endfor ',
  ' if true ',
  ' endif ',
  ' set x = x + x ',
  "raise_exception('no')",
  ' range(10**9) ',
  'm.content',
  ' m["role"] ',
  'messages',
  '|trim',
  '|tojson',
  "'a' * 9",
  'namespace(x=1)',
  ' macro f() ',
  ' endmacro ',
  'f()',
  '\n',
  '<|im_start|>',
  ' loop.index ',
  '~',
  '.replace("a", "aa")',
];

const templates = kind(
  'templates',
  fc.array(fc.oneof(fc.constantFrom(...pieces), words), { maxLength: 30 }),
  async (parts) => {
    await tame(() => new ChatTemplate('fuzz.json', parts.join('')).render([{ role: 'user', content: 'What?' }]));
  },
);

let clipBytes: Promise<Buffer> | undefined;

const media = kind('media', damage, async (harm) => {
  clipBytes ??= readFile(clip);
  const bytes = damaged(await clipBytes, harm);
  await tame(async () => {
    const video = await openVideo(bytes);
    try {
      await sampleVideo(video, { size: 64, maxFrames: 3, forceSample: true });
    } finally {
      await video.close();
    }
  });
});

const flagNames = [
  'video',
  'image',
  'prompt',
  'model',
  'cost',
  'similarity',
  'ratio',
  'reducer',
  'family',
  'budget-layers',
  'kv',
  'score-rows',
  'frames',
  'fps',
  'start',
  'end',
  'max-new-tokens',
  'temperature',
  'top-p',
  'seed',
  'memory',
  'json',
  'report',
  'adapter',
  'dtype',
  'compare',
  'chat',
  'plan',
  'quiet',
  'data',
  'results',
  'nothing',
  'v',
  'p',
];

const flags = kind(
  'flags',
  fc.array(
    fc.oneof(
      words,
      fc.constantFrom(...flagNames).map((name) => `--${name}`),
      fc.tuple(fc.constantFrom(...flagNames), words).map(([name, value]) => `--${name}=${value}`),
    ),
    { maxLength: 10 },
  ),
  async (argv) => {
    await tame(() => runLine.parse(argv));
    await tame(() => evalLine.parse(argv));
  },
);

/** Names in a folder that has a file, a folder, a link and a read-only file. */
const places = fc.constantFrom(
  'file',
  'folder',
  'link',
  'dangling',
  'locked',
  'new',
  'folder/new',
  'none/new',
  '.',
  '..',
  '-',
  '/dev/null',
  'n'.repeat(300),
  'a\0b',
);

const outputs = kind('outputs', fc.tuple(places, places, places), ([json, report, input]) =>
  inFolder(async (folder) => {
    await writeFile(join(folder, 'file'), 'what stood there');
    await writeFile(join(folder, 'locked'), 'what stood there', { mode: 0o444 });
    await mkdir(join(folder, 'folder'));
    await symlink(join(folder, 'file'), join(folder, 'link'));
    await symlink(join(folder, 'nowhere'), join(folder, 'dangling'));
    const at = (name: string): string => (name === '-' || name.startsWith('/') ? name : join(folder, name));
    const before = (await readdir(folder)).sort();
    const named = [
      { flag: '--json', path: at(json) },
      { flag: '--report', path: at(report) },
    ];
    let allowed = false;
    await tame(async () => {
      await checkOutputs(named, [{ flag: '--video', path: at(input) }]);
      allowed = true;
    });
    // Asking changes nothing, and leaves nothing aside.
    if ((await readdir(folder)).sort().join() !== before.join()) throw new Error('checking outputs left something');
    if ((await readFile(join(folder, 'file'), 'utf8')) !== 'what stood there')
      throw new Error('checking outputs destroyed a file');
    if (!allowed) return;
    for (const { flag, path } of named) if (path !== '-') await tame(() => writeOutput(flag, path, 'new'));
    if (['file', 'link'].includes(input) && (await readFile(join(folder, 'file'), 'utf8')) !== 'what stood there')
      throw new Error('an output destroyed an input');
  }),
);

const line = {
  run: '["framefusion",{"cost":0.3}]',
  question: 0,
  answer: 'red',
  right: true,
  computedShare: 0.3,
  actions: ['merge'],
};

const results = kind(
  'results',
  fc.tuple(
    fc.array(
      fc.oneof(
        words,
        changes.map((edits) => JSON.stringify(changed(line, edits))),
        fc.constant(JSON.stringify(line)),
      ),
      { maxLength: 8 },
    ),
    damage,
    fc.boolean(),
  ),
  ([lines, harm, whole]) =>
    inFolder(async (folder) => {
      const file = join(folder, 'results.jsonl');
      const about = { data: 'a', model: 'b' };
      await using(
        Results.open(file, about, () => undefined),
        async (started) => started.add({ ...line, question: 5 }),
      );
      const text = `${await readFile(file, 'utf8')}${lines.join('\n')}`;
      await writeFile(file, whole ? text : damaged(new TextEncoder().encode(text), harm));
      await tame(async () => {
        await using(
          Results.open(file, about, () => undefined),
          async (opened) => opened.add({ ...line, question: 6 }),
        );
        await using(
          Results.open(file, about, () => undefined),
          async (again) => {
            if (!again.has(line.run, 6)) throw new Error('an answer that was added is lost');
            if (whole && !again.has(line.run, 5)) throw new Error('an answer that stood there is lost');
          },
        );
      });
    }),
);

async function using(opening: Promise<Results>, body: (results: Results) => Promise<void>): Promise<void> {
  const opened = await opening;
  try {
    await body(opened);
  } finally {
    await opened[Symbol.asyncDispose]();
  }
}

const questionFiles = kind(
  'questions',
  fc.tuple(
    fc.array(
      fc.oneof(
        words,
        jsonValue.map((value) => JSON.stringify(value)),
        changes.map((edits) =>
          JSON.stringify(
            changed({ video: 'a.mp4', question: 'What?', answer: 'red', options: ['red', 'blue'] }, edits),
          ),
        ),
      ),
      { maxLength: 5 },
    ),
    damage,
  ),
  ([lines, harm]) =>
    inFolder(async (folder) => {
      const file = join(folder, 'questions.jsonl');
      await writeFile(file, damaged(new TextEncoder().encode(lines.join('\n')), harm));
      await tame(() => readQuestions(file, { note: () => undefined }));
    }),
);

/** What a hub that is broken, or no hub, may answer. */
const answers = fc.array(
  fc.record({
    status: fc.constantFrom(200, 200, 200, 206, 301, 302, 401, 403, 404, 429, 500, 503),
    body: fc.oneof(
      jsonValue.map((value) => JSON.stringify(value)),
      words,
      fc.constant('[{"type":"file","path":"config.json","size":3,"oid":"0"}]'),
      fc.constant('{"sha":"0123456789012345678901234567890123456789","siblings":[]}'),
    ),
    link: fc.constantFrom(undefined, '<https://hub.test/next>; rel="next"', 'nonsense'),
    length: fc.constantFrom(undefined, '5', '-1', '1e99'),
  }),
  { minLength: 1, maxLength: 6 },
);

const hub = kind('hub', fc.tuple(answers, words), ([said, revision]) =>
  inFolder(async (cacheDir) => {
    let next = 0;
    const fetch = (async () => {
      const { status, body, link, length } = said[next++ % said.length]!;
      if (next > 500) throw new Error('it asks for ever');
      const headers = {
        ...(link && { link }),
        ...(length && { 'content-length': length }),
        ...(status > 300 && status < 400 && { location: 'https://hub.test/elsewhere' }),
      };
      return new Response(body, { status, headers });
    }) as unknown as typeof globalThis.fetch;
    const timing = { attempts: 2, totalAttempts: 3, backoffMs: 1, longestWaitMs: 5, stallMs: 2000, lockPollMs: 1 };
    const options = {
      cacheDir,
      verifiedDir: cacheDir,
      token: false,
      endpoint: 'https://hub.test',
      fetch,
      timing,
      ...(revision.length < 40 && revision !== '' && { revision }),
    };
    await tame(() => downloadModel('owner/name', options as Parameters<typeof downloadModel>[1]));
    if (next > 500) throw new Error('it asks for ever');
  }),
);

const exported = library as unknown as Record<string, unknown>;
const callable = [
  'applyFrameFusion',
  'blobFiles',
  'cropPicture',
  'fastV',
  'fewerFrames',
  'folderFiles',
  'loadModel',
  'mergeOnly',
  'openPicture',
  'openVideo',
  'planMemory',
  'pruneOnly',
  'randomDrop',
  'reducerNamed',
  'sampleVideo',
  'samplingOf',
  'urlFiles',
  'FrameFusion',
].filter((name) => typeof exported[name] === 'function');

const anything = fc.anything({
  maxDepth: 2,
  withBigInt: true,
  withDate: true,
  withTypedArray: true,
  withNullPrototype: true,
});

const calls = kind(
  'calls',
  fc.tuple(fc.constantFrom(...callable), fc.array(anything, { maxLength: 3 })),
  async ([name, args]) => {
    const called = exported[name] as (...args: unknown[]) => unknown;
    await tame(async () => {
      const made = /^[A-Z]/.test(name) ? Reflect.construct(called, args) : await called(...args);
      (made as Partial<Disposable>)?.[Symbol.dispose]?.();
    });
  },
);

/** All of them. */
export const kinds: readonly Kind[] = [
  headers,
  configs,
  templates,
  flags,
  outputs,
  results,
  questionFiles,
  hub,
  calls,
  media,
];
