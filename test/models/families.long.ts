import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { folderFiles } from '../../checkpoint/file-source.ts';
import type { CheckpointFiles } from '../../checkpoint/safetensors.ts';
import { InputError, WeightsError } from '../../engine/errors.ts';
import type { AdapterDescription } from '../../engine/virtual-adapter.ts';
import { FrameFusion } from '../../framefusion/framefusion.ts';
import { reducers } from '../../framefusion/reducers.ts';
import type { Configs } from '../../library/planned-files.ts';
import { plannedFiles, publishedConfigs } from '../../library/published.ts';
import { ConfigReader } from '../../models/config.ts';
import type { EncodeOptions } from '../../models/encoding.ts';
import { firstLogits } from '../../models/first-logits.ts';
import { promptOf } from '../../models/model-parts.ts';
import { nvilaConfig } from '../../models/nvila/config.ts';
import { stretched } from '../../models/pictures.ts';
import { planMemory } from '../../models/plan.ts';
import { VIDEO_ID } from '../../models/prompt.ts';
import { keep, type TokenReducer } from '../../models/reduction.ts';
import { loadCheckpoint, specOf } from '../../models/registry.ts';
import { rehearse } from '../../models/rehearsal.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { makeFamilyCheckpoint } from '../../tools/checkpoint/family.ts';
import { virtualFiles } from '../../tools/checkpoint/virtual.ts';
import { sharedRuntime } from '../helpers/device.ts';
import { rejection } from '../helpers/errors.ts';
import { changed, families } from '../helpers/families.ts';
import { folderOf } from '../helpers/files.ts';
import { framesFor, generated, SOURCE, tokensPerGroup, traced } from '../helpers/model.ts';

/** The configs alone, which nobody wrote. */
const filesOf = (configs: Configs): CheckpointFiles => virtualFiles('tiny', configs);

