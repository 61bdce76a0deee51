/**
 * Safetensors checkpoints, from files, chosen blobs or HTTP ranges. Needs no platform.
 *
 * @module framefusion-webgpu/checkpoint
 */
export {
  type ByteRange,
  type ByteSource,
  Checkpoint,
  type CheckpointFiles,
  SafetensorsFile,
  type StoredDtype,
  type StoredTensor,
  type TensorInfo,
} from './safetensors.ts';
export { blobFiles, type ChosenFile, type UrlFilesOptions, urlFiles } from './web-source.ts';
