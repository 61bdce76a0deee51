/**
 * The library in a browser: the names of index.ts. What needs files or programs says in one line what to use instead.
 *
 * @module framefusion-webgpu (browser)
 */
import { InputError } from './engine/errors.ts';
import type * as node from './index.ts';

export { openRuntime } from './engine/browser-adapter.ts';
export type {
  AdapterChoice,
  DownloadOptions,
  DownloadProgress,
  FileProgress,
  HubTiming,
  NodeRuntimeOptions,
} from './index.ts';
export { type BrowserLoadModelOptions as NodeLoadModelOptions, loadModel, openVideo } from './library/browser.ts';
export * from './library.ts';
export { openPicture } from './media/browser-picture.ts';
export type { BrowserVideoOptions as OpenVideoOptions } from './media/browser-video.ts';

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