const bad: readonly [family: string, changes: Readonly<Record<string, unknown>>, message: string][] = [
  ['LLaVA-OneVision, llava-hf', { text_config: undefined }, 'text_config must be an object, it is missing'],
  ['LLaVA-OneVision, llava-hf', { vision_feature_layer: -3 }, 'vision_feature_layer must be -1 or -2, got -3'],
  ['LLaVA-OneVision, llava-hf', { vision_feature_select_strategy: 'default' }, 'must be "full"'],
  ['LLaVA-OneVision, llava-hf', { projector_hidden_act: 'relu' }, 'projector_hidden_act must be "gelu", got "relu"'],
  ['LLaVA-OneVision, llava-hf', { 'text_config.hidden_size': '64' }, 'text_config: hidden_size must be a positive'],
  [
    'LLaVA-NeXT-Video',
    { 'text_config.model_type': 'mistral' },
    'text_config: model_type must be "llama", got "mistral"',
  ],
  [
    'LLaVA-NeXT-Video',
    { 'text_config.rope_scaling': { type: 'yarn', factor: 2 } },
    'rope_scaling: type must be "linear"',
  ],
  ['LLaVA-NeXT-Video', { 'text_config.attention_bias': true }, 'attention_bias must be false, got true'],
  ['LLaVA-NeXT-Video', { 'vision_config.hidden_act': 'relu' }, 'hidden_act must be "quick_gelu" or "gelu", got "relu"'],
  ['LLaVA-NeXT-Video', { spatial_pool_mode: 'conv' }, 'spatial_pool_mode must be "average" or "max", got "conv"'],
  ['LLaVA-NeXT-Video', { vision_config: 3 }, 'vision_config must be an object, got 3'],
  [
    'InternVL2.5',
    { 'llm_config.model_type': 'qwen3_moe' },
    'llm_config: model_type must be "internlm2" or "qwen2" or "qwen3", got "qwen3_moe"',
  ],
  ['InternVL3', { 'llm_config.rope_scaling': { type: 'yarn', factor: 2 } }, 'rope_scaling: type must be "dynamic"'],
  ['InternVL3', { 'vision_config.use_moe': true }, 'vision_config: use_moe must be false, got true'],
  ['InternVL3.5', { 'llm_config.attention_bias': true }, 'llm_config: attention_bias must be false, got true'],
  ['InternVL3, hf', { vision_feature_layer: -2 }, 'vision_feature_layer must be -1, got -2'],
  ['InternVL3, hf', { 'vision_config.use_qk_norm': true }, 'vision_config: use_qk_norm must be false, got true'],
  ['InternVL3, hf', { 'vision_config.image_size': [32, 64] }, 'image_size must be a positive integer, or a pair of'],
  ['InternVL3, hf', { 'vision_config.image_size': [36, 36] }, 'image_size must be an even number of patches along a'],
  ['SmolVLM2', { scale_factor: 3 }, 'scale_factor must be a divisor of 8, the patches along a side, got 3'],
  ['SmolVLM2', { text_config: undefined }, 'text_config must be an object, it is missing'],
  ['SmolVLM2', { 'text_config.model_type': 'mistral' }, 'text_config: model_type must be "llama", got "mistral"'],
  ['SmolVLM2', { 'text_config.qk_layer_norms': true }, 'text_config: qk_layer_norms must be false, got true'],
  ['SmolVLM2', { 'text_config.use_resampler': true }, 'text_config: use_resampler must be false, got true'],
  ['SmolVLM2', { 'vision_config.hidden_act': 'relu' }, 'vision_config: hidden_act must be "gelu_pytorch_tanh"'],
  ['InternVL2.5', { 'llm_config.bias': true }, 'llm_config: bias must be false, got true'],
  ['InternVL2.5', { 'llm_config.rope_scaling': { type: 'linear' } }, 'rope_scaling: type must be "dynamic"'],
  ['InternVL2.5', { ps_version: 'v1' }, 'ps_version must be "v2", got "v1"'],
  ['InternVL2.5', { downsample_ratio: 0.25 }, 'downsample_ratio must be 0.5, got 0.25'],
  ['InternVL2.5', { force_image_size: 448 }, "force_image_size must be the vision tower's image_size, 32, got 448"],
  ['InternVL2.5', { 'vision_config.qk_normalization': true }, 'vision_config: qk_normalization must be false'],
  ['InternVL2.5', { 'vision_config.norm_type': 'rms_norm' }, 'vision_config: norm_type must be "layer_norm"'],
  ['MiniCPM-V 2.6', { version: 2.5 }, 'version must be 2.6, got 2.5'],
  ['MiniCPM-V 2.6', { version: undefined }, 'version must be 2.6, it is missing'],
  ['MiniCPM-V 2.6', { slice_mode: false }, 'slice_mode must be true, got false'],
  ['MiniCPM-V 2.6', { hidden_size: 192 }, 'hidden_size must be a multiple of 128, got 192'],
  ['MiniCPM-V 2.6', { query_num: 0 }, 'query_num must be a positive integer, got 0'],
  ['MiniCPM-V 2.6', { query_num: undefined }, 'query_num must be a positive integer, it is missing'],
  ['MiniCPM-V 2.6', { slice_config: undefined }, 'slice_config must be an object, it is missing'],
  [
    'MiniCPM-V 2.6',
    { 'slice_config.patch_size': 14 },
    'slice_config: patch_size must be that of vision_config, 4, got 14',
  ],
  ['MiniCPM-V 2.6', { 'vision_config.model_type': 'clip' }, 'vision_config: model_type must be "siglip" or'],
  ['MiniCPM-V 2.6', { 'vision_config.hidden_size': 30 }, 'vision_config: hidden_size must be a multiple of 4, got 30'],
  ['MiniCPM-V 2.6', { use_sliding_window: true }, 'use_sliding_window must be false, got true'],
  ['NVILA', { video_encoder: { _target_: 'llava.model.encoders.S2Encoder' } }, 'TSPVideoEncoder", got'],
  ['NVILA', { 'video_encoder.pool_sizes': [[8, 2, 2]] }, 'video_encoder: pool_sizes must be [[frames, 1, 1]]'],
  ['NVILA', { video_encoder: 'other' }, 'video_encoder must be an object, got "other"'],
  ['NVILA', { 'video_encoder.end_tokens': ' ' }, 'video_encoder: end_tokens must be'],
  ['NVILA', { dynamic_s2: true }, 'dynamic_s2 must be false, got true'],
  ['NVILA', { mm_vision_select_feature: 'patch' }, 'mm_vision_select_feature must be "cls_patch", got "patch"'],
  ['Qwen2-VL', { vision_config: undefined }, 'vision_config must be an object, it is missing'],
  ['Qwen2-VL', { rope_scaling: undefined }, 'rope_scaling must be an object, it is missing'],
  [
    'Qwen2-VL',
    { rope_scaling: { type: 'yarn', factor: 4 } },
    'rope_scaling: type must be "mrope" or "default", got "yarn"',
  ],
  ['Qwen2-VL', { 'rope_scaling.rope_type': 'linear' }, 'rope_scaling: rope_type must be "mrope" or "default"'],
  ['Qwen2-VL', { 'rope_scaling.mrope_section': [16, 24, 24] }, 'mrope_section must be three numbers that make 8, half'],
  ['Qwen2-VL', { 'rope_scaling.mrope_section': undefined }, 'mrope_section must be three numbers that make 8, half'],
  ['Qwen2-VL', { use_sliding_window: true }, 'use_sliding_window must be false, got true'],
  ['Qwen2-VL', { 'vision_config.hidden_size': 1536 }, "vision_config: hidden_size must be the decoder's, 64, got 1536"],
  ['Qwen2-VL', { 'vision_config.hidden_act': 'silu' }, 'hidden_act must be "quick_gelu", got "silu"'],
  [
    'Qwen2-VL',
    { 'vision_config.num_heads': 3 },
    'vision_config: num_heads must be such that a head of 32 has quarters',
  ],
  ['Qwen2-VL', { 'vision_config.in_chans': 4 }, 'vision_config: in_chans must be 3, got 4'],
  ['Qwen2.5-VL', { vision_config: undefined }, 'vision_config must be an object, it is missing'],
  ['Qwen2.5-VL', { rope_scaling: { rope_type: 'yarn', factor: 4 } }, 'rope_type must be "mrope" or "default", got'],
  ['Qwen2.5-VL', { 'vision_config.hidden_act': 'gelu' }, 'vision_config: hidden_act must be "silu", got "gelu"'],
  ['Qwen2.5-VL', { 'vision_config.out_hidden_size': 48 }, "out_hidden_size must be the decoder's, 64, got 48"],
  ['Qwen2.5-VL', { 'vision_config.window_size': 7 }, 'window_size must be at least 8, the side of a token, got 7'],
  ['Qwen2.5-VL', { 'vision_config.fullatt_block_indexes': [1, 3] }, 'fullatt_block_indexes must be layers from 0 to 2'],
  ['Qwen2.5-VL', { 'vision_config.tokens_per_second': 0 }, 'tokens_per_second must be a positive integer, got 0'],
  ['Qwen2.5-VL', { use_sliding_window: true }, 'use_sliding_window must be false, got true'],
  ['Qwen3-VL', { text_config: undefined }, 'text_config must be an object, it is missing'],
  ['Qwen3-VL', { 'text_config.attention_bias': true }, 'text_config: attention_bias must be false, got true'],
  ['Qwen3-VL', { 'text_config.head_dim': 16 }, 'mrope_section must be three numbers that make 8, half of a head'],
  ['Qwen3-VL', { 'text_config.rope_scaling': undefined }, 'text_config: rope_scaling must be an object'],
  ['Qwen3-VL', { 'vision_config.num_position_embeddings': 35 }, 'num_position_embeddings must be the square of'],
  ['Qwen3-VL', { 'vision_config.deepstack_visual_indexes': [2, 0] }, 'deepstack_visual_indexes must be layers from 0'],
  ['Qwen3-VL', { 'vision_config.deepstack_visual_indexes': [0, 3] }, 'deepstack_visual_indexes must be layers from 0'],
  ['Qwen3-VL', { 'vision_config.out_hidden_size': 48 }, "out_hidden_size must be the decoder's, 64, got 48"],
  ['Qwen3-VL', { 'vision_config.hidden_act': 'silu' }, 'hidden_act must be "gelu_pytorch_tanh", got "silu"'],
  [
    'InternVL2.5',
    { 'vision_config.patch_size': 3, force_image_size: 32, 'vision_config.image_size': 33 },
    'force_image',
  ],
];

