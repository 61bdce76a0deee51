import { expect } from 'chai';
import { WeightsError } from '../../engine/errors.ts';
import type { Configs } from '../../library/planned-files.ts';
import { ConfigReader } from '../../models/config.ts';
import {
  type DecoderConfig,
  internLm2Config,
  llamaConfig,
  qwen2Config,
  qwen2VlConfig,
} from '../../models/decoder/config.ts';
import { specOf } from '../../models/registry.ts';
import { siglipConfig } from '../../models/tower/config.ts';
import { virtualFiles } from '../../tools/checkpoint/virtual.ts';
import { changed, families } from '../helpers/families.ts';

const filesOf = (configs: Configs) => virtualFiles('tiny', configs);

const SIZES = {
  hidden_size: 64,
  intermediate_size: 160,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  vocab_size: 640,
  max_position_embeddings: 4096,
};

type Read = (config: ConfigReader) => DecoderConfig;

function read(kind: Read, keys: object): DecoderConfig {
  return kind(new ConfigReader('config.json', { ...SIZES, ...keys }));
}

function refused(kind: Read, keys: object, message: string): void {
  expect(() => read(kind, keys))
    .to.throw(WeightsError)
    .with.property('message')
    .that.includes(message)
    .and.does.not.match(/\n/);
}

describe('rotary positions', () => {
  const both: readonly [string, Read, v4: object, v5: object][] = [
    ['a base', qwen2Config, { rope_theta: 1e6 }, { rope_parameters: { rope_theta: 1e6, rope_type: 'default' } }],
    [
      'linear scaling',
      llamaConfig,
      { rope_theta: 5000, rope_scaling: { type: 'linear', factor: 2.5 } },
      { rope_parameters: { rope_theta: 5000, rope_type: 'linear', factor: 2.5 } },
    ],
    [
      'dynamic scaling',
      internLm2Config,
      { rope_theta: 1e6, rope_scaling: { type: 'dynamic', factor: 2 } },
      { rope_parameters: { rope_theta: 1e6, rope_type: 'dynamic', factor: 2 } },
    ],
    [
      'three axes',
      qwen2VlConfig,
      { rope_theta: 1e6, rope_scaling: { type: 'mrope', mrope_section: [2, 3, 3] } },
      { rope_parameters: { rope_theta: 1e6, rope_type: 'default', type: 'default', mrope_section: [2, 3, 3] } },
    ],
  ];
  for (const [what, kind, v4, v5] of both)
    it(`with ${what} are the same from transformers 4 and 5`, () => {
      const config = read(kind, v4);
      expect(config.ropeTheta).to.equal((v4 as { rope_theta: number }).rope_theta);
      expect(read(kind, v5)).to.deep.equal(config);
      expect(read(kind, { ...v4, ...v5 })).to.deep.equal(config);
    });

  it('have the values that a scaling says', () => {
    const linear = read(llamaConfig, { rope_parameters: { rope_type: 'linear', factor: 2.5 } });
    expect(linear).to.include({ ropeTheta: 10000, ropeFactor: 2.5, contextLength: 10240 });
    const dynamic = read(internLm2Config, { rope_scaling: { type: 'dynamic', factor: 2 } });
    expect(dynamic).to.include({ ropeFactor: 1, maxPositions: 4096, contextLength: 8192 });
    const axes = read(qwen2VlConfig, { rope_scaling: { rope_type: 'default', mrope_section: [2, 3, 3] } });
    expect(axes.ropeAxes).to.deep.equal([0, 0, 1, 1, 1, 2, 2, 2]);
    const mixed = read(qwen2VlConfig, { rope_scaling: { mrope_section: [4, 2, 2], mrope_interleaved: true } });
    expect(mixed.ropeAxes).to.deep.equal([0, 1, 2, 0, 1, 2, 0, 0]);
  });

  for (const [keys, message] of [
    [
      { rope_parameters: { rope_theta: 1e6, rope_type: 'yarn', factor: 4 } },
      'rope_type must be "dynamic" or "default", got "yarn"',
    ],
    [{ rope_parameters: { full_attention: { rope_theta: 1e6 } } }, 'rope_parameters: full_attention is {'],
    [{ rope_parameters: { rope_theta: 1e6, beta_fast: 32 } }, 'rope_parameters: beta_fast is 32, which may change'],
    [{ rope_parameters: { partial_rotary_factor: 0.5 } }, 'partial_rotary_factor must be 1, got 0.5'],
    [{ rope_theta: 1e4, rope_parameters: { rope_theta: 1e6 } }, 'rope_theta must be that of rope_parameters, 1000000'],
    [{ rope_parameters: 3 }, 'rope_parameters must be an object, got 3'],
    [{ rope_parameters: { rope_theta: Number.NaN } }, 'rope_theta must be a positive number, got NaN'],
    [{ rope_scaling: { type: 'default' }, rope_parameters: { rope_type: 'linear', factor: 2 } }, 'rope_type must be'],
  ] as const)
    it(`are refused for ${JSON.stringify(keys)}`, () => refused(qwen2Config, keys, message));

  it('are refused where the two ways differ', () => {
    const keys = {
      rope_scaling: { type: 'linear', factor: 2 },
      rope_parameters: { rope_type: 'linear', factor: 4 },
    };
    refused(llamaConfig, keys, 'rope_scaling must be what rope_parameters says, got {"type":"linear","factor":2}.');
  });
});

