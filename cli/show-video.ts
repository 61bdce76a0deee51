import { cropPicture, type Picture } from '../media/crop-picture.ts';
import { type SampledVideo, sampleVideo } from '../media/sample-video.ts';
import type { Video } from '../media/video.ts';
import { stretched } from '../models/pictures.ts';
import type { EncodedPicture, EncodedVideo, VideoModel } from '../models/video-model.ts';
import type { NamedModel } from './models.ts';
import type { Console } from './progress.ts';

/** What a command line says about sampling; the model's own settings stand behind it. */
export interface SamplingArguments {
  readonly frames?: number;
  readonly fps?: number;
  readonly forceSample?: boolean;
  /** Seconds between which the video is looked at. */
  readonly start?: number;
  readonly end?: number;
}

/** A video as a model has seen it. */
export interface Shown {
  readonly sampled: SampledVideo;
  readonly encoded: EncodedVideo;
  readonly visionSeconds: number;
}

/** Pictures as a model has seen them. */
export interface ShownPictures {
  readonly encoded: readonly EncodedPicture[];
  readonly resizeSeconds: number;
  readonly visionSeconds: number;
}

/** Cuts pictures as a model wants them and runs the vision tower on them. @throws InputError if it takes none. */
export async function showPictures(
  pictures: readonly Picture[],
  model: VideoModel,
  console_: Console,
): Promise<ShownPictures> {
  const encoded: EncodedPicture[] = [];
  let resizeMs = 0;
  const started = performance.now();
  for (const picture of pictures) {
    console_.progress('looking at the picture', encoded.length + 1, pictures.length);
    const before = performance.now();
    const parts = cropPicture(picture, model.pictureFormat?.(picture) ?? [stretched(picture)]);
    resizeMs += performance.now() - before;
    encoded.push(await model.encodePicture(parts));
  }
  const resizeSeconds = resizeMs / 1000;
  return { encoded, resizeSeconds, visionSeconds: (performance.now() - started) / 1000 - resizeSeconds };
}

/** Samples a video and runs the vision tower on it. */
export async function showVideo(
  { video, model, choice }: { readonly video: Video; readonly model: VideoModel; readonly choice: NamedModel },
  args: SamplingArguments,
  console_: Console,
): Promise<Shown> {
  const { forceSample, fps: ownFps, ...format } = model.frameFormat;
  const fps = args.fps ?? choice.fps ?? ownFps;
  const sampled = await sampleVideo(video, {
    ...format,
    maxFrames: args.frames ?? choice.frames,
    // A rate that was asked for is not overruled by what the model prefers.
    forceSample: args.forceSample || (args.fps === undefined && (choice.forceSample ?? forceSample)),
    ...(fps !== undefined && { fps }),
    ...(args.start !== undefined && { start: args.start }),
    ...(args.end !== undefined && { end: args.end }),
    progress: (done, of) => console_.progress('decoding the video, frame', done, of),
  });
  for (const warning of video.warnings) console_.warn(warning);
  const started = performance.now();
  const encoded = await model.encode(sampled, (done, of) => console_.progress('looking at the video, frame', done, of));
  return { sampled, encoded, visionSeconds: (performance.now() - started) / 1000 };
}