describe('the configs of', () => {
  for (const [family, changes, message] of bad)
    it(`${family} are refused in one line for ${JSON.stringify(changes)}`, async () => {
      const configs = families[family];
      const error = await rejection(specOf(filesOf(changed(configs!, changes))));
      expect(error).to.be.instanceOf(WeightsError);
      expect(error.message).to.match(/^tiny\/config\.json: /);
      expect(error.message).to.include(message).and.not.include('\n');
    });

  it('NVILA are wanted in its folders, of which none may be missing', async () => {
    for (const part of ['llm', 'vision_tower', 'mm_projector']) {
      const { [`${part}/config.json`]: _, ...rest } = families.NVILA!;
      const error = await rejection(specOf(filesOf(rest)));
      expect(error).to.be.instanceOf(WeightsError);
      expect(error.message).to.equal(
        `tiny/${part}/config.json: it is missing. Download the whole checkpoint, with its folders.`,
      );
    }
    const projector = { mm_projector_type: 'mlp2x_gelu' };
    const error = await rejection(specOf(filesOf({ ...families.NVILA!, 'mm_projector/config.json': projector })));
    expect(error.message).to.match(
      /^tiny\/mm_projector\/config.json: mm_projector_type must be "mlp_downsample_2x2_fix"/,
    );
  });

  it('NVILA may have its video encoder as an object, a name or a text', async () => {
    const framesOf = (encoder: unknown): number => {
      const configs = changed(families.NVILA!, { video_encoder: encoder });
      const read = (file: string) => new ConfigReader(`tiny/${file}`, JSON.stringify(configs[file]));
      const [llm, tower, projector] = ['llm', 'vision_tower', 'mm_projector'].map((part) =>
        read(`${part}/config.json`),
      );
      return nvilaConfig({ root: read('config.json'), llm: llm!, tower: tower!, projector: projector! }).framesPerGroup;
    };
    const pooled = { _target_: 'llava.model.encoders.TSPVideoEncoder', pool_sizes: [[8, 1, 1]] };
    for (const encoder of [pooled, JSON.stringify(pooled)]) expect(framesOf(encoder)).to.equal(8);
    const basic = 'llava.model.encoders.BasicVideoEncoder';
    for (const encoder of [undefined, basic, { _target_: basic }]) expect(framesOf(encoder)).to.equal(1);
  });

  it('LLaVA-NeXT-Video may leave out what LLaMA-7B has, as the published ones do', async () => {
    const text = { model_type: 'llama', vocab_size: 32064, rms_norm_eps: 1e-5 };
    const { spec } = await specOf(filesOf(changed(families['LLaVA-NeXT-Video']!, { text_config: text })));
    expect(spec.decoder).to.include({ hiddenSize: 4096, layers: 32, kvHeads: 32, headDim: 128, ropeFactor: 1 });
  });
});

