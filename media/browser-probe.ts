/** What a video is, as far as a browser can tell. `probe.ts` is the same for Node. */
import { EncodedPacketSink, type InputVideoTrack, VideoSampleSink } from 'mediabunny';
import type { Size } from '../engine/geometry.ts';
import { VideoError } from './errors.ts';
import { noFrames } from './probe-errors.ts';
import { coincide, endsEarly, isRegular, timingOf } from './timing.ts';
import type { VideoInfo } from './video.ts';

/** What is known of a track. */
export interface TrackProbe {
  readonly info: VideoInfo;
  /** When each frame is shown, in the file's own time; undefined where frames must be taken in order. */
  readonly seekTimes: readonly number[] | undefined;
  /** Whether the file does not say what its colours mean. */
  readonly untagged: boolean;
  readonly warnings: ReadonlyMap<string, string>;
  /** The same video with so many frames. */
  recount(frames: number): VideoInfo;
}

/** FFmpeg's names, which reports have, for codecs that Mediabunny calls otherwise. */
const codecNames: Readonly<Record<string, string>> = { avc: 'h264' };

/** Containers whose index leads to every frame. Elsewhere frames are taken in order. */
const SEEKABLE = ['MP4', 'QuickTime File Format'];

interface Packets {
  /** Whether it begins with a key frame. */
  readonly beginsWhole: boolean;
  /** When those that are shown are, ascending, in seconds. */
  readonly shown: readonly number[];
  /** When the last one ends. */
  readonly end: number;
}

/** Reads what there is to know. Frames are counted by decoding them where a packet may not be one. */
export async function probeTrack(track: InputVideoTrack, container: string, name: string): Promise<TrackProbe> {
  const packets = await packetsOf(track, name);
  const warnings = new Map<string, string>();
  const seekable = SEEKABLE.includes(container);
  const whole = await hasLastPacket(track, packets.shown);
  const plain = packets.beginsWhole && whole && !coincide(packets.shown) && container !== 'MPEG Transport Stream';
  const counted = plain ? undefined : await countFrames(track, seekable, name);
  const frames = counted?.frames ?? packets.shown.length;
  if (!whole) warnings.set('cut', `the file is cut off: ${frames} of its ${packets.shown.length} frames are there.`);
  else await checkDuration(track, packets, warnings);

  const size = counted?.size ?? (await sizeOf(track));
  const codec = (await track.getCodec()) ?? 'unknown';
  const recount = (now: number): VideoInfo => ({
    ...size,
    ...timed(now, packets, { seekable, whole }),
    codec: codecNames[codec] ?? codec,
  });
  const untagged = await isUntagged(track, codec);
  return {
    info: recount(frames),
    seekTimes: seekable && plain ? packets.shown : undefined,
    untagged,
    warnings,
    recount,
  };
}

async function packetsOf(track: InputVideoTrack, name: string): Promise<Packets> {
  const shown: number[] = [];
  let began = false;
  let beginsWhole = true;
  let end = 0;
  for await (const packet of new EncodedPacketSink(track).packets(undefined, undefined, { metadataOnly: true })) {
    began ||= packet.type === 'key';
    beginsWhole &&= began;
    // Nothing decodes before the first key frame; what an edit list hides is shown before 0.
    if (!began || packet.timestamp < 0) continue;
    shown.push(packet.timestamp);
    end = Math.max(end, packet.timestamp + packet.duration);
  }
  if (shown.length === 0) throw noFrames(name);
  return { beginsWhole, shown: shown.sort((a, b) => a - b), end };
}

/** Whether neither the container nor the stream says what its colours mean; of AV1 that is not known. */
async function isUntagged(track: InputVideoTrack, codec: string): Promise<boolean> {
  if ((await track.getColorSpace()).matrix || codec === 'av1') return false;
  if (codec !== 'vp9') return true;
  // Mediabunny does not look into VP9: color_space follows 8 bits and the sync code where the profile is 0 (section 6.2).
  const data = (await new EncodedPacketSink(track).getFirstPacket())?.data;
  return data !== undefined && ((data[0] ?? 0) & 0x30) === 0 && (data[4] ?? 0) >> 5 === 0;
}

/** Whether the file goes on to where its index says that the last packet is. */
async function hasLastPacket(track: InputVideoTrack, shown: readonly number[]): Promise<boolean> {
  const packet = await new EncodedPacketSink(track).getPacket(shown.at(-1)!).catch(() => null);
  return packet !== null && packet.data.length > 0;
}

/** Warns if the file ends before its video does. Sound may go on where the pictures end: all that is there counts. */
async function checkDuration(track: InputVideoTrack, { end }: Packets, warnings: Map<string, string>): Promise<void> {
  const promised = await track.getDurationFromMetadata({ skipLiveWait: true });
  if (promised === null || !endsEarly(end, promised)) return;
  const there = await track.input.computeDuration(undefined, { skipLiveWait: true });
  if (endsEarly(there, promised))
    warnings.set('cut', `the file is cut off: ${there.toFixed(1)} of its ${promised.toFixed(1)} seconds are there.`);
}

function timed(
  frames: number,
  { shown, end }: Packets,
  { seekable, whole }: { readonly seekable: boolean; readonly whole: boolean },
): Omit<VideoInfo, 'width' | 'height' | 'codec'> {
  const span = end - shown[0]!;
  // Of a file that is cut off, the index knows the rate of all frames.
  const fps = span > 0 ? (whole ? frames : shown.length) / span : undefined;
  const regular = seekable || (fps !== undefined && isRegular(shown, fps));
  const timing = timingOf(frames, frames === shown.length && !regular ? shown : undefined, {
    fps: regular || frames !== shown.length ? fps : undefined,
    duration: span > 0 ? span : undefined,
    leaps: false,
  });
  return { ...timing, frames, durationSeconds: frames / timing.averageFps };
}

/** As displayed, without regard to the shape of pixels. */
async function sizeOf(track: InputVideoTrack): Promise<Size> {
  const [width, height] = [await track.getCodedWidth(), await track.getCodedHeight()];
  return (await track.getRotation()) % 180 === 0 ? { width, height } : { width: height, height: width };
}

/** Decodes all of a track. */
async function countFrames(track: InputVideoTrack, seekable: boolean, name: string) {
  let frames = 0;
  let size: Size | undefined;
  try {
    for await (const sample of new VideoSampleSink(track).samples()) {
      if (!seekable || sample.timestamp >= 0) frames++;
      const { width, height } = sample.visibleRect;
      size ??= sample.rotation % 180 === 0 ? { width, height } : { width: height, height: width };
      sample.close();
    }
  } catch (cause) {
    throw stopped(name, frames, cause);
  }
  if (!size || frames === 0) throw noFrames(name);
  return { frames, size };
}

/** The error of a decoder that does not go on. */
export function stopped(name: string, frames: number, cause: unknown): VideoError {
  const why = `this browser stops decoding after ${frames} frames (${(cause as Error).message.replace(/\.$/, '')})`;
  return new VideoError(name, `${why}: the file is damaged there. Convert it, or use FFmpeg in Node.`, { cause });
}
