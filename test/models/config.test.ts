import { expect } from 'chai';
import { WeightsError } from '../../engine/errors.ts';
import { ConfigReader } from '../../models/config.ts';
import { qwen2Config, qwen3Config } from '../../models/decoder/config.ts';
import { llavaVideoConfig } from '../../models/llava-video/config.ts';
import { siglipConfig } from '../../models/tower/config.ts';
import { modelConfig, visionConfig } from '../../tools/checkpoint/config.ts';
import { PRESETS } from '../../tools/checkpoint/shapes.ts';

const facts = { dtype: 'bf16', newline: 'grid', eosTokenId: 5 } as const;

/** A config like the tiny model's, with some keys changed; `undefined` takes one away. */
function reader(changes: object = {}, file = 'config.json'): ConfigReader {
  const of = file === 'config.json' ? modelConfig(PRESETS.tiny, facts) : visionConfig(PRESETS.tiny);
  return new ConfigReader(file, JSON.stringify({ ...of, ...changes }));
}

const vision = (changes?: object): ConfigReader => reader(changes, 'vision_config.json');

function expectRefused(read: () => unknown, message: string): void {
  expect(read).to.throw(WeightsError).with.property('message').that.includes(message).and.does.not.match(/\n/);
}

describe('ConfigReader', () => {
  it('says which file is no JSON object', () => {
    for (const text of ['', '{', '[]', 'null', '3'])
      expectRefused(() => new ConfigReader('some/config.json', text), 'some/config.json: must be ');
  });

  it('takes null for absent, and finds no key that every object has', () => {
    const config = new ConfigReader('config.json', '{"a": null, "b": 3}');
    expect(config.raw('a')).to.equal(undefined);
    expect(config.raw('toString')).to.equal(undefined);
    expect(config.size('a', 7)).to.equal(7);
    expect(config.size('b', 7)).to.equal(3);
  });

  it('names key, expectation and what it found', () => {
    const config = new ConfigReader('config.json', '{"n": "12", "x": 0, "list": [1, 2.5], "flag": 1, "text": []}');
    expectRefused(() => config.size('n'), 'config.json: n must be a positive integer, got "12".');
    expectRefused(() => config.size('missing'), 'config.json: missing must be a positive integer, it is missing.');
    expectRefused(() => config.positive('x'), 'x must be a positive number, got 0');
    expectRefused(() => config.flag('flag'), 'flag must be true or false, got 1');
    expectRefused(() => config.text('text'), 'text must be a string, got []');
    expectRefused(() => config.oneOf('n', ['a', 'b']), 'n must be "a" or "b", got "12"');
    expectRefused(() => config.numbers('list'), 'list must be an integer or a list of them');
    expect(new ConfigReader('c', '{"id": 3, "ids": [4, 5]}').numbers('id')).to.deep.equal([3]);
    expect(new ConfigReader('c', '{"id": 3, "ids": [4, 5]}').numbers('ids')).to.deep.equal([4, 5]);
    expect(new ConfigReader('c', '{}').numbers('ids')).to.deep.equal([]);
  });
});

