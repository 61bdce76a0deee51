/** `loadModel` in Node. */

import { folderFiles } from '../checkpoint/file-source.ts';
import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import { urlFiles } from '../checkpoint/web-source.ts';
import { type AdapterChoice, openRuntime } from '../engine/node-adapter.ts';
import { findModel } from '../hub/download.ts';
import { openVideo } from '../media/open-video.ts';
import { specOf } from '../models/registry.ts';
import type { VideoModel } from '../models/video-model.ts';
import { chooseModel, type ModelChoice } from './catalogue.ts';
import { type FoundModel, type LoadModelOptions, loadFrom, readerOf } from './load-model.ts';

/** How to load a model in Node. */
export interface NodeLoadModelOptions extends LoadModelOptions {
  /** Which adapter a runtime of its own takes; default `auto`. */
  readonly adapter?: AdapterChoice | undefined;
}

const reader = readerOf(openVideo);

/**
 * Loads a model, downloads it first if need be, and sets FrameFusion: what `ff-run` does, with the same defaults.
 *
 * @param source - A name of weights.config.json, a folder, a Hugging Face id (`owner/name[@revision]`), the address of a
 *   folder on the web, or files.
 * @throws InputError if a setting is outside what is allowed or there is no such model; WeightsError if it cannot be had,
 *   or is damaged; DeviceError if there is no adapter; the signal's reason.
 */
export async function loadModel(
  source: string | CheckpointFiles,
  options: NodeLoadModelOptions = {},
): Promise<VideoModel> {
  const find = (name: string): FoundModel => {
    const named = chooseModel(name);
    return { named, files: () => filesOf(named, options) };
  };
  return loadFrom(source, options, {
    openRuntime: () => openRuntime(options.adapter && { adapter: options.adapter }),
    reader,
    sources: 'a name, a folder, an id, an address',
    find,
  });
}

/** The files of a model, downloaded if need be: its configs first, as they may say that it cannot be run. */
async function filesOf(choice: ModelChoice, options: NodeLoadModelOptions): Promise<CheckpointFiles> {
  const { name, folder, address, repository = name, revision } = choice;
  const { progress, signal, families } = options;
  if (folder !== undefined) return folderFiles(folder);
  if (address !== undefined) return urlFiles(address, signal && { signal });
  const found = await findModel(repository, {
    revision,
    signal,
    progress: ({ done, of }) => progress?.({ stage: 'download', done, of }),
  });
  await specOf(found.files, families);
  return folderFiles(await found.download());
}