/** Of five frames; the last group of a family that takes two together is filled up. */
function videoTokens(model: VideoModel): number {
  return Math.ceil(5 / model.parts.encoder.framesPerGroup) * tokensPerGroup(model);
}

/** Text that has types as the video's tokens have: between frames `</image>`, a newline and `<image>`, and two at the end. */
function typedText(family: string, frames: number): number {
  return family === 'MiniCPM-V 2.6' ? 3 * frames - 1 : 0;
}

describe('a tiny model of', () => {
  for (const [family, configs] of Object.entries(families))
    describe(family, () => {
      let folder: string;
      let model: VideoModel;
      before(async () => {
        folder = await mkdtemp(join(tmpdir(), 'ff-family-'));
        await makeFamilyCheckpoint(folder, configs);
        model = await loadCheckpoint(folderFiles(folder), await sharedRuntime(), { dtype: 'f32' });
      });
      after(async () => {
        model?.[Symbol.dispose]();
        await rm(folder, { recursive: true });
      });

      it('uses all its tensors, and answers dense and reduced', async () => {
        expect(model.unusedTensors).to.deep.equal([]);
        using video = await model.encode(framesFor(model, 5));
        const asked = async (reducer: TokenReducer | undefined) => {
          const answer = model.withReducer(reducer).answer(video, 'What moves?', { maxNewTokens: 3 });
          for await (const _ of answer);
          return answer.stats;
        };
        const dense = await asked(undefined);
        expect(dense.videoTokens - typedText(family, 5)).to.equal(videoTokens(model));
        const reduced = await asked(new FrameFusion({ cost: 0.3, similarityLowerBound: 0.9 }));
        expect(reduced.promptRows).to.equal(dense.promptRows);
        expect(reduced.layers.at(-1)?.leaving).to.be.below(dense.promptRows);
      });

      it('is shown a video in pieces, and with frames that repeat, as the whole of it', async () => {
        const { images, ...rest } = framesFor(model, 7, { change: 0.3 });
        const shown = { ...rest, images: [0, 0, 0, 0, 4, 4, 6].map((i) => images[i]!) };
        const perGroup = tokensPerGroup(model);
        const reducer: TokenReducer = {
          name: 'some',
          onEncoded: true,
          start:
            () =>
            ({ at, tokens: { layout } }) =>
              at === 'encoded' ? keep(Array.from({ length: layout.length }, (_, i) => i).filter(ofSome)) : undefined,
        };
        const ofSome = (place: number): boolean => (place % perGroup) % 5 < 2;
        const asked = async (options: EncodeOptions) => {
          using video = await model.withReducer(reducer).encode(shown, options);
          const answer = model.withReducer(reducer).answer(video, 'What moves?', { maxNewTokens: 3 });
          for await (const _ of answer);
          const { ids, layers, promptRows, steps } = answer.stats;
          return { ids, layers, promptRows, steps };
        };
        const whole = await asked({});
        expect(whole.steps[0]!.rowsOut).to.be.below(whole.steps[0]!.rowsIn);
        for (const options of [{ piece: 3 }, { skipStill: 0 }, { piece: 4, skipStill: 0 }])
          expect(await asked(options), JSON.stringify(options)).to.deep.equal(whole);
      });

      it('is rehearsed to its last kernel, so that its pipelines are known while weights load', async () => {
        const uses = await rehearse(await sharedRuntime(), (on) =>
          loadCheckpoint(folderFiles(folder), on, { dtype: 'f32' }),
        );
        expect(uses.map(({ kernel }) => kernel.name)).to.include('argmax');
      });

      it('is planned on a virtual adapter, dense and reduced', async () => {
        const reducer = new FrameFusion({ cost: 0.3 });
        const options = {
          dtype: 'f32',
          frames: 5,
          source: family === 'MiniCPM-V 2.6' ? { width: 28, height: 28 } : SOURCE,
          question: 'What?',
          maxNewTokens: 4,
          reducer,
        } as const;
        const plan = await planMemory(folderFiles(folder), await sharedRuntime(), options);
        expect(plan.videoTokens - typedText(family, 5)).to.equal(videoTokens(model));
        expect(plan.cache).to.be.below(plan.denseCache);
      });
    });
});

