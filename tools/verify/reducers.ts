/** Golden data of other reducers: the decisions of the authors' own functions on drawn videos. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Recorder } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { authorsCount, change, changed } from '../../framefusion/evs.ts';
import {
  authorsReduction,
  type FlashVidSettings,
  flashVidSettings,
  pick,
  segmentsOf,
} from '../../framefusion/flashvid.ts';
import {
  authorsCounts,
  type HoliTomSettings,
  holiTomSettings,
  mergeIntoAttended,
  reduceWindows,
  windowsOf,
} from '../../framefusion/holitom.ts';
import { combinePictures, keepPictures, type Newlines, readPictures } from '../../framefusion/pictures.ts';
import { pruneByAttention } from '../../framefusion/prune.ts';
import { connect, SimDiffRun, simDiffSettings } from '../../framefusion/simdiff.ts';
import { indices, Vectors } from '../../framefusion/vectors.ts';
import { byFrame, calmChannels, exactly, frameShares, likeness } from '../../framefusion/vidcom2.ts';
import type { TokenGrid } from '../../models/inputs.ts';
import { reduceAt } from '../../models/reducing.ts';
import type { Decision, Point, Tokens } from '../../models/reduction.ts';
import { type CaseResult, type Checker, Golden, limits, readJson, runRecorded } from './check.ts';
import { verifyReducedDecoder } from './reduced-decoder.ts';
import { patchTypes, uploadTokens } from './tokens.ts';

/** Of tokens that are sums of others, as the golden data's README has it. */
const TOKENS = 1e-5;

interface Video {
  readonly frames: number;
  readonly rows: number;
  readonly columns: number;
  readonly hidden: number;
}

interface Case {
  readonly rec: Recorder;
  readonly golden: Golden;
  readonly check: Checker;
}

/** Checks one case by its parameters. */
type Verify = (wanted: never, at: Case) => Promise<void>;

const sets: Readonly<Record<string, Verify>> = {
  'evs/stage': verifyEvs,
  'vidcom2/stage': verifyVidCom2,
  'flashvid/stage': verifyFlashVid,
  'holitom/stage': verifyHoliTom,
  'holitom/inner': verifyInner,
  'simdiff/stage': verifySimDiff,
};

/** Every case of a folder; undefined once where the set is not covered. */
export async function* verifyReducer(folder: string, runtime: Runtime): AsyncGenerator<CaseResult | undefined> {
  const { method, set, cases } = await readJson<{ method: string; set: string; cases?: string[] }>(
    folder,
    'index.json',
  );
  if (set === 'decoder') return yield* verifyReducedDecoder(folder, method, runtime);
  const verify = sets[`${method}/${set}`];
  if (!verify || !cases) return yield undefined;
  for (const name of cases) {
    const file = join(folder, `${name}.safetensors`);
    const wanted = await readJson<object>(folder, `${name}.json`);
    // Where the genuine code raises, there is nothing that could agree.
    if (!existsSync(file)) continue;
    yield runRecorded(`${method}/${set}/${name}`, runtime, async (rec, check) =>
      verify(wanted as never, { rec, golden: await Golden.open(file), check }),
    );
  }
}

/** A video's tokens as `encoded` has them, newlines put in where the grid has some. */
function videoPoint({ rec, golden }: Case, video: Video, newlines: TokenGrid['newlines'] = 'none'): Point {
  const { frames, rows, columns, hidden } = video;
  const grid: TokenGrid = { rows, columns, newlines, framesPerGroup: 1 };
  const [tokens, newline, salience] = ['tokens', 'newline', 'salience'].map((name) =>
    golden.has(name) ? golden.floats(name) : undefined,
  );
  const across = columns + (newlines === 'row' ? 1 : 0);
  const placed = { first: 0, length: frames * rows * across, perFrame: rows * across };
  const all = new Float32Array(placed.length * hidden);
  const received = new Float32Array(placed.length);
  for (const row of indices(placed.length)) {
    const [line, column] = [Math.floor(row / across), row % across];
    const token = line * columns + column;
    const isNewline = column === columns;
    all.set(isNewline ? newline! : tokens!.subarray(token * hidden, (token + 1) * hidden), row * hidden);
    if (!isNewline && salience) received[row] = salience[token]!;
  }
  const laid = uploadTokens(rec, all, patchTypes(placed.length, placed), placed);
  return { rec, at: 'encoded', tokens: laid, layers: 28, grid, frames, ...(salience && { salience: received }) };
}

