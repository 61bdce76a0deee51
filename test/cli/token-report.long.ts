import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { type Answered, type Piece, partingOf } from '../../cli/answers.ts';
import type { Report, ReportOfVideo, RunReport } from '../../cli/report.ts';
import { answersSection } from '../../cli/token-report/answers.ts';
import { type TokenReport, tokenReportHtml } from '../../cli/token-report/html.ts';
import { findBrowser, pictureOf } from '../../cli/token-report/picture.ts';
import { jpegAddress } from '../../cli/token-report/write.ts';
import { InputError } from '../../engine/errors.ts';
import { encodeJpegs } from '../../media/encode.ts';
import { openVideo } from '../../media/open-video.ts';
import { sampleVideo } from '../../media/sample-video.ts';
import { tokensIn } from '../../models/family.ts';
import type { TokenGrid } from '../../models/inputs.ts';
import type { Trace, TraceStep } from '../../models/trace.ts';
import { randomStream } from '../../tools/random.ts';
import { played } from '../../viewer/played.ts';
import { type BrowserPage, drawingFaults, hasChromium, openBrowser } from '../helpers/browser-page.ts';
import { expectRejection } from '../helpers/errors.ts';
import { needNative } from '../media/clips.ts';
import { clip, ffRun } from './process.ts';

const TEXT = { before: 14, after: 20 };

/** Two merges, a look that ends merging, and pruning, over random numbers. */
function traceOf(frames: number, perFrame: number, layers: number): Trace {
  const stream = randomStream(1, 'trace');
  const random = (): number => stream() / 2 ** 32;
  const length = frames * perFrame;
  const rows = TEXT.before + length + TEXT.after;
  const isVideo = (token: number): boolean => token >= TEXT.before && token < TEXT.before + length;
  let alive = Uint32Array.from({ length: rows }, (_, row) => row);
  const merge = (at: TraceStep['at'], bound: number): TraceStep => {
    const last = new Map<number, number>();
    const merged = new Map<number, number>();
    const tokens = alive.filter(isVideo);
    const values = Float32Array.from(tokens, (token) => {
      const place = (token - TEXT.before) % perFrame;
      const into = last.get(place);
      const value = into === undefined ? -2 : 1 - random() ** 2 * 0.8;
      if (into !== undefined && value >= Math.fround(bound)) merged.set(token, into);
      else last.set(place, token);
      return value;
    });
    alive = alive.filter((token) => !merged.has(token));
    const similarity = { tokens, values, bound, ...(merged.size > 0 && { cut: bound }) };
    return {
      at,
      action: merged.size > 0 ? 'merge' : 'none',
      kept: alive,
      merged,
      dropped: new Uint32Array(),
      similarity,
    };
  };
  const prune = (at: number): TraceStep => {
    const tokens = alive.filter(isVideo);
    const values = Float32Array.from(tokens, () => 10 ** (-6 + 4 * random()));
    const cut = values.toSorted()[Math.floor(tokens.length / 2)]!;
    const dropped = tokens.filter((_, i) => values[i]! < cut);
    const gone = new Set(dropped);
    alive = alive.filter((token) => !gone.has(token));
    return { at, action: 'prune', kept: alive, merged: new Map(), dropped, attention: { tokens, values, cut } };
  };
  const before = merge('input', 0.6);
  const attending = alive;
  const steps = [before, merge(0, 0.85), merge(1, 2), prune(2)];
  const leaving = (layer: number): Uint32Array => (steps[layer + 1] ?? steps[3]!).kept;
  const passed = Array.from({ length: layers }, (_, layer) => ({
    attending: layer === 0 ? attending : leaving(layer - 1),
    leaving: leaving(layer),
  }));
  return { rows, video: { first: TEXT.before, length, perFrame, text: [] }, layers: passed, steps };
}

