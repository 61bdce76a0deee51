/** Tables of Qwen2.5-VL and Qwen3-VL: sizes, frames, times, positions, windows and prompts, as their own code makes them. */
import { sampleFrames } from '../../media/sampling.ts';
import { axisPositions, type PlacedRows } from '../../models/axis-positions.ts';
import { blankTimes, chatMl, QWEN_2_VL, VIDEO_MARK } from '../../models/chat.ts';
import { ChatTemplate, type Message } from '../../models/chat-template.ts';
import { absoluteTimes } from '../../models/qwen2-5-vl/qwen2-5-vl.ts';
import { pairedFramesDown } from '../../models/qwen2-vl/frames.ts';
import { frameLimits, smartResize } from '../../models/qwen2-vl/picture-size.ts';
import { processorFrames } from '../../models/qwen3-vl/frames.ts';
import { enlarged } from '../../models/qwen3-vl/picture-size.ts';
import { timedPairs } from '../../models/qwen3-vl/prompt.ts';
import type { Sample } from '../../models/sampling.ts';
import { windowsOf } from '../../models/tower/windows.ts';
import { type CaseResult, type Checker, runCase } from './check.ts';

type Thw = readonly [times: number, rows: number, columns: number];

/** A picture's size, and what it is resized to. */
export interface SizeRow {
  frames?: number;
  height: number;
  width: number;
  factor: number;
  min_pixels: number;
  max_pixels: number;
  resized: [number, number];
  /** What the other of the two libraries makes of it, where that differs. */
  qwen_vl_utils?: [number, number];
}

interface FrameRow {
  total_frames: number;
  video_fps: number;
  request: { fps?: number; nframes?: number; num_frames?: number; max_frames?: number };
  frames: number;
  indices: number[] | null;
  max_pixels_per_frame?: number;
  sampled_fps?: number;
  second_per_grid_ts?: number;
  temporal_positions?: number[];
  last_temporal_position?: number;
  timestamps?: string[];
}

interface TimeRow {
  second_per_grid_ts: number;
  tokens_per_second: number;
  temporal_patches: number[];
  positions: number[];
}

interface PositionRow {
  layout: (number | { kind: string; grid_thw: Thw; second_per_grid_ts?: number; text_before_each?: number[] })[];
  positions: number[][];
  position_after_prompt: number;
}

interface ChatRow {
  messages: { role: Message['role']; content: string | { type: string; text?: string }[] }[];
  add_vision_id?: boolean;
  text: string;
}

interface ExpandedRow extends ChatRow {
  total_frames: number;
  video_fps: number;
  grid_thw: Thw;
}

export interface QwenTables {
  smart_resize?: SizeRow[];
  smart_resize_video?: SizeRow[];
  frame_sampling?: FrameRow[];
  frame_sampling_qwen_vl_utils?: FrameRow[];
  timestamps?: { indices: number[]; video_fps: number; timestamp: string }[];
  time_rounding?: TimeRow[];
  position_ids?: PositionRow[];
  windows_112_14?: { grid_thw: Thw; window_index: number[]; cu_window_seqlens: number[] }[];
  chat?: ChatRow[];
  expanded?: ExpandedRow[];
}

/** What a family has of its own in these tables. */
interface Ways {
  /** Units that a side is rounded to at least before the bounds are looked at. */
  readonly least: 0 | 1;
  readonly sample: Sample;
  readonly template: string;
}

const ways: Readonly<Record<string, Ways>> = {
  qwen2_5_vl: { least: 1, sample: pairedFramesDown, template: QWEN_2_VL },
  qwen3_vl: { least: 0, sample: processorFrames, template: chatMl() },
};

/** Most frames that either library takes, and frames a second. */
const MOST_FRAMES = 768;
const FPS = 2;

/** In pixels: of a window and of a patch. */
const WINDOW = 112;
const PATCH = 14;

/** Whether a family's tables are those of this file. */
export function hasQwenTables(family: string): boolean {
  return Object.hasOwn(ways, family);
}

