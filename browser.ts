/**
 * The library in a browser: the names of index.ts. What needs files or programs says in one line what to use instead.
 *
 * @module framefusion-webgpu (browser)
 */
import { InputError } from './engine/errors.ts';
import type * as node from './index.ts';
import type { BrowserVideoOptions as OpenVideoOptions } from './media/browser-video.ts';
import type { Video } from './media/video.ts';

export { openRuntime } from './engine/browser-adapter.ts';
export type {
  AdapterChoice,
  DownloadOptions,
  DownloadProgress,
  FileProgress,
  HubTiming,
  NodeRuntimeOptions,
} from './index.ts';
export { type BrowserLoadModelOptions as NodeLoadModelOptions, loadModel } from './library/browser.ts';
export * from './library.ts';
export { openPicture } from './media/browser-picture.ts';
export type { OpenVideoOptions };

/** Not in a browser. @throws InputError always. */
export const folderFiles: typeof node.folderFiles = () => {
  throw new InputError(
    'folderFiles: a browser has no folders. Use urlFiles(address), or blobFiles(files) of an input.',
  );
};

/** Not in a browser. @throws InputError always. */
export const downloadModel: typeof node.downloadModel = async () => {
  throw new InputError(
    'downloadModel: a browser has no cache of models. Use urlFiles("https://huggingface.co/<id>/resolve/main").',
  );
};

/**
 * Opens a video and reads where its frames are; decodes them only where they must be to be counted. WebCodecs decodes: pixels
 * differ from FFmpeg's by little.
 * What reads videos is loaded when the first one is opened: it is half of the library.
 *
 * @param source - A file of an `<input>`, an address whose server allows it (CORS), or the bytes of a video.
 * @throws VideoError if there is no such video, or the browser has no decoder for it.
 */
export async function openVideo(
  source: Blob | Uint8Array | URL | string,
  options: OpenVideoOptions = {},
): Promise<Video> {
  const { openVideo: open } = await import('./media/browser-video.ts');
  return open(source, options);
}
