/**
 * FrameFusion on WebGPU: the library, in Node. README.md has three lines that use it. Bundlers for a browser take browser.ts
 * instead, which has the same names.
 *
 * @module framefusion-webgpu
 */
export { folderFiles } from './checkpoint/file-source.ts';
export { type AdapterChoice, type NodeRuntimeOptions, openRuntime } from './engine/node-adapter.ts';
export {
  type DownloadOptions,
  type DownloadProgress,
  downloadModel,
  type FileProgress,
  type HubTiming,
} from './hub/download.ts';
export { loadModel, type NodeLoadModelOptions } from './library/node.ts';
export * from './library.ts';
export { type OpenVideoOptions, openVideo } from './media/open-video.ts';
export { openPicture } from './media/picture.ts';
