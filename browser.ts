/** The library in a browser: the names of index.ts. What needs files or programs says in one line what to use instead. */
import { InputError } from './engine/errors.ts';
import type * as node from './index.ts';
import type * as web from './media/browser-video.ts';

export { openRuntime } from './engine/browser-adapter.ts';
export type { AdapterChoice, DownloadOptions, NodeRuntimeOptions } from './index.ts';
export * from './library.ts';
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

/** As `openVideo` of media/browser-video.ts, which is loaded when the first video is opened: it is half of the library. */
export const openVideo: typeof web.openVideo = async (...video) => {
  const { openVideo: open } = await import('./media/browser-video.ts');
  return open(...video);
};