/** Hidden states after a layer, with a video in them, and the golden attention of that layer. */
function layerPoint(
  { rec, golden }: Case,
  at: number,
  hidden: Float32Array,
  video: InPrompt,
  attention: string,
): Point {
  const tokens = uploadTokens(rec, hidden, patchTypes(video.rows, video), video);
  return { rec, at, tokens, layers: 28, grid: undefined, frames: 1, attention: () => golden.upload(rec, attention) };
}

/** Rows of a prompt, and of the video in it. */
interface InPrompt {
  readonly rows: number;
  readonly first: number;
  readonly length: number;
}

/** What a decision leaves of a point's tokens. */
async function left(point: Point, decision: Decision | undefined) {
  const { after } = await reduceAt(() => decision, point);
  const { rec } = point;
  return { places: Array.from(await rec.read(after.position)), hidden: (await rec.read(after.hidden)) as Float32Array };
}

async function verifyEvs(wanted: Video & { pruning_rate: number }, at: Case): Promise<void> {
  const { golden, check } = at;
  const point = videoPoint(at, wanted);
  const pictures = await readPictures(point);
  check.close('change', change(pictures), golden.floats('dissimilarity'), limits.similarity);
  const got = await left(
    point,
    keepPictures(pictures, changed(pictures, authorsCount(pictures, 1 - wanted.pruning_rate)), 0),
  );
  check.equal('kept', got.places, golden.integers('keep'));
  check.close('tokens', got.hidden, golden.floats('out_tokens'), 0);
}

interface VidCom2Case extends Video {
  readonly retention: number;
  readonly channels: readonly number[];
  readonly vllm_kept: number;
}

async function verifyVidCom2(wanted: VidCom2Case, at: Case): Promise<void> {
  const { golden, check } = at;
  const lines = golden.has('grid_keep');
  const point = videoPoint(at, wanted, lines ? 'row' : 'none');
  const pictures = await readPictures(point);
  const found = likeness(pictures);
  check.equal('channels', calmChannels(pictures.vectors), wanted.channels);
  check.close('likeness to the video', found.video, golden.floats('video_score'), limits.similarity);
  check.close('likeness to the frame', found.frame, golden.floats('frame_score'), limits.similarity);
  const shares = frameShares(pictures, found, wanted.retention);
  check.close('shares', shares, golden.floats('scales'), limits.similarity);
  const kept = byFrame(pictures, found, wanted.retention);
  check.equal('kept', kept, golden.integers('keep'));
  check.equal('kept exactly', exactly(kept, found, wanted.vllm_kept), golden.integers('vllm_keep'));
  const got = await left(point, keepPictures(pictures, kept, lines ? 'behind' : 0));
  check.equal('places', got.places, golden.integers(lines ? 'grid_keep' : 'keep'));
  if (!lines) check.close('tokens', got.hidden, golden.floats('out_tokens'), 0);
}

interface FlashVidCase extends Video {
  readonly retention_ratio: number;
  readonly alpha: number;
  readonly temporal_threshold: number;
  readonly segment_threshold: number;
  readonly min_segment_num: number;
  readonly do_segment: boolean;
  readonly complementary_segment: boolean;
  readonly token_selection_method: string;
  readonly expansion: number;
  readonly segment_lengths: readonly number[];
  readonly prune?: { visual_start: number; visual_length: number; rows: number; llm_retention_ratio: number };
}

/** Settings as a case has them. */
function flashVidSettingsOf(wanted: Partial<FlashVidCase>): FlashVidSettings {
  const single = wanted.do_segment === false || wanted.complementary_segment === false;
  return {
    alpha: wanted.alpha ?? flashVidSettings.alpha,
    treeThreshold: wanted.temporal_threshold ?? flashVidSettings.treeThreshold,
    // A threshold that nothing falls below is how segments are switched off.
    segmentThreshold:
      wanted.do_segment === false ? -2 : (wanted.segment_threshold ?? flashVidSettings.segmentThreshold),
    leastSegments: single ? 1 : (wanted.min_segment_num ?? flashVidSettings.leastSegments),
    expansion: wanted.expansion ?? flashVidSettings.expansion,
    relevance: wanted.token_selection_method !== 'attn_div',
  };
}

