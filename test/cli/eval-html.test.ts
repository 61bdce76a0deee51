import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { lineChart } from '../../charts/line-chart.ts';
import { html } from '../../charts/markup.ts';
import { onWhite } from '../../charts/palette.ts';
import { roundScale, sideBySide } from '../../charts/scale.ts';
import { evalSvg } from '../../cli/eval/charts.ts';
import type { Printable } from '../../cli/eval/groups.ts';
import { evalHtml } from '../../cli/eval/html.ts';
import { accuracy, type RunSummary } from '../../cli/eval/summary.ts';
import { type BrowserPage, drawingFaults, hasChromium, openBrowser } from '../helpers/browser-page.ts';

const costs = [0.7, 0.5, 0.3, 0.2];
const names = ['framefusion', 'merge-only', 'prune-only', 'fastv', 'random', 'frames', 'a', 'b', 'c', 'd', 'e', 'f'];
const types = [
  'counting',
  'a <b> & "c"',
  "it's",
  '__proto__',
  'toString',
  'a_type_whose_name_is_long_and_has_no_spaces_at_all',
];

/** A run that loses with its budget and its place, with as many questions of each type as `totals` says. */
function run(
  reducer: string,
  cost: number,
  totals: readonly number[] = [40, 31, 52, 17, 8, 120],
  place = 0,
): RunSummary {
  const loss = (1 - cost) ** 2 * (0.05 + 0.06 * place);
  const found = types.map((type, i) => {
    const total = totals[i] ?? 0;
    return [type, accuracy(Math.round(total * Math.max(0, 0.8 - 0.05 * i - loss)), total)] as const;
  });
  const sum = (of: 'right' | 'total'): number => found.reduce((all, [, one]) => all + one[of], 0);
  return {
    reducer,
    cost,
    ...accuracy(sum('right'), sum('total')),
    computedShare: reducer === 'frames' ? cost + 0.031 : cost,
    mergedThenPruned: reducer === 'framefusion' ? 1 - cost : 0,
    byType: Object.fromEntries(found.filter((_, i) => i < totals.length || totals.length === 0)),
  };
}

function report(runs: readonly RunSummary[], more: Partial<Printable> = {}): Printable {
  const about = { version: 2, tool: 'framefusion-webgpu 0.1.0', questions: 268, videos: 30, dtype: 'f16' } as const;
  return { ...about, data: 'set/questions.jsonl', model: 'llava-video-7b', adapter: 'an adapter', runs, ...more };
}

const dense = run('none', 1);
const grid = (reducers: readonly string[], some = costs): RunSummary[] =>
  reducers.flatMap((name, place) => some.map((cost) => run(name, cost, undefined, place)));
const reports: Readonly<Record<string, Printable>> = {
  'six reducers at four budgets': report([...grid(names.slice(0, 6)), dense]),
  'twelve reducers': report([...grid(names), dense]),
  'budgets close together': report([...grid(names.slice(0, 3), [0.2, 0.21, 0.22, 0.9]), dense]),
  'ten budgets': report([
    ...grid(
      names.slice(0, 2),
      Array.from({ length: 10 }, (_, i) => (i + 1) / 10),
    ),
    dense,
  ]),
  'the dense model alone': report([dense]),
  'one reducer at one budget, no dense model': report(grid(['framefusion'], [0.3])),
  'a type without questions': report([run('fastv', 0.3, [5, 0, 3]), run('none', 1, [5, 0, 3])]),
  'no question at all': report([run('fastv', 0.3, []), run('none', 1, [])]),
  'nothing right': report([
    { ...run('fastv', 0.3), ...accuracy(0, 9) },
    { ...dense, ...accuracy(0, 9) },
  ]),
  'no runs': report([]),
  'long names': report(
    [...grid(['a-reducer-whose-name-fits-no-legend-of-any-chart-here', 'MMMMMMMMMMMMMMMMMMMMMMMM']), dense],
    {
      model:
        'a-model/in-a-folder-with-a-name/that-is-far-too-long-for/the-heading-of-a-picture-of-880-pixels/and-the-phone',
    },
  ),
};
const full = reports['six reducers at four budgets']!;

/** The rows of a table as a reader sees them: cells' texts, entities undone. */
function tables(page: string): string[][][] {
  const plain = (cell: string): string =>
    cell
      .replace(/<br>/g, ' ')
      .replace(/<[^>]*>/g, '')
      .replace(
        /&(lt|gt|amp|quot|#39);/g,
        (_, name: string) => ({ lt: '<', gt: '>', amp: '&', quot: '"' })[name] ?? "'",
      );
  return [...page.matchAll(/<table[\s\S]*?<\/table>/g)].map(([table]) =>
    [...table.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].map(([, row]) =>
      [...row!.matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell]) => plain(cell!)),
    ),
  );
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

