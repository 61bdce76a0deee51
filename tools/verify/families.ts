import { join } from 'node:path';
import { folderFiles } from '../../checkpoint/file-source.ts';
import type { Recorder } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { promptOf } from '../../models/model-parts.ts';
import { VIDEO_ID } from '../../models/prompt.ts';
import type { Prompt } from '../../models/reduction.ts';
import { architectures, loadCheckpoint } from '../../models/registry.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { type CaseResult, exact, Golden, type Precision, readJson } from './check.ts';
import { verifyFamilyPreprocess } from './family-preprocess.ts';
import { dtypes, verifyModel } from './pipeline.ts';
import { type Slot, showGolden } from './visuals.ts';

/** `index.json` of one model; without `model`, of a family's pictures. */
interface Index {
  family: string;
  model?: string;
  prompts: string[];
  /** Folders that hold the same weights in other layouts. */
  same_weights_in?: string[];
}

/** `index.json` of one prompt. */
interface Variants {
  variants: string[];
  /** More of them, in which text between the frames is no candidate of pruning; these may stand among the others, too. */
  separators_keep?: string[];
}

/** What of a `config.json` is read. */
interface Config {
  architectures: string[];
  image_token_id?: number;
  video_token_id?: number;
}

/** `input.json` of one prompt; which ids stand for the video has another key in every family. */
interface Input {
  new_tokens: number;
  image_token_id?: number;
  video_token_id?: number;
  video_token_id_hf?: number;
  img_context_token_id?: number;
  unk_token_id?: number;
  slot_sizes?: Slot[];
  media_token_ids?: { image: number; video: number };
  /** Rows of text, and what is shown between them. */
  layout?: (number | { kind: string; sampled_fps?: number })[];
}

/** The README's own limit in f32 for the logits of a model whose values are large. */
const LOGITS: Readonly<Record<string, number>> = { tiny_tied_grid7: 1e-3 };

function precisionOf(name: string, precision: Precision): Precision {
  const limit = LOGITS[name];
  return precision.computeDtype === 'f32' && limit ? { ...precision, hidden: () => limit } : precision;
}

/**
 * Every prompt and variant of one model of a family, for each layout of its weights; or a family's pictures. Gives undefined
 * for what is not built.
 */
export async function* verifyFamily(
  folder: string,
  runtime: Runtime,
  precision = exact,
): AsyncGenerator<CaseResult | undefined> {
  const { family, model: name, prompts, same_weights_in } = await readJson<Index>(folder, 'index.json');
  if (name === undefined) return yield* verifyFamilyPreprocess(folder);
  for (const layout of same_weights_in ?? ['.']) {
    const checkpoint = join(folder, layout);
    const config = await readJson<Config>(checkpoint, 'config.json');
    if (!config.architectures.some((one) => architectures.includes(one))) {
      yield undefined;
      continue;
    }
    using model = await loadCheckpoint(folderFiles(checkpoint), runtime, { dtype: dtypes[precision.computeDtype] });
    const heading = layout === '.' ? name : `${name}/${layout}`;
    for (const prompt of prompts)
      yield* verifyOne(
        { heading: `${family}/${heading}/${prompt}`, folder: join(folder, prompt), layout, config },
        model,
        precisionOf(name, precision),
      );
  }
}

async function* verifyOne(
  { heading, folder, layout, config }: { heading: string; folder: string; layout: string; config: Config },
  model: VideoModel,
  precision: Precision,
): AsyncGenerator<CaseResult | undefined> {
  const { variants, separators_keep: keep = [] } = await readJson<Variants>(folder, 'index.json');
  const input = await readJson<Input>(folder, 'input.json');
  const golden = await Golden.open(join(folder, 'input.safetensors'));
  const ids = idsOf(golden, { ...config, ...input }, layout);
  if (!ids.includes(VIDEO_ID)) return yield undefined;
  const shown = input.layout?.find((part) => typeof part === 'object' && part.kind === 'video');
  using seen = await showGolden(model, golden, {
    kind: /\bimages?$/.test(folder) ? 'pictures' : 'video',
    slots: input.slot_sizes,
    fps: (shown as Exclude<typeof shown, number>)?.sampled_fps,
  });
  const prompt = (rec: Recorder): Prompt => promptOf(model.parts, rec, ids, seen);
  // What the reference does with text between frames, or what is the default here.
  const all = [...variants, ...keep].map((variant) => ({
    variant,
    options: { separators: variant.endsWith('_keep') ? 'keep' : 'prune' } as const,
  }));
  yield* verifyModel(heading, { folder, model, golden, prompt, newTokens: input.new_tokens, precision }, all);
}

/** The ids, with each run of those that stand for a video or a picture as one `VIDEO_ID`; NVILA has one for each. */
function idsOf(golden: Golden, input: Input, layout: string): number[] {
  const other = `input_ids_${layout.replace('llava_', '')}`;
  const ids = golden.integers(golden.has(other) ? other : 'input_ids');
  const pads = [
    VIDEO_ID,
    golden.has(other) ? input.video_token_id_hf : undefined,
    input.video_token_id,
    input.img_context_token_id,
    input.unk_token_id,
    input.media_token_ids?.video,
    input.media_token_ids?.image,
    input.image_token_id,
  ];
  return input.media_token_ids ? ids.map((id) => (pads.includes(id) ? VIDEO_ID : id)) : promptIds(ids, pads);
}

/** Ids with each run of those that stand for something shown as one `VIDEO_ID`. */
export function promptIds(ids: readonly number[], pads: readonly (number | undefined)[]): number[] {
  const marked = ids.map((id) => (pads.includes(id) ? VIDEO_ID : id));
  return marked.filter((id, at) => id !== VIDEO_ID || marked[at - 1] !== VIDEO_ID);
}