describe('a model of published size', () => {
  const gpu: AdapterDescription = {
    limits: { maxBufferSize: 2 ** 32 - 4, maxStorageBufferBindingSize: 2 ** 31 - 4 },
    features: ['shader-f16', 'subgroups'],
    info: { vendor: '', architecture: '', device: 'desktop GPU', description: '' },
  };

  /** Parameters in billions, as the models are called, towers included; tokens of 16 frames. */
  for (const [name, billions, tokens] of [
    ['llava-hf/llava-onevision-qwen2-0.5b-ov-hf', 0.9, 16 * 196],
    ['llava-hf/llava-onevision-qwen2-7b-ov-hf', 8, 16 * 196],
    ['llava-hf/LLaVA-NeXT-Video-7B-hf', 7.1, 16 * 144],
    ['OpenGVLab/InternVL2_5-8B', 8.1, 16 * 256],
    ['OpenGVLab/InternVL2_5-1B', 0.94, 16 * 256],
    ['OpenGVLab/InternVL2_5-4B', 3.7, 16 * 256],
    ['OpenGVLab/InternVL3-1B', 0.94, 16 * 256],
    ['OpenGVLab/InternVL3-2B-hf', 2.1, 16 * 256],
    ['OpenGVLab/InternVL3-8B', 7.9, 16 * 256],
    ['OpenGVLab/InternVL3_5-1B', 1.06, 16 * 256],
    ['OpenGVLab/InternVL3_5-2B-HF', 2.35, 16 * 256],
    ['OpenGVLab/InternVL3_5-4B', 4.7, 16 * 256],
    ['OpenGVLab/InternVL3_5-8B', 8.5, 16 * 256],
    ['HuggingFaceTB/SmolVLM2-256M-Video-Instruct', 0.256, 16 * 64],
    ['HuggingFaceTB/SmolVLM2-500M-Video-Instruct', 0.508, 16 * 64],
    ['HuggingFaceTB/SmolVLM2-2.2B-Instruct', 2.25, 16 * 81],
    // Of HD: a frame and two slices, with seven tokens between them and to the next frame, which the last has not.
    ['openbmb/MiniCPM-V-2_6', 8.1, 16 * (3 * 64 + 7) - 1],
    // Frames of 1280 x 720 become 1008 x 560, and two of them 36 x 20 tokens.
    ['Qwen/Qwen2-VL-2B-Instruct', 2.2, 8 * 36 * 20],
    ['Qwen/Qwen2-VL-7B-Instruct', 8.3, 8 * 36 * 20],
    ['Qwen/Qwen2.5-VL-3B-Instruct', 3.75, 8 * 36 * 20],
    ['Qwen/Qwen2.5-VL-7B-Instruct', 8.3, 8 * 36 * 20],
    ['Qwen/Qwen2.5-VL-72B-Instruct', 73.4, 8 * 36 * 20],
    // Halves of 32 pixels go to the even side: 1280 x 704, and two of them 40 x 22 tokens.
    ['Qwen/Qwen3-VL-2B-Instruct', 2.13, 8 * 40 * 22],
    ['Qwen/Qwen3-VL-4B-Instruct', 4.44, 8 * 40 * 22],
    ['Qwen/Qwen3-VL-8B-Instruct', 8.77, 8 * 40 * 22],
    ['Qwen/Qwen3-VL-32B-Instruct', 33.4, 8 * 40 * 22],
    ['Efficient-Large-Model/NVILA-Lite-2B', 2, 16 * 122],
    ['Efficient-Large-Model/NVILA-8B-Video', 8, 2 * 257],
  ] as const)
    it(`${name} is planned`, async () => {
      const files = await plannedFiles(name, publishedConfigs()[name]!);
      const reducer = new FrameFusion({ cost: 0.3 });
      const plan = await planMemory(files, gpu, { frames: 16, question: 'What?', maxNewTokens: 32, reducer });
      expect(plan.weights.bytes / 2e9).to.be.closeTo(billions, 0.06 * billions);
      expect(plan.videoTokens).to.equal(tokens);
      expect(plan.peak).to.be.within(plan.weights.bytes, plan.weights.bytes + 6e9);
    }).timeout(60_000);
});

