import { expect } from 'chai';
import { InputError, WeightsError } from '../../engine/errors.ts';
import { refusePeftNames } from '../../models/refusals.ts';
import { specOf } from '../../models/registry.ts';
import { rejection } from '../helpers/errors.ts';
import { changed, families } from '../helpers/families.ts';
import { folderOf } from '../helpers/files.ts';

const llava = families['LLaVA-OneVision, llava-hf']!;
const qwen = families['Qwen2-VL']!;
const awq = { quantization_config: { quant_method: 'awq', bits: 4 } };

describe('a checkpoint that is not read is refused in the right words', () => {
  for (const [what, files, message] of [
    [
      'AWQ',
      changed(qwen, awq),
      'm/config.json: quantization_config: the weights are packed by awq, which is not read. Use the',
    ],
    ['GPTQ', changed(qwen, { quantization_config: { quant_method: 'gptq' } }), 'packed by gptq'],
    ['fp8', changed(qwen, { quantization_config: { quant_method: 'fp8' } }), 'packed by fp8, which is not read'],
    ['bitsandbytes', changed(qwen, { quantization_config: { load_in_4bit: true } }), 'packed by bitsandbytes'],
    [
      'a packed part',
      changed(llava, { 'text_config.quantization_config': { quant_method: 'awq' } }),
      'm/config.json: text_config: quantization_config: the weights are packed by awq',
    ],
    [
      'a packed decoder in a folder of its own',
      { ...families.NVILA, 'llm/config.json': { ...families.NVILA!['llm/config.json'], ...awq } },
      'm/llm/config.json: quantization_config is {"quant_method":"awq"',
    ],
    [
      'a pickle',
      { ...qwen, 'pytorch_model.bin': 'x' },
      'm/pytorch_model.bin: it is a pickle, which runs code when it is read',
    ],
    [
      'shards of pickles',
      { ...qwen, 'pytorch_model.bin.index.json': {} },
      'm/pytorch_model.bin.index.json: it is a pickle',
    ],
    [
      'pickles in a folder',
      { ...families.NVILA, 'llm/pytorch_model.bin': 'x' },
      'm/llm/pytorch_model.bin: it is a pickle',
    ],
    ['GGUF', { 'model.gguf': 'GGUF' }, 'm/model.gguf: it is a GGUF file, and only safetensors are read'],
    [
      'LoRA',
      { 'adapter_config.json': { peft_type: 'LORA', base_model_name_or_path: 'Qwen/Qwen2-VL-2B-Instruct' } },
      "m/adapter_config.json: it is an adapter (LORA) of Qwen/Qwen2-VL-2B-Instruct, not a model. Merge the two with peft's",
    ],
    [
      'a family beside one that is built',
      { 'config.json': { architectures: ['Qwen2_5OmniForConditionalGeneration'] } },
      'm/config.json: Qwen2_5OmniForConditionalGeneration is not built. Near it, and built: Qwen2VLForConditionalGeneration',
    ],
    [
      'a family like none',
      { 'config.json': { architectures: ['Gemma3ForConditionalGeneration'] } },
      'm/config.json: Gemma3ForConditionalGeneration is not built. Built are LlavaQwenForCausalLM, ',
    ],
  ] as const)
    it(what, async () => {
      const error = await rejection(specOf(folderOf(files as Readonly<Record<string, unknown>>)));
      expect(error).to.be.instanceOf(WeightsError);
      expect(error.message).to.include(message).and.not.include('\n');
    });

  it('but not where there is what is read beside it', async () => {
    const both = { ...qwen, 'pytorch_model.bin': 'x', 'adapter_config.json': {}, 'model.safetensors': 'x' };
    expect((await specOf(folderOf(both))).architecture).to.equal('Qwen2VLForConditionalGeneration');
  });

  it("peft's names of tensors", () => {
    for (const name of ['base_model.model.lm_head.weight', 'model.layers.0.self_attn.q_proj.base_layer.weight'])
      expect(() => refusePeftNames('m', ['model.norm.weight', name])).to.throw(
        WeightsError,
        `m: its tensors are named by peft (${name})`,
      );
    refusePeftNames('m', ['model.norm.weight', 'model.layers.0.self_attn.q_proj.lora_A']);
  });

  it('pictures of an NVILA that wants them in tiles, while videos are answered', async () => {
    const source = { width: 64, height: 32 };
    const tiled = await specOf(folderOf(changed(families.NVILA!, { image_aspect_ratio: 'dynamic' })));
    expect(() => tiled.spec.pictures!.crops(source)).to.throw(InputError, 'image_aspect_ratio is "dynamic"');
    const whole = await specOf(folderOf(changed(families.NVILA!, { image_aspect_ratio: 'resize' })));
    expect(whole.spec.pictures!.crops(source)).to.have.length(1);
  });
});