async function verifyFlashVid(wanted: FlashVidCase, at: Case): Promise<void> {
  const { golden, check } = at;
  const settings = flashVidSettingsOf(wanted);
  const point = videoPoint(at, wanted);
  const pictures = await readPictures(point);
  const segments = segmentsOf(pictures, settings);
  const lengths = segments.map((frames) => frames.length);
  check.equal(
    'segments',
    lengths.filter((n) => n > 0),
    wanted.segment_lengths.filter((n) => n > 0),
  );
  const order = golden.get('pick_order');
  const picked = segments.flatMap((frames) =>
    frames.flatMap((frame) => {
      const tokens = pick(pictures, frame, frames, order.shape[1]!, settings);
      return tokens.map((token) => token - frame * pictures.places);
    }),
  );
  check.equal('picked, in order', picked, Array.from(order.data));
  const rows = authorsReduction(pictures, wanted.retention_ratio, settings);
  const got = await left(point, combinePictures(pictures, rows, 0));
  check.equal('places', got.places, golden.integers('out_index'));
  check.close(
    'tokens',
    sorted(got, wanted.hidden),
    sorted({ places: got.places, hidden: golden.floats('out_tokens') }, wanted.hidden),
    TOKENS,
  );
  if (wanted.prune) await verifyLatePrune(wanted.prune, at);
}

/** Rows of one place may come in either order. */
function sorted({ places, hidden }: { places: readonly number[]; hidden: Float32Array }, dim: number): number[] {
  const rows = places.map((place, i) => ({ place, row: Array.from(hidden.subarray(i * dim, (i + 1) * dim)) }));
  return rows.toSorted((a, b) => a.place - b.place || a.row[0]! - b.row[0]!).flatMap(({ row }) => row);
}

async function verifyLatePrune(prune: NonNullable<FlashVidCase['prune']>, at: Case): Promise<void> {
  const { visual_start: first, visual_length: length, rows, llm_retention_ratio: share } = prune;
  const point = layerPoint(at, 0, new Float32Array(rows), { rows, first, length }, 'prune.attention');
  const got = await left(point, pruneByAttention(point, { share, separators: 'keep', round: Math.ceil }));
  at.check.equal('pruned late', got.places, at.golden.integers('prune.keep'));
}

interface HoliTomCase extends Video {
  readonly retain_ratio: number;
  readonly tau: number;
  readonly beta: number;
  readonly K: number;
  readonly max_window_size: number;
  readonly newline: string;
  readonly windows: readonly (readonly [first: number, last: number])[];
}

async function verifyHoliTom(wanted: HoliTomCase, at: Case): Promise<void> {
  const { golden, check } = at;
  const settings: HoliTomSettings = {
    ...holiTomSettings,
    tau: wanted.tau,
    beta: wanted.beta,
    nearest: wanted.K,
    mostFrames: wanted.max_window_size,
  };
  const lines = wanted.newline.startsWith('after each row');
  const point = videoPoint(at, wanted, lines ? 'row' : 'none');
  const pictures = await readPictures(point);
  const windows = windowsOf(pictures, settings).map(({ frames }) => [frames[0], frames.at(-1)]);
  check.equal('windows', windows, wanted.windows);
  const rows = reduceWindows(pictures, settings, authorsCounts(wanted.retain_ratio));
  const how: Newlines = lines ? 'rows' : 0;
  const got = await left(point, combinePictures(pictures, rows, how));
  const across = wanted.columns + (lines ? 1 : 0);
  const [frame, place] = [golden.integers('out_frame'), golden.integers('out_place')];
  // The one newline at the end is none of the video's tokens here, and stays as all text does.
  const n = lines ? frame.length : frame.length - 1;
  check.equal(
    'frames',
    got.places.map((row) => Math.floor(row / (wanted.rows * across))),
    frame.slice(0, n),
  );
  const placeOf = (row: number): number => {
    const [line, column] = [Math.floor(row / across) % wanted.rows, row % across];
    return column < wanted.columns ? line * wanted.columns + column : -1;
  };
  check.equal('places', got.places.map(placeOf), place.slice(0, n));
  check.close('tokens', got.hidden, golden.floats('out_tokens').subarray(0, n * wanted.hidden), TOKENS);
}

interface InnerCase {
  readonly text_before: number;
  readonly video_rows: number;
  readonly HOLITOM_r: number;
}

