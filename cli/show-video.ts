import { foreignVideoNote } from '../library/embedded-model.ts';
import { cropPicture, type Picture } from '../media/crop-picture.ts';
import { openVideo } from '../media/open-video.ts';
import { type SampledVideo, sampleVideo } from '../media/sample-video.ts';
import type { Video } from '../media/video.ts';
import { samplingOf } from '../models/defaults.ts';
import type { EncodeOptions } from '../models/encoding.ts';
import type { EncodedPicture, EncodedVideo, SamplingWishes } from '../models/inputs.ts';
import { stretched } from '../models/pictures.ts';
import type { VideoModel } from '../models/video-model.ts';
import type { Log } from './log.ts';

/** How a video is shown. */
export type Showing = SamplingWishes & Pick<EncodeOptions, 'skipStill' | 'piece'>;

/** A video as a model was shown it. */
export interface Shown {
  readonly sampled: SampledVideo;
  readonly encoded: EncodedVideo;
  readonly visionSeconds: number;
}

/** Pictures as a model was shown them. */
export interface ShownPictures {
  readonly encoded: readonly EncodedPicture[];
  readonly resizeSeconds: number;
  readonly visionSeconds: number;
}

/** Cuts pictures as a model wants them and runs the vision tower on them. @throws InputError if it takes none. */
export async function showPictures(pictures: readonly Picture[], model: VideoModel, log: Log): Promise<ShownPictures> {
  const encoded: EncodedPicture[] = [];
  let resizeMs = 0;
  const started = performance.now();
  for (const picture of pictures) {
    log.progress('encoding the pictures', encoded.length + 1, pictures.length);
    const before = performance.now();
    const parts = cropPicture(picture, model.pictureFormat?.(picture) ?? [stretched(picture)]);
    resizeMs += performance.now() - before;
    encoded.push(await model.encodePicture(parts));
  }
  const resizeSeconds = resizeMs / 1000;
  return { encoded, resizeSeconds, visionSeconds: (performance.now() - started) / 1000 - resizeSeconds };
}

/**
 * As {@link showVideo}, of a file, which is closed again; with a note if the model has never seen its like.
 *
 * @param named - What the catalogue calls the model.
 * @throws VideoError, InputError if the video is to blame.
 */
export async function showFile(
  path: string,
  { model, named }: { readonly model: VideoModel; readonly named: string },
  wishes: Showing,
  log: Log,
): Promise<Shown> {
  const video = await openVideo(path);
  try {
    const note = foreignVideoNote(named, video.info);
    if (note !== undefined) log.noteOnce(`${log.tool}: ${note}`);
    return await showVideo({ video, model }, wishes, log);
  } finally {
    await video.close();
  }
}

/** Samples a video and runs the vision tower on it. */
export async function showVideo(
  { video, model }: { readonly video: Video; readonly model: VideoModel },
  wishes: Showing,
  log: Log,
): Promise<Shown> {
  const sampled = await sampleVideo(video, {
    ...samplingOf(model, wishes),
    progress: (done, of) => log.progress('decoding the video', done, of),
  });
  for (const warning of video.warnings) log.warn(warning);
  const started = performance.now();
  const { skipStill, piece } = wishes;
  const encoded = await model.encode(sampled, {
    skipStill,
    piece,
    progress: (done, of) => log.progress('vision encoding', done, of),
  });
  return { sampled, encoded, visionSeconds: (performance.now() - started) / 1000 };
}
