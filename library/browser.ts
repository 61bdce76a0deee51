/** `loadModel` in a page. */
import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import { type UrlFilesOptions, urlFiles } from '../checkpoint/web-source.ts';
import { openRuntime } from '../engine/browser-adapter.ts';
import { InputError } from '../engine/errors.ts';
import type { VideoSource } from '../media/address.ts';
import type { BrowserVideoOptions } from '../media/browser-video.ts';
import type { Video } from '../media/video.ts';
import type { VideoModel } from '../models/video-model.ts';
import catalogue from '../weights.config.json' with { type: 'json' };
import { type FoundModel, loadFrom, readerOf } from './load-model.ts';
import { HUB_ID, type NamedModel, UNNAMED, type WeightsConfig } from './named-model.ts';
import type { NodeLoadModelOptions as BrowserLoadModelOptions } from './node.ts';
import { pastedName } from './pasted.ts';

export type { BrowserLoadModelOptions };

/**
 * Opens a video and reads where its frames are; decodes them only where they must be to be counted. WebCodecs decodes: pixels
 * differ from FFmpeg's by little.
 * What reads videos is loaded when the first one is opened: it is half of the library.
 *
 * @param source - A file of an `<input>`, an address whose server allows it (CORS), or the bytes of a video.
 * @throws VideoError if there is no such video, or the browser has no decoder for it.
 */
export async function openVideo(source: VideoSource, options: BrowserVideoOptions = {}): Promise<Video> {
  const { openVideo: open } = await import('../media/browser-video.ts');
  return open(source, options);
}

const reader = readerOf(openVideo);

/**
 * Loads a model and sets FrameFusion: what `ff-run` does, with the same defaults.
 *
 * @param source - A name of weights.config.json or a Hugging Face id, whose files come from the hub; the address of a
 *   folder with a checkpoint; or files.
 * @throws InputError if a setting is outside what is allowed or there is no such model; WeightsError if it cannot be had,
 *   or is damaged; DeviceError if there is no adapter; the signal's reason.
 */
export async function loadModel(
  source: string | CheckpointFiles,
  options: BrowserLoadModelOptions = {},
): Promise<VideoModel> {
  return loadFrom(source, options, {
    openRuntime,
    reader,
    sources: 'a name, an id, an address',
    find: (name) => meant(name),
  });
}

/**
 * What a name means where there are no folders.
 *
 * @param options - How its server is asked.
 * @throws InputError if it means nothing here.
 */
export function meant(pasted: string, options: UrlFilesOptions = {}): FoundModel<CheckpointFiles> {
  const { models } = catalogue as WeightsConfig;
  const source = pastedName(pasted);
  const [, id, revision = 'main'] = HUB_ID.exec(source) ?? [];
  const named = Object.hasOwn(models, id ?? source) ? models[id ?? source] : undefined;
  if (/^(https?|blob):/.test(source))
    return { named: { ...settingsOfCopy(source), name: source }, files: () => urlFiles(source, options) };
  const repository = named?.repository ?? id;
  if (repository === undefined)
    throw new InputError(
      `loadModel: ${source} is none that a page can find. Give an address, or a Hugging Face id: owner/name.`,
    );
  const address = `https://huggingface.co/${repository}/resolve/${named?.revision ?? revision}`;
  return { named: { ...(named ?? UNNAMED), name: source }, files: () => urlFiles(address, options) };
}

/** A copy of a model that is shipped, served from an address, is run as the model that it is. */
function settingsOfCopy(address: string): NamedModel {
  const { models } = catalogue as WeightsConfig;
  const path = address.replace(/\/+$/, '');
  return Object.values(models).find(({ folder }) => folder !== undefined && path.endsWith(`/${folder}`)) ?? UNNAMED;
}