function runOf(reducer: string, trace: Trace, pieces: readonly Piece[]): RunReport {
  const prompt = trace.rows;
  const entering = (layer: number): number => (layer === 0 ? prompt : trace.layers[layer - 1]!.leaving.length);
  const rowsIn = (i: number): number => (i === 0 ? prompt : trace.steps[i - 1]!.kept.length);
  return {
    reducer,
    settings: { cost: 0.3, similarityLowerBound: 0.6 },
    answer: pieces.map(({ text }) => text).join(''),
    tokens: {
      prompt,
      video: trace.video.length,
      generated: pieces.length,
      layers: trace.layers.map(({ attending, leaving }, layer) => ({
        entering: entering(layer),
        attending: attending.length,
        leaving: leaving.length,
      })),
    },
    reduction: trace.steps.map(({ at, action, kept }, i) => ({
      at,
      action,
      rowsIn: rowsIn(i),
      rowsOut: kept.length,
      budgetShare: 0.7,
      ...(action !== 'prune' && { similarShare: 1 - kept.length / rowsIn(i) }),
    })),
    budget: { asked: reducer === 'none' ? 1 : 0.3, computedShare: 0.298 },
    seconds: { prefill: 1.5, decode: 2.5 },
    tokensPerSecond: 10,
    peakGpuBytes: 15e9,
    cacheBytes: 2e8,
  };
}

const piecesOf = (...texts: string[]): Piece[] => texts.map((text, i) => ({ text, tokens: i + 1 }));

interface Made {
  readonly frames: number;
  readonly grid: TokenGrid;
  readonly layers?: number;
  /** With a dense answer beside it. */
  readonly compare?: boolean;
  readonly name?: string;
}

/** A report of a run that never was, over frames of the bundled clip. */
async function made({ frames, grid, layers = 28, compare = false, name = 'clip.mp4' }: Made): Promise<TokenReport> {
  const perFrame = tokensIn(grid);
  const trace = traceOf(frames, perFrame, layers);
  const reduced = piecesOf('The', ' ring', ' moves', ' left', '.');
  const dense = piecesOf('The', ' ring', ' moves', ' right', ',', ' then', ' stops', '.');
  const answers: Answered[] = [
    ...(compare ? [{ report: runOf('none', { ...trace, steps: [] }, dense), pieces: dense, trace: undefined }] : []),
    { report: runOf('framefusion', trace, reduced), pieces: reduced, trace },
  ];
  const size = 96;
  await using video = await openVideo(clip);
  const { images, sampling } = await sampleVideo(video, { size, maxFrames: frames, forceSample: true });
  const report: ReportOfVideo = {
    version: 2,
    tool: 'framefusion-webgpu 0.1.0',
    command: `ff-run --video '${name}' --compare --report out.html`,
    date: '2025-06-01T10:11:12.345Z',
    system: { node: 'v20.19.0', platform: 'linux x64' },
    video: {
      name,
      decoder: 'ffmpeg',
      width: 1920,
      height: 1080,
      frames: 96,
      averageFps: 24,
      durationSeconds: 4,
      sampled: sampling.indices,
      repeated: 0,
      warnings: [],
    },
    prompt: name,
    model: {
      name: 'llava-video-7b',
      architecture: 'LlavaQwenForCausalLM',
      layers,
      dtype: 'f16',
      weights: 'q4',
      weightBytes: 5e9,
    },
    adapter: { name: 'an adapter', kind: 'gpu', vendor: 'v', architecture: 'a', device: 'd', description: '' },
    sampling: { temperature: 0, topP: 1, topK: 0, minP: 0, repetitionPenalty: 1, seed: 0 },
    seconds: { load: 1, decodeVideo: 2, preprocess: 3, vision: 4 },
    runs: answers.map(({ report: run }) => run),
  };
  const jpegs = await encodeJpegs(images, { width: size, height: size });
  return {
    report,
    answers,
    grid,
    frames: jpegs.map((jpeg, i) => ({ source: jpegAddress(jpeg), seconds: sampling.times[i]! })),
  };
}

const kinds: Readonly<Record<string, Made>> = {
  'sixty-four frames of 210 tokens': {
    frames: 64,
    grid: { rows: 14, columns: 14, newlines: 'row', framesPerGroup: 1 },
    compare: true,
  },
  'a newline after each frame': {
    frames: 5,
    grid: { rows: 4, columns: 4, newlines: 'frame', framesPerGroup: 1 },
    layers: 6,
  },
  'no newlines': { frames: 3, grid: { rows: 3, columns: 5, newlines: 'none', framesPerGroup: 1 }, layers: 4 },
};