async function verifyInner(wanted: InnerCase, at: Case): Promise<void> {
  const { golden, check } = at;
  const video = { rows: golden.get('hidden_in').shape[0]!, first: wanted.text_before, length: wanted.video_rows };
  const point = layerPoint(at, 17, golden.floats('hidden_in'), video, 'attention');
  const got = await left(point, await mergeIntoAttended(point, 1 - wanted.HOLITOM_r));
  check.equal('kept', got.places, golden.integers('keep'));
  check.close('hidden', got.hidden, golden.floats('hidden_out'), TOKENS);
}

interface SimDiffCase extends Video {
  readonly newline_column: 'near' | 'same' | 'none';
  readonly text_before: number;
  readonly num_layers: number;
  readonly cost: number;
  readonly similarity_lower_bound: number;
  readonly event_upper_bound: number;
  readonly steps: readonly SimDiffStep[];
  /** Rows of one vector, of which the genuine code's sort left some, whichever. */
  readonly ties?: { readonly tokens: readonly number[]; readonly kept: number };
}

interface SimDiffStep {
  readonly call: 'select' | 'prune' | 'decode';
  readonly rows_in: number;
  readonly list_after?: readonly number[];
  readonly error?: string;
}

async function verifySimDiff(wanted: SimDiffCase, { rec, golden, check }: Case): Promise<void> {
  const settings = { ...simDiffSettings, similarity: wanted.similarity_lower_bound, event: wanted.event_upper_bound };
  const run = new SimDiffRun({ cost: wanted.cost, parity: true }, settings, wanted.num_layers);
  const { frames, rows, columns, hidden, text_before: first, num_layers: layers } = wanted;
  const perFrame = rows * columns;
  const grid: TokenGrid = { rows, columns, newlines: 'none', framesPerGroup: 1 };
  for (const [i, step] of wanted.steps.entries()) {
    if (step.call === 'decode') continue; // no reducer is asked about one row
    const name = (what: string): string => `step${i}.${what}`;
    const types = Int32Array.from(golden.integers(name('patch_type_in')));
    const length = types.findLastIndex((type) => type >= 0) + 1 - first;
    const values = golden.floats(name('hidden_in'));
    const { layout, ...tokens } = uploadTokens(rec, values, types, { first, length });
    const laid: Tokens = { ...tokens, layout: { ...layout, perFrame } };
    const attention = () => golden.upload(rec, name('attention'));
    const point: Point = { rec, at: 1, tokens: laid, layers, grid, frames, attention };
    if (step.error) {
      // A budget of everything, at which the genuine code raises.
      const { decision } = await reduceAt(() => run.select(point), point);
      check.equal('removes nothing', decision?.kind, 'pass');
      continue;
    }
    if (step.call === 'select') {
      const video = new Vectors(values.subarray(first * hidden, (first + frames * perFrame) * hidden), hidden);
      verifyGraph(connect(video, { perFrame, rows, columns }, settings), name, golden, check);
    }
    const got = await left(point, step.call === 'select' ? await run.select(point) : run.prune(point));
    check.equal('list', run.sparsityList, step.list_after ?? run.sparsityList);
    const keep = golden.integers(name('keep'));
    const tied = new Set(step.call === 'select' ? wanted.ties?.tokens : []);
    const certain = (rows: readonly number[]): number[] => rows.filter((row) => !tied.has(row));
    check.equal(`kept by ${step.call}`, certain(got.places), certain(keep));
    check.equal('rows', got.places.length, keep.length);
    // Rows of one vector have one mean and one value, whichever of them stay; their places differ.
    if (tied.size === 0) check.close('hidden', got.hidden, golden.floats(name('hidden_out')), 0);
  }
}

/** Similarities, components and events behind a selection. */
function verifyGraph(
  graph: ReturnType<typeof connect>,
  name: (what: string) => string,
  golden: Golden,
  check: Checker,
): void {
  for (const what of ['temporal', 'right', 'below'] as const)
    check.close(what, graph[what], golden.floats(name(what)), limits.similarity);
  const component = new Array<number>(graph.centrality.length).fill(-1);
  for (const [i, members] of graph.components.entries()) for (const token of members) component[token] = i;
  check.equal('components', component, golden.integers(name('component')));
  const events = indices(component.length).map((token) => Number(graph.events.has(token)));
  check.equal('events', events, golden.integers(name('event')));
  const scores = golden.has(name('component_score')) ? golden.floats(name('component_score')) : [];
  check.close('scores of components', graph.scores, scores, limits.similarity);
}
