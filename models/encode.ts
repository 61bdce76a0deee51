import type { DeviceContext } from '../engine/device-context.ts';
import { AdapterLimitError } from '../engine/errors.ts';
import type { Size } from '../engine/geometry.ts';
import type { Recorder } from '../engine/recorder.ts';
import { Runtime } from '../engine/runtime.ts';
import type { Tensor } from '../engine/tensor.ts';
import { virtualAdapter } from '../engine/virtual-adapter.ts';
import { tokensIn, type VideoEncoder } from './family.ts';
import { SalienceCollector } from './salience.ts';
import type { SalienceWatch } from './tower/tower.ts';

/** Most frames that go through the vision tower together: bounds its activations, whatever the length of the video. */
const FRAMES_AT_ONCE = 8;

/** Pictures of a frame that follow one another and have one size. */
export interface Run extends Size {
  readonly first: number;
  readonly count: number;
}

/**
 * Normalised pixels of a run of pictures in some frames, asked for a few frames at a time: all frames of the first picture, then
 * of the next, `[count * frames, 3, height, width]`, f32.
 */
export type Pixels = (rec: Recorder, frames: readonly number[], run: Run) => Tensor;

/** Frames to be encoded. */
export interface FramesToEncode {
  readonly frames: number;
  /** Those of every frame. */
  readonly pictures: readonly Size[];
  /** Width of the tokens. */
  readonly width: number;
  readonly pixels: Pixels;
  /** For each group the earlier one whose tokens it has, or itself; default: each is encoded. */
  readonly standsFor?: Uint32Array | undefined;
  readonly progress?: ((done: number, of: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether the attention that each token gets in the tower is wanted, too, and from whom. */
  readonly salience?: SalienceWatch['how'] | undefined;
}

/** Groups of a video; the last frame stands in for those that the last group lacks. */
export function groupsOf(frames: number, { framesPerGroup }: VideoEncoder): number {
  return Math.ceil(frames / framesPerGroup);
}

/** Tokens of a group: those of all pictures of a frame, one picture after the other. */
export function tokensPerGroup(encoder: VideoEncoder, pictures: readonly Size[]): number {
  return pictures.reduce((sum, picture) => sum + tokensIn(encoder.tokenGrid(picture)), 0);
}

/** Tokens and the planes that come with them, each `[rows, width]`, f32: all of them in the tokens' buffer. */
export interface VisualRows {
  readonly tokens: Tensor;
  readonly planes?: readonly Tensor[];
  /** For each row, if it was asked for; 0 for newlines and what else has no place in a frame. */
  readonly salience?: Float32Array;
}

/** The tokens and planes that lie one after the other in a matrix. */
export function visualRows(all: Tensor, planes: number): VisualRows {
  if (planes === 0) return { tokens: all };
  const rows = all.shape2()[0] / (1 + planes);
  const [tokens, ...rest] = Array.from({ length: 1 + planes }, (_, i) => all.rows(i * rows, rows));
  return { tokens: tokens!, planes: rest };
}

/**
 * Turns frames into tokens, a few at a time.
 *
 * @returns The caller owns their buffer and gives it back by `pool.release`.
 * @throws InputError if salience is asked of an encoder whose tokens have no place in the frame.
 */
export async function encodeFrames(
  runtime: Runtime,
  encoder: VideoEncoder,
  video: FramesToEncode,
): Promise<VisualRows> {
  const { finalToken, planes = 0 } = encoder;
  const collector = video.salience && new SalienceCollector(encoder, video.salience);
  const rec = runtime.recorder('vision');
  const rows = groupsOf(video.frames, encoder) * tokensPerGroup(encoder, video.pictures) + (finalToken ? 1 : 0);
  const all = rec.keep(rec.empty('visual tokens', [(1 + planes) * rows, video.width], 'f32'));
  const visual = visualRows(all, planes);
  try {
    await encodeInto(rec, visual, encoder, video, collector);
    if (finalToken) rec.copy(finalToken, visual.tokens.rows(rows - 1, 1));
    rec.submit();
    await runtime.settled();
    await rec.check();
    return { ...visual, ...(collector && { salience: await collector.read(rec, rows) }) };
  } catch (error) {
    collector?.discard(rec);
    rec.adopt(all);
    throw error;
  } finally {
    rec.finish();
    // The decoder's buffers have other sizes: what the tower used would only lie beside them.
    runtime.pool.trim();
  }
}

async function encodeInto(
  rec: Recorder,
  { tokens, planes = [] }: VisualRows,
  encoder: VideoEncoder,
  video: FramesToEncode,
  collector: SalienceCollector | undefined,
): Promise<void> {
  const into = [tokens, ...planes];
  const { framesPerGroup: each } = encoder;
  const { frames, pictures, progress, signal } = video;
  const perGroup = tokensPerGroup(encoder, pictures);
  const standing = standingFor(video, groupsOf(frames, encoder));
  const encoded = [...standing.keys()];
  const atOnce = await groupsAtOnce(rec.runtime, encoder, pictures);
  for (let done = 0; done < encoded.length; done += atOnce) {
    signal?.throwIfAborted();
    const groups = encoded.slice(done, done + atOnce);
    // The last frame stands in for those that the last group lacks.
    const shown = groups.flatMap((group) =>
      Array.from({ length: each }, (_, i) => Math.min(group * each + i, frames - 1)),
    );
    let place = 0;
    for (const run of runsOf(pictures, Math.floor(atOnce / groups.length))) {
      const rows = tokensIn(encoder.tokenGrid(run));
      const starts = Array.from({ length: run.count * groups.length }, (_, i) => {
        const [picture, group] = [Math.floor(i / groups.length), groups[i % groups.length]!];
        return standing.get(group)!.map((one) => one * perGroup + place + picture * rows);
      });
      rec.scope('frames', () => {
        const made = encoder.forward(rec, video.pixels(rec, shown, run), collector?.watch({ size: run, starts }));
        for (const [plane, all] of into.entries())
          for (const [i, those] of starts.entries())
            for (const start of those) rec.copy(made[plane]!.rows(i * rows, rows), all.rows(start, rows));
      });
      place += run.count * rows;
    }
    rec.submit();
    if (progress) await rec.runtime.settled();
    progress?.(Math.min(frames, (encoded[done + atOnce] ?? groupsOf(frames, encoder)) * each), frames);
  }
}

/** The groups that are encoded, each with all that have its tokens. */
function standingFor({ standsFor }: FramesToEncode, groups: number): Map<number, number[]> {
  const standing = new Map<number, number[]>();
  for (let group = 0; group < groups; group++) {
    const of = standsFor?.[group] ?? group;
    const those = standing.get(of);
    if (those) those.push(group);
    else standing.set(of, [group]);
  }
  return standing;
}

/**
 * Groups that go through an encoder together: as many as the adapter can bind the widest activation of, which is found by
 * writing the work down for a virtual one. Where it cannot even bind one group's, the real work says so.
 */
async function groupsAtOnce(runtime: DeviceContext, encoder: VideoEncoder, pictures: readonly Size[]): Promise<number> {
  const virtual = await Runtime.open(virtualAdapter(runtime));
  let groups = Math.max(1, Math.floor(FRAMES_AT_ONCE / encoder.framesPerGroup));
  while (groups > 1 && !runsOf(pictures, pictures.length).every((size) => fits(virtual, encoder, size, groups)))
    groups = Math.floor(groups / 2);
  virtual.close();
  return groups;
}

function fits(virtual: Runtime, encoder: VideoEncoder, { width, height }: Size, groups: number): boolean {
  const rec = virtual.recorder('vision');
  try {
    encoder.forward(rec, rec.empty('pixels', [groups * encoder.framesPerGroup, 3, height, width], 'f32'));
    return true;
  } catch (error) {
    if (error instanceof AdapterLimitError) return false;
    throw error;
  } finally {
    rec.finish();
  }
}

/** @param most - Pictures in a run. */
function runsOf(pictures: readonly Size[], most: number): Run[] {
  const runs: Run[] = [];
  for (const [first, { width, height }] of pictures.entries()) {
    const last = runs.at(-1);
    if (last && last.width === width && last.height === height && last.count < most)
      runs[runs.length - 1] = { ...last, count: last.count + 1 };
    else runs.push({ width, height, first, count: 1 });
  }
  return runs;
}