describe('frames as JPEG', () => {
  for (const by of ['ffmpeg', 'ffmpeg.wasm'] as const)
    it(`are whole files, in their order, by ${by}`, async function () {
      if (by === 'ffmpeg') await needNative.call(this);
      const size = 64;
      const images = [10, 128, 250].map((grey) => new Uint8Array(3 * size * size).fill(grey));
      const files = await encodeJpegs(images, { width: size, height: size }, by);
      expect(files).to.have.length(3);
      for (const file of files)
        expect([...file.subarray(0, 3), ...file.subarray(-2)]).to.deep.equal([255, 216, 255, 255, 217]);
      // A picture of one grey differs from another in its only coefficient.
      expect(new Set(files.map((file) => Buffer.from(file).toString('hex'))).size).to.equal(3);
    });
});

describe('where two answers part', () => {
  it('is the first token that differs, or that only one has', () => {
    const [one, other] = [piecesOf('a', 'b', 'c'), piecesOf('a', 'b', 'd')];
    expect(partingOf(one, other)).to.deep.equal({ token: 2, before: 'ab' });
    expect(partingOf(one, one)).to.equal(undefined);
    expect(partingOf(one, one.slice(0, 1))).to.deep.equal({ token: 1, before: 'a' });
    expect(partingOf([], one)).to.deep.equal({ token: 0, before: '' });
    expect(partingOf([], [])).to.equal(undefined);
    const said = (answers: Answered[]): string => answersSection(answers).text;
    const answered = (pieces: Piece[]) =>
      ({ report: { reducer: 'x', answer: '', budget: { asked: 1 } }, pieces }) as unknown as Answered;
    expect(said([answered(one), answered(other)])).to.contain('They are the same up to the word that is marked.');
    expect(said([answered(one), answered(piecesOf('x'))])).to.contain('They differ from the first word.');
    expect(said([answered(one), answered(one)])).to.contain('They are the same, word for word.');
    // One sign of three tokens, and then another token.
    const sign = [
      { text: 'ä', tokens: 3 },
      { text: 'x', tokens: 4 },
    ];
    expect(partingOf(sign, [sign[0]!, { text: 'y', tokens: 4 }])?.token).to.equal(3);
  });
});

describe('a trace as the page plays it', () => {
  it('knows when each token went, and where to', () => {
    const trace = traceOf(6, 20, 5);
    const { points, gone, into, value } = played(trace, { rows: 4, columns: 4, newlines: 'row', framesPerGroup: 1 });
    expect(points).to.have.length(7);
    const text = TEXT.before + TEXT.after;
    const left = [trace.rows, trace.layers[0]!.attending.length, ...trace.layers.map(({ leaving }) => leaving.length)];
    expect(points.map((point) => point.left + text)).to.deep.equal(left);
    for (const { left, merged, pruned } of points) expect(left + merged + pruned).to.equal(120);
    for (const [token, point] of gone.entries()) {
      if (into[token]! >= 0) {
        expect(into[token]! % 20).to.equal(token % 20);
        expect(gone[into[token]!] === 0 || gone[into[token]!]! > point, 'who stands for it is there').to.equal(true);
      }
      expect(value[token] !== null).to.equal(point > 0);
    }
  });
});