/** Every row of the tables; none for other families. */
export async function* verifyQwenTables(family: string, tables: QwenTables): AsyncGenerator<CaseResult> {
  const own = ways[family];
  if (!own) return;
  const named = (what: string, body: (check: Checker) => void) => runCase(`${family}/preprocess/${what}`, body);
  for (const row of tables.smart_resize ?? [])
    yield await named(`size of ${sizeText(row)}`, (check) => {
      const limits = { factor: row.factor, minPixels: row.min_pixels, maxPixels: row.max_pixels };
      const size = smartResize(row, { ...limits, least: own.least });
      check.equal('resized', [size.height, size.width], row.resized);
      const other = smartResize(row, limits);
      if (row.qwen_vl_utils) check.equal('by qwen-vl-utils', [other.height, other.width], row.qwen_vl_utils);
    });
  for (const { frames = 0, ...row } of tables.smart_resize_video ?? [])
    yield await named(`size of ${frames} frames of ${sizeText(row)}`, (check) => {
      const { factor, min_pixels: minPixels, max_pixels: maxPixels } = row;
      const size = smartResize(enlarged(row, factor), { factor, minPixels, maxPixels, frames, least: 0 });
      check.equal('resized', [size.height, size.width], row.resized);
    });
  for (const row of tables.frame_sampling ?? [])
    yield await named(`frames, ${frameText(row)}`, (check) => verifyFrames(row, own.sample, check));
  for (const row of tables.frame_sampling_qwen_vl_utils ?? [])
    yield await named(`frames by qwen-vl-utils, ${frameText(row)}`, (check) =>
      verifyFrames(row, pairedFramesDown, check),
    );
  for (const { indices, video_fps, timestamp } of tables.timestamps ?? [])
    yield await named(`time of ${indices} at ${video_fps}`, (check) =>
      check.equal('time', timesOf(indices, video_fps), [timestamp]),
    );
  for (const row of tables.time_rounding ?? [])
    yield await named(`times of ${row.temporal_patches} at ${row.second_per_grid_ts}`, (check) => {
      const groups = Math.max(...row.temporal_patches) + 1;
      const times = { ...blankTimes(2 * groups), fps: 2 / row.second_per_grid_ts };
      const all = absoluteTimes({ groups, times }, row.tokens_per_second);
      check.equal(
        'positions',
        row.temporal_patches.map((patch) => all[patch]),
        row.positions,
      );
    });
  for (const row of tables.position_ids ?? [])
    yield await named(`positions of ${JSON.stringify(row.layout)}`, (check) => {
      const { axes, next } = axisPositions(row.layout.flatMap(placedRows));
      check.equal(
        'positions',
        axes.map((axis) => [...axis]),
        row.positions,
      );
      check.equal('next', next, row.position_after_prompt);
    });
  for (const row of tables.windows_112_14 ?? [])
    yield await named(`windows of ${row.grid_thw}`, (check) => verifyWindows(row, check));
  // The families here are asked as people ask, without a number before each picture.
  for (const row of (tables.chat ?? []).filter(({ add_vision_id }) => !add_vision_id))
    yield await named(`prompt of ${JSON.stringify(row.messages)}`, (check) => {
      const shown = (type: string): string => `<|vision_start|><|${type}_pad|><|vision_end|>`;
      check.equal('text', rendered(row, own.template, shown), row.text);
    });
  for (const row of tables.expanded ?? [])
    yield await named(`prompt of ${row.total_frames} frames at ${row.video_fps}`, (check) => {
      const [, rows, columns] = row.grid_thw;
      const shown = (): string => leadOf(row).replaceAll(VIDEO_MARK, `[${(rows * columns) / 4} x <|video_pad|>]`);
      check.equal('text', rendered(row, own.template, shown), row.text);
    });
}

function sizeText({ width, height, min_pixels, max_pixels }: SizeRow): string {
  return `${width} x ${height}, ${min_pixels} to ${max_pixels}`;
}

function frameText({ total_frames, video_fps, request }: FrameRow): string {
  return `${JSON.stringify(request)} of ${total_frames} at ${video_fps}`;
}

