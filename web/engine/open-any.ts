/** Any video: by the browser's own decoders, and where they have none by FFmpeg, which is loaded then. */
import { openVideo } from '../../browser.ts';
import { NoDecoderError } from '../../media/errors.ts';
import type { WebWorker } from '../../media/ffmpeg-web.ts';
import type { Video } from '../../media/video.ts';

const here = import.meta.url; // named, so that the bundler takes it for no file of its own
const FFMPEG = new URL('../assets/ffmpeg/', here).href;

/** @throws VideoError if neither reads it; the signal's reason. */
export async function openAny(
  source: Blob | string,
  how: { readonly name: string; readonly signal: AbortSignal },
): Promise<Video> {
  try {
    return await openVideo(source, how);
  } catch (error) {
    if (!(error instanceof NoDecoderError)) throw error;
    const { openFfmpegInPage } = await import('../../media/ffmpeg-web.ts');
    const bytes = typeof source === 'string' ? await (await fetch(source)).blob() : source;
    return openFfmpegInPage(bytes, how, {
      script: `${FFMPEG}ffmpeg-core.js`,
      wasm: `${FFMPEG}ffmpeg-core.wasm`,
      // Its handlers are typed by more than the messages that come.
      worker: () =>
        new Worker(new URL('../../media/ffmpeg-web-worker.ts', import.meta.url), {
          type: 'module',
        }) as unknown as WebWorker,
    });
  }
}