describe("ff-run's token report", () => {
  it('escapes all that is data', async () => {
    const evil = '</script></style><script>alert(1)</script>"\'&<img src=x onerror=y>';
    const bad = await made({ ...kinds['no newlines']!, name: evil });
    const page = tokenReportHtml(bad);
    expect(page.split('<script')).to.have.length(3); // the data and the program
    expect(page).not.to.contain('<img src=x');
    expect(page).to.contain('&lt;script&gt;alert(1)');
  });

  it('stands alone: nothing in it names another place', async () => {
    const page = tokenReportHtml(await made(kinds['a newline after each frame']!));
    // Names that every SVG has, and the one link, which a reader may follow.
    const plain = page
      .replace(/createElementNS\("http:[^"]*"/, '')
      .replace(/ xmlns(:xlink)?="http:[^"]*"/g, '')
      .replace('href="https://arxiv.org/abs/2501.01986"', '');
    expect(plain).not.to.match(/https?:|@import|url\((?!#)|\b(src|href)="(?!data:)/);
    expect(plain).to.match(/script-src &#39;sha256-/);
  });

  it('explains itself, and names the video without its path', async () => {
    const whole = await made({ ...kinds['no newlines']!, compare: true });
    const { video, runs } = whole.report;
    for (const name of ['/home/me/secret/my clip.mp4', 'https://host/secret/my clip.mp4?token=secret', 'my clip.mp4']) {
      const notes = ['It has never seen <such> a video.'];
      const page = tokenReportHtml({ ...whole, report: { ...whole.report, notes, video: { ...video, name } } });
      const [title] = /<title>.*?<\/title>/.exec(page) ?? [];
      expect(title).to.equal('<title>What a model saw of my clip.mp4</title>');
      for (const part of ['arxiv.org/abs/2501.01986', 'How to read this', 'never seen &lt;such&gt; a video'])
        expect(page).to.contain(part);
      expect(page).to.match(
        new RegExp(`<b>${Math.round(100 * runs.at(-1)!.budget.computedShare)} %</b>.* (?:faster|slower|same)`),
      );
    }
  });

  it('says before any work where it cannot be written', async () => {
    const { code, stdout, stderr } = await ffRun(['--video', clip, '--report', '/nowhere/out.html']);
    expect([code, stdout]).to.deep.equal([1, '']);
    expect(stderr).to.match(/^ff-run: --report \/nowhere\/out\.html: cannot be written: .*\n$/);
  });

  it('needs a browser for a picture, and says so before any work', async () => {
    const { CHROME_PATH } = process.env;
    process.env.CHROME_PATH = '/nowhere/chrome';
    try {
      await expectRejection(
        findBrowser(),
        InputError,
        'a .png needs Chromium',
        'CHROME_PATH /nowhere/chrome is no program',
      );
    } finally {
      if (CHROME_PATH === undefined) delete process.env.CHROME_PATH;
      else process.env.CHROME_PATH = CHROME_PATH;
    }
    const without = await ffRun(['--video', clip, '--report', 'out.png'], { env: { CHROME_PATH: '/nowhere/chrome' } });
    expect(without.code).to.equal(1);
    expect(without.stderr).to.match(
      /^ff-run: --report: a \.png needs Chromium, Chrome or Edge, .* Install one, [^\n]*\n$/,
    );
    const { code, stderr } = await ffRun(['--video', clip, '--report', 'out.gif']);
    expect([code, stderr]).to.deep.equal([
      2,
      'ff-run: --report must name a file that ends in .html or .png, got "out.gif".\n',
    ]);
  });
});

(hasChromium ? describe : describe.skip)("ff-run's token report in Chromium", function () {
  this.timeout(240_000);
  let folder: string;
  let browser: BrowserPage;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'token-report-'));
    browser = await openBrowser();
  });
  after(async () => {
    await browser.close();
    await rm(folder, { recursive: true });
  });

  const slideTo = (point: number): string =>
    `{ const slider = document.getElementById('point'); slider.value = '${point}'; slider.dispatchEvent(new Event('input')); }`;
  const press = (key: string): string =>
    `document.getElementById('board').dispatchEvent(new KeyboardEvent('keydown', { key: '${key}', cancelable: true }))`;
  const told = (): Promise<unknown> => browser.value(`document.getElementById('told').textContent`);
  const counts = `JSON.stringify({ ...document.getElementById('count').dataset })`;

  /** Opens a page and gives its address. */
  async function show(page: string, width: number, dark = false): Promise<void> {
    const file = pathToFileURL(join(folder, 'report.html')).href;
    await writeFile(join(folder, 'report.html'), page);
    browser.requests.length = 0;
    await browser.visit(file, { width, height: 800, dark });
    expect(browser.requests.filter((url) => !url.startsWith('data:'))).to.deep.equal([file]);
  }

  /** Moves the slider through all places: what the page counts must be what the report says. */
  async function expectCounts({ tokens }: RunReport): Promise<void> {
    const text = tokens.prompt - tokens.video;
    const wanted = [tokens.prompt, tokens.layers[0]!.attending, ...tokens.layers.map(({ leaving }) => leaving)];
    for (const [point, rows] of wanted.entries()) {
      await browser.value(slideTo(point));
      const { left, merged, pruned } = JSON.parse(String(await browser.value(counts)));
      expect(Number(left)).to.equal(rows - text);
      expect(Number(left) + Number(merged) + Number(pruned)).to.equal(tokens.video);
    }
  }

  for (const [name, kind] of Object.entries(kinds))
    it(`loads nothing, says nothing, fits, and counts right with ${name}`, async () => {
      const report = await made(kind);
      const page = tokenReportHtml(report);
      expect(page.length).to.be.below(3e6);
      for (const width of [390, 1200]) {
        await show(page, width, width === 390);
        expect(await browser.value('document.documentElement.scrollWidth')).to.equal(width);
        expect(JSON.parse(String(await browser.value(drawingFaults)))).to.deep.equal([]);
        await expectCounts(report.report.runs.at(-1)!);
        expect(browser.messages).to.deep.equal([]);
      }
    });

  it('tells by keyboard and by pointer what became of a patch', async () => {
    const report = await made(kinds['a newline after each frame']!);
    await show(tokenReportHtml(report), 1200);
    await browser.value(press('ArrowRight'));
    expect(await told()).to.match(/^Frame 1, row 1, column 1: /);
    for (const [key, place] of [
      ['ArrowDown', 'Frame 1, row 2, column 1'],
      ['PageDown', 'Frame 2, row 2, column 1'],
    ] as const) {
      await browser.value(press(key));
      expect(await told()).to.contain(place);
    }
    const { gone, into } = played(report.answers[0]!.trace!, report.grid);
    const merged = into.findIndex((to) => to >= 0);
    await browser.value(slideTo(gone[merged]!));
    const point = `{ const box = document.querySelectorAll('.view')[${Math.floor(merged / 17)}].getBoundingClientRect();
      const at = { clientX: box.left + (${(merged % 17) % 4} + 0.5) * box.width / 5.3, clientY: box.top + (${Math.floor((merged % 17) / 4)} + 0.5) * box.height / 4 };
      document.querySelectorAll('.view canvas')[${Math.floor(merged / 17)}].dispatchEvent(new PointerEvent('pointermove', { ...at, bubbles: true, pointerType: 'mouse' })); }`;
    await browser.value(point);
    expect(await told()).to.contain(`into the token of frame ${Math.floor(into[merged]! / 17) + 1}`);
    expect(await browser.value(`document.querySelectorAll('#thread polyline').length`)).to.equal(2);
    await browser.value(press('Escape'));
    expect(await browser.value(`document.querySelectorAll('#thread *').length`)).to.equal(0);
  });

  it('plays from the full grid to what survives', async () => {
    const report = await made(kinds['no newlines']!);
    await show(tokenReportHtml(report), 800);
    await browser.value(`document.getElementById('play').click()`);
    expect(JSON.parse(String(await browser.value(counts))).left).to.equal('45');
    const last = report.report.runs[0]!.tokens;
    const end = `document.getElementById('point').value === '${last.layers.length + 1}'`;
    for (let i = 0; i < 200 && !(await browser.value(end)); i++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(Number(JSON.parse(String(await browser.value(counts))).left)).to.equal(
      last.layers.at(-1)!.leaving - (last.prompt - last.video),
    );
    expect(await browser.value(`document.getElementById('play').textContent`)).to.equal('Play');
  });

  it('marks where two answers part', async () => {
    await show(tokenReportHtml(await made({ ...kinds['no newlines']!, compare: true })), 800);
    const marks = `JSON.stringify([...document.querySelectorAll('mark')].map((mark) => mark.textContent))`;
    expect(JSON.parse(String(await browser.value(marks)))).to.deep.equal([' right', ' left']);
    expect(await browser.value('document.body.innerText')).to.contain(
      'They are the same up to the word that is marked.',
    );
  });

  it('becomes a picture', async () => {
    const page = tokenReportHtml(await made(kinds['no newlines']!));
    const png = Buffer.from(await pictureOf(page, await findBrowser()));
    expect(png.subarray(1, 4).toString()).to.equal('PNG');
    // Twice 1200 x 630, in which links are shown.
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).to.deep.equal([2400, 1260]);
  });

  it('is what ff-run writes, with the counts of its JSON', async () => {
    const [html, json] = [join(folder, 'out.html'), join(folder, 'out.json')];
    const ask = ['--prompt', 'Which object moves?', '--similarity', '0.95', '--ratio', '0.9', '--compare'];
    const { code, stderr } = await ffRun(['--video', clip, ...ask, '--report', html, '--json', json]);
    expect(code, stderr).to.equal(0);
    const report = JSON.parse(await readFile(json, 'utf8')) as Report;
    await show(await readFile(html, 'utf8'), 1200);
    expect(browser.messages).to.deep.equal([]);
    await expectCounts(report.runs[1]!);
    expect(report.divergesAt).to.equal(report.runs[0]!.answer === report.runs[1]!.answer ? null : 0);
    expect(report.command).to.contain('--report');
    const said = String(await browser.value('document.body.innerText'));
    for (const part of [report.command, report.runs[1]!.answer, report.adapter.name]) expect(said).to.contain(part);
  });
});