function verifyFrames(row: FrameRow, sample: Sample, check: Checker): void {
  const { fps = FPS, nframes, num_frames, max_frames = MOST_FRAMES } = row.request;
  const count = nframes ?? num_frames;
  const asked = count === undefined ? { fps, maxFrames: max_frames } : { maxFrames: count, forceSample: true };
  const taken = sampleFrames({ sample, frames: row.total_frames, averageFps: row.video_fps, ...asked });
  check.equal('frames', taken.indices.length, row.frames);
  if (row.indices) check.equal('indices', taken.indices, row.indices);
  if (row.timestamps) {
    const times = timesOf(taken.indices, row.video_fps);
    const ends = times.length > row.timestamps.length ? [...times.slice(0, 6), ...times.slice(-2)] : times;
    check.equal('timestamps', ends, row.timestamps);
  }
  if (row.max_pixels_per_frame !== undefined) {
    const factor = row.timestamps ? 32 : 28;
    check.close('pixels of a frame', [frameLimits(factor, row.frames).maxPixels], [row.max_pixels_per_frame], 1e-6);
  }
  if (row.sampled_fps !== undefined && row.temporal_positions) {
    check.close('frames a second', [taken.fps], [row.sampled_fps], 1e-12);
    const groups = Math.ceil(row.frames / 2);
    const all = absoluteTimes({ groups, times: { ...blankTimes(row.frames), fps: taken.fps } }, 2);
    check.equal('positions in time', all.slice(0, row.temporal_positions.length), row.temporal_positions);
    check.equal('the last position', all.at(-1), row.last_temporal_position);
  }
}

/** The text before each pair of frames. */
function timesOf(indices: readonly number[], fps: number): string[] {
  const groups = Math.ceil(indices.length / 2);
  const times = { ...blankTimes(indices.length), seconds: indices.map((index) => index / fps) };
  const lead = timedPairs({ groups, pictures: [], times });
  return [...lead.matchAll(/<[^|>]*>/g)].map(([text]) => text);
}

function placedRows(part: PositionRow['layout'][number]): PlacedRows[] {
  if (typeof part === 'number') return [{ rows: part }];
  const [count, height, width] = part.grid_thw;
  const [rows, columns] = [height / 2, width / 2];
  const one = (times: readonly number[]): PlacedRows => ({
    rows: times.length * rows * columns,
    picture: { times, rows, columns },
  });
  // What stands before and after each is not in the table.
  const marked = (shown: PlacedRows): PlacedRows[] => [{ rows: 1 }, shown, { rows: 1 }];
  if (part.text_before_each) return part.text_before_each.flatMap((text) => [{ rows: text }, ...marked(one([0]))]);
  const fps = 2 / (part.second_per_grid_ts ?? 2);
  return marked(one(absoluteTimes({ groups: count, times: { ...blankTimes(2 * count), fps } }, 2)));
}

/** The table counts tokens, of two by two patches. */
function verifyWindows(
  { grid_thw: [frames, rows, columns], window_index, cu_window_seqlens }: NonNullable<QwenTables['windows_112_14']>[0],
  check: Checker,
): void {
  const { order, starts } = windowsOf({ rows, columns }, WINDOW / PATCH, frames);
  check.equal('starts', [...starts], cu_window_seqlens);
  const tokenOf = (patch: number): number => {
    const [frame, place] = [Math.floor(patch / (rows * columns)), patch % (rows * columns)];
    const [row, column] = [Math.floor(place / columns / 2), Math.floor((place % columns) / 2)];
    return (frame * rows * columns) / 4 + (row * columns) / 2 + column;
  };
  for (const [i, start] of starts.subarray(0, -1).entries()) {
    const tokens = new Set(Array.from(order.subarray(start, starts[i + 1]), tokenOf));
    const wanted = window_index.slice(start / 4, starts[i + 1]! / 4);
    check.equal(`window ${i}`, [...tokens].sort(ascending), wanted.sort(ascending));
  }
}

function ascending(a: number, b: number): number {
  return a - b;
}

function leadOf({ total_frames: frames, video_fps: averageFps }: ExpandedRow): string {
  const wanted = { maxFrames: MOST_FRAMES, fps: FPS };
  const { indices, times } = sampleFrames({ sample: processorFrames, frames, averageFps, ...wanted });
  const groups = Math.ceil(indices.length / 2);
  return timedPairs({ groups, pictures: [], times: { ...blankTimes(indices.length), seconds: times } });
}

/** The conversation by our template, what is shown in the words of `shown`. */
function rendered({ messages }: ChatRow, template: string, shown: (type: string) => string): string {
  const said = messages.map(({ role, content }): Message => {
    const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    return { role, content: parts.map(({ type, text }) => text ?? shown(type)).join('') };
  });
  return new ChatTemplate('template', template).render(said);
}