describe('a key that changes results', () => {
  for (const [key, value] of [
    ['attn_logit_softcapping', 50],
    ['residual_multiplier', 0.22],
    ['layer_types', ['full_attention', 'sliding_attention']],
    ['partial_rotary_factor', 0.25],
    ['num_experts', 8],
    ['use_qk_norm', true],
    ['position_embedding_type', 'relative_key'],
  ] as const)
    it(`is an error in a decoder's config if it is not understood: ${key}`, () => {
      refused(
        qwen2Config,
        { [key]: value },
        `config.json: ${key} is ${JSON.stringify(value)}, which may change results`,
      );
      const tower = { ...SIZES, image_size: 28, patch_size: 4, [key]: value };
      expect(() => siglipConfig(new ConfigReader('config.json', tower))).to.throw(
        WeightsError,
        `config.json: ${key} is`,
      );
    });

  it('may say that it is not used, as may keys of training, generation and bookkeeping', () => {
    const keys = {
      attention_bias: false,
      layer_types: ['full_attention', 'full_attention'],
      partial_rotary_factor: 1,
      num_experts: 0,
      rope_scaling: null,
      sliding_window: 131072,
      max_window_layers: 28,
      dtype: 'bfloat16',
      torch_dtype: 'bfloat16',
      initializer_range: 0.02,
      tokenizer_padding_side: 'right',
      image_grid_pinpoints: [[384, 768]],
      mm_vision_tower_lr: 2e-6,
    };
    expect(read(qwen2Config, keys)).to.deep.equal(read(qwen2Config, {}));
  });
});

describe('Qwen2-VL as transformers 5 writes it', () => {
  it('has its decoder in text_config, and is read as the older form is', async () => {
    const flat = families['Qwen2-VL']!;
    const { vision_config, architectures, model_type, tie_word_embeddings, rope_theta, rope_scaling, ...decoder } =
      flat['config.json'] as Record<string, unknown>;
    const rope_parameters = { ...(rope_scaling as object), rope_theta, rope_type: 'default' };
    const nested = {
      ...{ architectures, model_type, vision_config, tie_word_embeddings, dtype: 'bfloat16' },
      text_config: { ...decoder, rope_parameters, model_type: 'qwen2_vl_text' },
    };
    const [old, now] = await Promise.all([specOf(filesOf(flat)), specOf(filesOf({ ...flat, 'config.json': nested }))]);
    expect(now.spec.decoder).to.deep.equal(old.spec.decoder);
    expect(old.spec.decoder).to.include({ ropeTheta: 1e6, tieWordEmbeddings: true });
    expect(old.spec.stopIds).to.deep.equal(now.spec.stopIds);
    const wrong = specOf(filesOf(changed({ ...flat, 'config.json': nested }, { 'text_config.rope_parameters': {} })));
    expect(await wrong.catch((error: Error) => error.message)).to.include(
      'text_config: rope_parameters: mrope_section',
    );
  });
});