describe('another processor', () => {
  const gpu: AdapterDescription = {
    limits: { maxBufferSize: 2 ** 32 - 4, maxStorageBufferBindingSize: 2 ** 31 - 4 },
    features: ['shader-f16', 'subgroups'],
    info: { vendor: '', architecture: '', device: 'desktop GPU', description: '' },
  };
  const wanted = { frames: 16, question: 'What?', maxNewTokens: 4, reducer: undefined };
  const named = (name: string) => plannedFiles(name, publishedConfigs()[name]!);

  it('gives Qwen3-VL the sizes of qwen-vl-utils', async () => {
    const files = await named('Qwen/Qwen3-VL-2B-Instruct');
    const plan = await planMemory(files, gpu, { ...wanted, processor: 'qwen-vl-utils' });
    // A frame has 768 * 32 * 32 pixels at most: 1280 x 720 become 1152 x 640, and two of them 36 x 20 tokens, not 40 x 22.
    expect(plan.videoTokens).to.equal(8 * 36 * 20);
  });

  it('takes the frames of qwen-vl-utils, and of transformers for InternVL', async () => {
    const sampled = async (
      family: string,
      processor: string,
      frames: number,
      averageFps: number,
      maxFrames: number,
    ) => {
      const { spec } = await specOf(folderOf(families[family]!));
      const { sample, fps = 1, forceSample } = spec.otherProcessors![processor]!.frameFormat;
      return sample!({ frames, averageFps, fps, maxFrames, forceSample });
    };
    // Of the golden tables: 137 frames go down to pairs, and the middles of stretches are rounded down.
    expect(await sampled('Qwen3-VL', 'qwen-vl-utils', 2065, 29.97, 768)).to.have.length(136);
    expect(await sampled('Qwen3-VL', 'qwen-vl-utils', 36, 25, 768)).to.deep.equal([0, 12, 23, 35]);
    const middles = [56, 168, 281, 393, 506, 618, 731, 843];
    for (const family of ['InternVL3', 'InternVL3, hf'])
      expect(await sampled(family, 'transformers', 900, 30, 8)).to.deep.equal(middles);
  });

  it('is refused in one line where a family has none of the name', async () => {
    for (const [name, message] of [
      [
        'Qwen/Qwen3-VL-2B-Instruct',
        /^processor: Qwen3VLForConditionalGeneration knows qwen-vl-utils, got "pil"\. [^\n]+\.$/,
      ],
      [
        'Qwen/Qwen2-VL-2B-Instruct',
        /^processor: Qwen2VLForConditionalGeneration knows no other than its own, got "pil"\. /,
      ],
    ] as const) {
      const error = await rejection(planMemory(await named(name), gpu, { ...wanted, processor: 'pil' }));
      expect(error).to.be.instanceOf(InputError);
      expect(error.message).to.match(message);
    }
  });
});