describe("the page of ff-eval's report", () => {
  it('names what was measured, when and how', () => {
    const page = evalHtml({ ...full, date: '2025-06-01T10:11:12.345Z', command: 'ff-eval --data "set/q.jsonl" > x' });
    for (const part of [
      '<h1>Evaluation of llava-video-7b</h1>',
      'llava-video-7b, f16',
      'an adapter',
      '2025-06-01 10:11 UTC',
    ])
      expect(page).to.contain(part);
    expect(page).to.contain('<code>set/questions.jsonl</code>, 268 questions about 30 videos');
    expect(page).to.contain('ff-eval --data &quot;set/q.jsonl&quot; &gt; x');
    expect(evalHtml(full)).not.to.contain('<dt>date</dt>').and.not.to.contain('<dt>command</dt>');
  });

  it('has every number of every run, the dense one first', () => {
    const [rows] = tables(evalHtml(full));
    const ordered = [dense, ...full.runs.filter(({ reducer }) => reducer !== 'none')];
    expect(rows!.slice(1)).to.deep.equal(
      ordered.map((one) => [
        one === dense ? 'dense' : one.reducer,
        `${Math.round(100 * one.cost)} %`,
        percent(one.right / one.total),
        `${(100 * one.interval[0]).toFixed(1)} to ${percent(one.interval[1])}`,
        one === dense ? '–' : percent(one.right / one.total / (dense.right / dense.total)),
        `${one.right}/${one.total}`,
        percent(one.computedShare),
        one.reducer === 'framefusion' ? percent(one.mergedThenPruned) : '–',
      ]),
    );
  });

  it('has every type of every run, with the difference to dense', () => {
    const [, [, , ...rows]] = tables(evalHtml(full)) as [string[][], string[][]];
    expect(rows.map(([name]) => name))
      .to.deep.equal(Object.keys(dense.byType))
      .and.to.contain('__proto__');
    const ordered = [dense, ...full.runs.filter(({ reducer }) => reducer !== 'none')];
    for (const [type, questions, ...cells] of rows) {
      const of = (one: RunSummary): number => 100 * (one.byType[type!]!.right / one.byType[type!]!.total);
      expect(questions).to.equal(String(dense.byType[type!]!.total));
      expect(cells.map((cell) => cell.split(' ')[0])).to.deep.equal(ordered.map((one) => of(one).toFixed(1)));
      const differences = cells.slice(1).map((cell) => Number(cell.split(' ')[1]!.replace('−', '-')));
      for (const [i, difference] of differences.entries())
        expect(difference).to.be.closeTo(of(ordered[i + 1]!) - of(dense), 0.05 + 1e-9);
    }
  });

  it('says which runs are not at their budget', () => {
    expect(evalHtml(full)).to.contain('frames (at 70 % computed 73.1 %, at 50 % computed 53.1 %');
    expect(evalHtml(report([dense]))).not.to.contain('off the budget');
  });

  it('escapes all that is data', () => {
    const evil = '</style></svg><script>alert(1)</script>"\'&<img src=x>\u0000\ud800';
    const hurt = { ...full.runs[0]!, reducer: evil, byType: { [evil]: accuracy(1, 2) } };
    const bad = report([hurt, dense], { data: evil, model: evil, adapter: evil, dtype: evil, tool: evil });
    for (const text of [evalHtml({ ...bad, date: evil, command: evil }), evalSvg(bad)]) {
      expect(text).not.to.match(/<script|<img|src=x>/);
      expect(text).not.to.contain('\u0000').and.not.to.contain('\ud800');
      expect(text).to.contain('&lt;script&gt;');
    }
    expect(html`<a title="${'"'}">${['<', html`<b>${undefined}${0}${false}</b>`]}</a>`.text).to.equal(
      '<a title="&quot;">&lt;<b>0</b></a>',
    );
  });

  for (const [name, some] of Object.entries(reports))
    it(`is whole and stands alone with ${name}`, () => {
      const page = evalHtml(some);
      const pictures = [...page.matchAll(/<svg[\s\S]*?<\/svg>/g)].map(([svg]) => svg);
      expect(page).to.match(/^<!doctype html>\n<html lang="en">[\s\S]*<\/html>\n$/);
      for (const text of [page, evalSvg(some)])
        expect(text.replace(/ xmlns(:xlink)?="http:[^"]*"/g, '')).not.to.match(
          /https?:|\b(src|href|xlink)[:=](?!"data:,")|url\((?!#)|@import|<script|NaN|Infinity|undefined/,
        );
      for (const picture of pictures)
        expect(picture).to.match(
          /^<svg class="chart" [^>]*role="img" aria-label="[^"]+"><title>[^<]+<\/title><desc>[^<]/,
        );
      for (const tag of ['main', 'table', 'tr', 'td', 'th', 'figure', 'details', 'svg', 'div', 'p', 'small', 'b'])
        expect(page.split(new RegExp(`<${tag}[ >]`)).length, tag).to.equal(page.split(`</${tag}>`).length);
      expect(page.length).to.be.below(300e3);
    });

  it('keeps text readable on every shade, light and dark', () => {
    const page = evalHtml(full);
    const channels = (hex: string): number[] => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
    const luminance = (rgb: readonly number[]): number =>
      rgb
        .map((value) => value / 255)
        .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
        .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i]!, 0);
    const modes = [...page.matchAll(/--page:(#\w+);--ink:(#\w+)/g)].map(([, ...hex]) =>
      hex.map((one) => channels(one.length === 4 ? one.replace(/\w/g, '$&$&') : one)),
    );
    const shades = [...page.matchAll(/background:rgb\((\d+) (\d+) (\d+)\/([\d.]+)\)/g)].map(([, ...numbers]) =>
      numbers.map(Number),
    );
    expect([modes.length, shades.length]).to.deep.equal([2, 8]);
    for (const [paper, ink] of modes)
      for (const [r, g, b, opacity] of shades) {
        const mixed = [r!, g!, b!].map((value, i) => opacity! * value + (1 - opacity!) * paper![i]!);
        const [dark, light] = [luminance(mixed), luminance(ink!)].sort((one, other) => one - other);
        expect((light! + 0.05) / (dark! + 0.05)).to.be.above(5.5); // WCAG asks for 4.5
      }
  });
});

describe('a line chart', () => {
  const axes = { x: { label: 'x', percent: true, reversed: true }, y: { label: 'y', percent: true } };
  const size = { width: 600, height: 400, title: 't', paint: onWhite };
  /** Where the symbols of a series are. */
  const symbols = (svg: string, index = 0): [x: number, y: number][] =>
    [...svg.matchAll(/matrix\(4,0,0,4,([\d.]+),([\d.]+)\)" fill="(#\w+)"/g)]
      .filter(([, , , colour]) => colour === onWhite.series[index])
      .map(([, x, y]) => [Number(x), Number(y)]);

  it('puts more higher, and less budget further right', () => {
    const ys = [0.61, 0.6, 0.55, 0.41];
    const points = costs.map((x, i) => ({ x, y: ys[i]! }));
    const drawn = symbols(lineChart({ ...axes, ...size, series: [{ name: 's', points }] })).sort(([a], [b]) => a - b);
    expect(drawn).to.have.length(4);
    // Equal steps of the value are equal steps on the page.
    for (const [i, [x, y]] of drawn.entries()) {
      const [[x0, y0], [x3, y3]] = [drawn[0]!, drawn[3]!];
      expect((y - y0) / (y3 - y0)).to.be.closeTo((ys[0]! - ys[i]!) / (ys[0]! - ys[3]!), 2e-3);
      expect((x - x0) / (x3 - x0)).to.be.closeTo((costs[0]! - costs[i]!) / (costs[0]! - costs[3]!), 2e-3);
    }
    expect(drawn[3]![1]).to.be.above(drawn[0]![1]);
  });

  it('draws intervals and the reference with its band to scale', () => {
    const point = { x: 0.5, y: 0.5, low: 0.4, high: 0.7 };
    const svg = lineChart({
      ...axes,
      ...size,
      series: [{ name: 's', points: [point] }],
      reference: { name: 'r', ...point },
    });
    const [[x, y]] = symbols(svg) as [[number, number]];
    const [, top, height] = /<path d="M34 ([\d.]+)l[\d.]+ 0l0 ([\d.]+)l[^>]*fill="#e9ecf0"/.exec(svg)!.map(Number);
    const [, bottom, upper] = new RegExp(`M${x} ([\\d.]+)L${x} ([\\d.]+)`).exec(svg)!.map(Number);
    expect(upper).to.be.closeTo(top!, 0.15);
    expect(bottom).to.be.closeTo(top! + height!, 0.15);
    expect((bottom! - y) / (bottom! - upper!)).to.be.closeTo(1 / 3, 2e-3);
  });

  it('sets series of the same x side by side, in their order', () => {
    const series = ['a', 'b', 'c'].map((name) => ({
      name,
      points: [
        { x: 0.3, y: 0.5 },
        { x: 0.2, y: 0.5 },
      ],
    }));
    const svg = lineChart({ ...axes, ...size, series });
    const at = [0, 1, 2].map(
      (i) =>
        symbols(svg, i)
          .map(([x]) => x)
          .sort((a, b) => a - b)[0]!,
    );
    expect(at[1]! - at[0]!).to.be.closeTo(10, 0.2);
    expect(at[2]! - at[1]!).to.be.closeTo(10, 0.2);
    expect(sideBySide(4, 12)).to.deep.equal([-3, -1, 1, 3]);
  });

  it('leaves out what is not a number and says the rest in words', () => {
    const points = [
      { x: 0.3, y: Number.NaN },
      { x: 0.2, y: 0.123 },
    ];
    const svg = lineChart({
      ...axes,
      ...size,
      series: [
        { name: 'a<b', points },
        { name: 'c', points: [] },
      ],
    });
    expect(symbols(svg)).to.have.length(1);
    expect(svg).to.contain('<desc>y over x. a&lt;b: 12.3 % at 20 %. c: no points.</desc>');
  });

  it('has round axes', () => {
    const axis = { label: '', percent: true };
    expect(roundScale(axis, [0.472, 0.699])).to.deep.equal({ min: 45, max: 70, step: 5 });
    expect(roundScale(axis, [0.001, 0.999])).to.deep.equal({ min: 0, max: 100, step: 20 });
    expect(roundScale(axis, [])).to.deep.equal({ min: 0, max: 100, step: 20 });
    expect(roundScale({ label: '' }, [3])).to.deep.equal({ min: 3, max: 3.5, step: 0.5 });
    expect(roundScale({ label: '' }, [-12, 7])).to.deep.equal({ min: -15, max: 10, step: 5 });
    expect(roundScale({ label: '', range: [0, 1] }, [0.3, 1.7])).to.deep.equal({ min: 0, max: 2, step: 0.5 });
  });
});

(hasChromium ? describe : describe.skip)("the page of ff-eval's report in Chromium", () => {
  let folder: string;
  let browser: BrowserPage;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'eval-html-'));
    browser = await openBrowser();
  });
  after(async () => {
    await browser.close();
    await rm(folder, { recursive: true });
  });

  for (const [name, some] of Object.entries(reports))
    it(`loads nothing, says nothing and fits with ${name}`, async () => {
      const file = pathToFileURL(join(folder, 'report.html')).href;
      await writeFile(join(folder, 'report.html'), evalHtml(some));
      for (const width of [390, 1200]) {
        browser.requests.length = 0;
        await browser.visit(file, { width, height: 800, dark: width === 390 });
        await browser.value(`document.querySelectorAll('details').forEach((details) => { details.open = true; })`);
        expect(browser.requests).to.deep.equal([file]);
        expect(browser.messages).to.deep.equal([]);
        expect(await browser.value('document.documentElement.scrollWidth')).to.equal(width);
        expect(JSON.parse(String(await browser.value(drawingFaults)))).to.deep.equal([]);
      }
    });

  it('is dark where the reader wants it dark, and light on paper all the same', async () => {
    const file = pathToFileURL(join(folder, 'report.html')).href;
    await writeFile(join(folder, 'report.html'), evalHtml(full));
    const background = 'getComputedStyle(document.body).backgroundColor';
    await browser.visit(file, { width: 800, height: 800, dark: true });
    expect(await browser.value(background)).to.equal('rgb(20, 23, 27)');
    await browser.page.emulateMedia({ media: 'print' });
    expect(await browser.value(background)).to.equal('rgb(255, 255, 255)');
  });

  it('has room for numbers that are no shares', async () => {
    const points = Array.from({ length: 28 }, (_, x) => ({ x, y: 1.1e6 - 4e4 * x }));
    const series = [{ name: 'kept', points }];
    const axes = { x: { label: 'layer' }, y: { label: 'rows' } };
    const chart = lineChart({ title: 't', ...axes, series, width: 358, height: 300, legend: 'below', paint: onWhite });
    await writeFile(join(folder, 'chart.svg'), chart);
    await browser.visit(pathToFileURL(join(folder, 'chart.svg')).href, { width: 900, height: 500 });
    expect(JSON.parse(String(await browser.value(drawingFaults)))).to.deep.equal([]);
    expect(chart).to.contain('>1,200,000</text>');
  });

  for (const name of ['six reducers at four budgets', 'long names'])
    it(`has a picture that is a file of its own with ${name}`, async () => {
      await writeFile(join(folder, 'chart.svg'), evalSvg(reports[name]!));
      await browser.visit(pathToFileURL(join(folder, 'chart.svg')).href, { width: 900, height: 500 });
      expect(await browser.value('document.documentElement.nodeName')).to.equal('svg');
      expect(JSON.parse(String(await browser.value(drawingFaults)))).to.deep.equal([]);
      expect(browser.messages).to.deep.equal([]);
    });
});