describe('the config of', () => {
  it('a Qwen2 decoder is read under its own names', () => {
    expect(qwen2Config(reader())).to.deep.equal({
      hiddenSize: 64,
      intermediateSize: 160,
      layers: 6,
      heads: 4,
      kvHeads: 2,
      headDim: 16,
      vocabSize: 640,
      ropeTheta: 1e6,
      ropeFactor: 1,
      maxPositions: Number.POSITIVE_INFINITY,
      contextLength: 32768,
      rmsNormEps: 1e-6,
      tieWordEmbeddings: false,
      qkvBias: true,
      headOrder: 'split',
    });
    expect(qwen2Config(reader({ num_key_value_heads: undefined })).kvHeads).to.equal(4);
    expect(qwen2Config(reader({ head_dim: 32 })).headDim).to.equal(32);
  });

  for (const [changes, message] of [
    [{ hidden_size: '64' }, 'hidden_size must be a positive integer'],
    [{ num_hidden_layers: 0 }, 'num_hidden_layers must be a positive integer'],
    [{ vocab_size: undefined }, 'vocab_size must be a positive integer, it is missing'],
    [{ hidden_act: 'gelu' }, 'hidden_act must be "silu", got "gelu"'],
    [{ num_key_value_heads: 3 }, 'num_key_value_heads must be a divisor of 4'],
    [{ num_attention_heads: 5, num_key_value_heads: 1 }, 'num_attention_heads must be a divisor of hidden_size'],
    [{ num_attention_heads: 64, num_key_value_heads: 1 }, 'even size'],
    [{ rope_theta: -1 }, 'rope_theta must be a positive number'],
    [{ rms_norm_eps: '1e-6' }, 'rms_norm_eps must be a positive number'],
    [{ rope_scaling: { type: 'yarn' } }, 'rope_scaling: type must be "dynamic" or "default", got "yarn"'],
    [{ use_sliding_window: true }, 'use_sliding_window must be false'],
    [{ tie_word_embeddings: 'no' }, 'tie_word_embeddings must be true or false'],
  ] as const)
    it(`a Qwen2 decoder is refused for ${JSON.stringify(changes)}`, () => {
      expectRefused(() => qwen2Config(reader(changes)), `config.json: ${message}`.replace('config.json: even', 'even'));
    });

  it('a Qwen3 decoder has heads of its own size, and no biases', () => {
    const own = { num_attention_heads: 5, num_key_value_heads: 1, head_dim: 24 };
    expect(qwen3Config(reader(own))).to.include({ hiddenSize: 64, heads: 5, headDim: 24, qkvBias: false });
    expect(qwen3Config(reader({ ...own, head_dim: undefined })).headDim).to.equal(128);
    expectRefused(() => qwen3Config(reader({ attention_bias: true })), 'attention_bias must be false, got true');
  });

  it('a SigLIP tower is read under its own names', () => {
    const config = siglipConfig(vision());
    expect(config).to.include({
      hiddenSize: 32,
      layers: 4,
      heads: 2,
      imageSize: 70,
      patchSize: 14,
      activation: 'tanh',
    });
    expect(siglipConfig(vision({ hidden_act: 'gelu' })).activation).to.equal('erf');
  });

  for (const [changes, message] of [
    [{ hidden_act: 'relu' }, 'hidden_act must be "gelu_pytorch_tanh" or "gelu"'],
    [{ num_attention_heads: 3 }, 'num_attention_heads must be a divisor of 32'],
    [{ patch_size: 71 }, 'patch_size must be at most image_size, 70'],
    [{ num_channels: 1 }, 'num_channels must be 3'],
    [{ image_size: 70.5 }, 'image_size must be a positive integer'],
  ] as const)
    it(`a SigLIP tower is refused for ${JSON.stringify(changes)}`, () => {
      expectRefused(() => siglipConfig(vision(changes)), `vision_config.json: ${message}`);
    });

  it('LLaVA-Video places its newlines as the reference does', () => {
    const places = (changes: object) => {
      const { newlines, finalNewline } = llavaVideoConfig(reader(changes), vision()).vision;
      return [newlines, finalNewline];
    };
    expect(places({ mm_newline_position: 'grid' })).to.deep.equal(['row', false]);
    expect(places({ mm_newline_position: 'frame' })).to.deep.equal(['frame', false]);
    expect(places({ mm_newline_position: 'one_token' })).to.deep.equal(['none', true]);
    expect(places({ mm_newline_position: undefined })).to.deep.equal(['none', true]);
    expect(places({ mm_newline_position: 'no_token' })).to.deep.equal(['none', false]);
    expect(places({ mm_patch_merge_type: 'flat' })).to.deep.equal(['none', false]);
  });

  it('LLaVA-Video has the tower that its name says where there is no vision_config.json', () => {
    const named = { mm_vision_tower: 'google/siglip-so400m-patch14-384', mm_hidden_size: 1152 };
    expect(llavaVideoConfig(reader(named), undefined).vision.tower).to.include({ hiddenSize: 1152, layers: 26 });
    expectRefused(() => llavaVideoConfig(reader(), undefined), 'Put a vision_config.json');
  });

  for (const [changes, message] of [
    [{ mm_hidden_size: 31 }, "mm_hidden_size must be the vision tower's hidden_size, 32"],
    [{ mm_vision_select_layer: -1 }, 'mm_vision_select_layer must be -2'],
    [{ mm_vision_select_feature: 'cls_patch' }, 'mm_vision_select_feature must be "patch"'],
    [{ mm_spatial_pool_stride: 4 }, 'mm_spatial_pool_stride must be 2'],
    [{ mm_spatial_pool_mode: 'cubic' }, 'mm_spatial_pool_mode must be "bilinear"'],
    [{ mm_projector_type: 'linear' }, 'mm_projector_type must be "mlp<depth>x_gelu"'],
    [{ mm_patch_merge_type: 'unpad' }, 'mm_patch_merge_type must be "flat" or "spatial..."'],
    [{ mm_newline_position: 'end' }, 'mm_newline_position must be "grid"'],
    [{ add_faster_video: true }, 'add_faster_video must be false'],
    [{ add_time_instruction: 'yes' }, 'add_time_instruction must be true or false'],
  ] as const)
    it(`LLaVA-Video is refused for ${JSON.stringify(changes)}`, () => {
      expectRefused(() => llavaVideoConfig(reader(changes), vision()), `config.json: ${message}`);
    });
});