describe('SmolVLM2 500M', () => {
  /** What WebGPU promises on any adapter, but for f16. */
  const least: AdapterDescription = {
    limits: { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 },
    features: ['shader-f16'],
    info: { vendor: '', architecture: '', device: 'laptop', description: '' },
  };
  const name = 'HuggingFaceTB/SmolVLM2-500M-Video-Instruct';

  for (const dtype of ['f16', 'q8'] as const)
    for (const cost of [1, 0.3])
      it(`takes its 64 frames in ${dtype} at cost ${cost} within 2 GiB and bindings of 128 MiB`, async () => {
        const files = await plannedFiles(name, publishedConfigs()[name]!);
        const reducer = cost < 1 ? new FrameFusion({ cost }) : undefined;
        const options = { dtype, frames: 64, question: 'What happens?', maxNewTokens: 256, reducer };
        const plan = await planMemory(files, least, options);
        expect(plan.videoTokens).to.equal(64 * 64);
        expect(plan.peak).to.be.below(2 ** 31);
      }).timeout(60_000);
});

describe('text between the frames of a video', () => {
  let model: VideoModel;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-family-'));
    await makeFamilyCheckpoint(folder, families['InternVL2.5']!);
    model = await loadCheckpoint(folderFiles(folder), await sharedRuntime(), { dtype: 'f32' });
  });
  after(async () => {
    model?.[Symbol.dispose]();
    await rm(folder, { recursive: true });
  });

  /** Three frames with names of two, one and three ids before them. */
  const ids = [1, 2, VIDEO_ID, 3, VIDEO_ID, 4, 5, 6, VIDEO_ID, 7];

  /** Original positions that are left after the last layer. */
  async function left(reducer: TokenReducer | undefined): Promise<number[]> {
    using video = await model.encode(framesFor(model, 3, { change: 0.9 }));
    const { layers } = await traced(model, { ids, video }, reducer);
    return layers.at(-1)?.positions ?? [];
  }

  /** Positions of the text: the frames have 16 tokens each. */
  const text = [0, 1, 18, 35, 36, 37, 54];

  for (const [name, make] of Object.entries(reducers))
    it(`is never taken by ${name}`, async () => {
      const reducer = make({ cost: 0.4, similarityLowerBound: 0.999 });
      const positions = await left(reducer);
      expect(positions).to.include.members(text);
      // One that decides at `encoded` has done so before there is any text.
      if (name !== 'none' && !reducer?.onEncoded) expect(positions.length).to.be.below(48 * 0.8 + text.length);
    });

  it('competes with the video where the reference is to be followed', async () => {
    const reducer = new FrameFusion({ cost: 0.1, similarityLowerBound: 2, separators: 'prune', budgetLayers: 28 });
    const positions = await left(reducer);
    expect(positions).to.include.members([0, 1, 54]);
    // A budget of 2.8 layers, of which the call before layer 0 has spent 1: 52 rows compete, text and all, for the rest.
    expect(positions).to.have.length(3 + Math.round(52 * ((2.8 - 1) / 27)));
  });

  it('needs a mark for every frame', async () => {
    using video = await model.encode(framesFor(model, 2));
    const error = await rejection(generated(model, { ids, video }, undefined, { maxNewTokens: 1 }));
    expect(error).to.be.instanceOf(InputError);
    expect(error.message).to.include('they must be 2, got 3');
  });
});

