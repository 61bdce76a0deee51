/** The JSON of ffprobe, as far as it is read. All of it depends on the file. */
import type { Ffmpeg, RunOptions } from './ffmpeg.ts';

export interface ProbedFile {
  readonly format?: { readonly format_name?: string; readonly duration?: string };
  readonly streams?: readonly ProbedStream[];
  readonly packets?: readonly ProbedPacket[];
  readonly frames?: readonly Turnable[];
}

/** What may say that it is to be turned. */
export interface Turnable {
  readonly side_data_list?: readonly { readonly rotation?: number }[];
}

export interface ProbedStream extends Turnable {
  readonly index: number;
  readonly codec_type?: string;
  readonly codec_name?: string;
  readonly codec_tag_string?: string;
  readonly width?: number;
  readonly height?: number;
  readonly pix_fmt?: string;
  readonly field_order?: string;
  /** A fraction, `30000/1001`; `0/0` if unknown. */
  readonly avg_frame_rate?: string;
  readonly nb_frames?: string;
  /** In seconds, as all times. */
  readonly duration?: string;
  readonly disposition?: { readonly default?: number };
}

export interface ProbedPacket {
  readonly stream_index?: number;
  readonly pts_time?: string;
  readonly duration_time?: string;
  readonly flags?: string;
  readonly side_data_list?: readonly { readonly side_data_type?: string }[];
}

/** Runs ffprobe; what it says, as far as it came. */
export async function runProbe(ffmpeg: Ffmpeg, args: readonly string[], options: RunOptions): Promise<ProbedFile> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of ffmpeg.run('ffprobe', args, options)) text += decoder.decode(chunk, { stream: true });
  try {
    return JSON.parse(text) as ProbedFile;
  } catch {
    return {}; // It gave up half-way; the log says why.
  }
}