describe('pictures', () => {
  let folder: string;
  let model: VideoModel;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-family-'));
    await makeFamilyCheckpoint(folder, families['Qwen2-VL']!);
    model = await loadCheckpoint(folderFiles(folder), await sharedRuntime(), { dtype: 'f32' });
  });
  after(async () => {
    model?.[Symbol.dispose]();
    await rm(folder, { recursive: true });
  });

  const size = { width: 24, height: 16 };
  const grey = (value: number) => ({ image: new Uint8Array(3 * 24 * 16).fill(value), crops: [stretched(size)] });

  it('stand before the video, each at its own place', async () => {
    using dark = await model.encodePicture(grey(20));
    using light = await model.encodePicture(grey(200));
    using video = await model.encode(framesFor(model, 4));
    const last = async (pictures: (typeof dark)[]): Promise<number[]> => [
      ...(await firstLogits(model, { pictures, video }, 'What?')),
    ];
    const [one, other] = [await last([dark, light]), await last([light, dark])];
    expect(one).not.to.deep.equal(other);
    expect(await last([dark, light])).to.deep.equal(one);
    expect(one.every(Number.isFinite)).to.equal(true);
  });

  it('are as many as the marks of the prompt', async () => {
    using picture = await model.encodePicture(grey(20));
    for (const [ids, message] of [
      [[1, 2], /go together/],
      [[1, VIDEO_ID, VIDEO_ID, 2], /they must be 1, got 2/],
    ] as const) {
      const rec = model.runtime.recorder('prompt');
      expect(() => promptOf(model.parts, rec, ids, { pictures: [picture] })).to.throw(InputError, message);
      rec.finish();
    }
  });

  it('have the size that is said, and are refused by models of one size', async () => {
    const odd = await rejection(model.encodePicture({ ...grey(1), crops: [stretched({ width: 12, height: 32 })] }));
    expect(odd).to.be.instanceOf(InputError);
    expect(odd.message).to.include('must have sides that are multiples of 8 pixels, got 12 x 32');
    const wrong = await rejection(model.encodePicture({ ...grey(1), crops: [stretched({ width: 8, height: 16 })] }));
    expect(wrong.message).to.equal('encode: frames must be 8 x 16 RGB, got 1152 bytes.');
    const unsized = await rejection(model.encode({ images: [grey(1).image], times: framesFor(model, 1).times }));
    expect(unsized.message).to.include('takes frames of any size, so width and height must be given');
  });

  it("are ranked by the family's four last rows, or as many as are asked for", async () => {
    using video = await model.encode(framesFor(model, 6, { change: 0.9 }));
    const ids = [1, VIDEO_ID, 4, 5, 6, 7];
    const left = async (scoreRows?: 'own' | number): Promise<number[]> => {
      const options = { cost: 0.3, similarityLowerBound: 2, ...(scoreRows !== undefined && { scoreRows }) };
      return (await traced(model, { ids, video }, new FrameFusion(options))).layers.at(-1)!.positions;
    };
    const own = await left();
    expect(await left('own')).to.deep.equal(own);
    expect(await left(4)).to.deep.equal(own);
    expect(await left(1))
      .to.have.length(own.length)
      .and.not.deep.equal(own);
    expect(() => new FrameFusion({ cost: 0.3, scoreRows: 0 })).to.throw(InputError, 'scoreRows');
  });
});
