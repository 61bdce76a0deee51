"""The trained weights as a checkpoint in the published LLaVA-Video layout.

    python3 export.py --state RUN/decoder.pt --tokenizer DIR --out DIR

Needs python3-safetensors. Copies the tokenizer, writes config.json, vision_config.json, generation_config.json and
model.safetensors in f16.
"""
import argparse
import json
import os
import shutil

import torch
from safetensors.torch import save_file

from model import Config

TOWER = 'model.vision_tower.vision_tower.vision_model.'
LIMIT = 8_000_000


def published_name(name):
    """The layout's name of one of our parameters."""
    if name.startswith('tower.'):
        part = name.removeprefix('tower.')
        return TOWER + ('encoder.' if part.startswith('layers.') else 'embeddings.') + part
    return 'model.' + name


def tensors(state):
    out = {published_name(name): value.half().contiguous() for name, value in state.items()}
    overflow = [name for name, value in out.items() if not torch.isfinite(value).all()]
    if overflow:
        raise SystemExit(f'{overflow[0]}: does not fit f16.')
    return out


def configs(c, special):
    end = special['<|im_end|>']
    config = dict(
        architectures=['LlavaQwenForCausalLM'], model_type='llava_qwen', hidden_size=c.width,
        intermediate_size=c.mlp, num_hidden_layers=c.layers, num_attention_heads=c.heads,
        num_key_value_heads=c.kv_heads, vocab_size=c.vocabulary, rope_theta=c.theta, rms_norm_eps=1e-6,
        hidden_act='silu', tie_word_embeddings=True, max_position_embeddings=2048, eos_token_id=end, bos_token_id=None,
        torch_dtype='float16', mm_hidden_size=c.vision_width, mm_projector_type='mlp2x_gelu',
        mm_patch_merge_type='spatial_unpad', mm_newline_position='grid', mm_spatial_pool_mode='bilinear',
        mm_spatial_pool_stride=2, mm_vision_select_layer=-2, mm_vision_select_feature='patch',
        mm_vision_tower='tiny-siglip', image_aspect_ratio='square', add_time_instruction=False,
        mm_use_im_start_end=False, mm_use_im_patch_token=False, tokenizer_model_max_length=2048,
        tokenizer_padding_side='right', use_mm_proj=True)
    # LLaVA takes what the last layer but one puts out: the last one is never run, and is not stored.
    vision = dict(
        model_type='siglip_vision_model', hidden_size=c.vision_width, intermediate_size=c.vision_mlp,
        num_hidden_layers=c.vision_layers + 1, num_layers_in_checkpoint=c.vision_layers,
        num_attention_heads=c.vision_heads, num_channels=3, image_size=c.image, patch_size=c.patch,
        hidden_act='gelu_pytorch_tanh', layer_norm_eps=1e-6, attention_dropout=0.0)
    generation = dict(eos_token_id=end, pad_token_id=special['<|endoftext|>'], do_sample=False)
    return {'config.json': config, 'vision_config.json': vision, 'generation_config.json': generation}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    for name in ('state', 'tokenizer', 'out'):
        parser.add_argument('--' + name, required=True)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    for name in ('tokenizer.json', 'tokenizer_config.json'):
        shutil.copyfile(f'{args.tokenizer}/{name}', f'{args.out}/{name}')
    added = json.load(open(f'{args.tokenizer}/tokenizer.json'))['added_tokens']
    special = {token['content']: token['id'] for token in added}
    state = torch.load(args.state, map_location='cpu', weights_only=True)['model']
    config = Config(vocabulary=len(state['embed_tokens.weight']))
    for name, values in configs(config, special).items():
        with open(f'{args.out}/{name}', 'w') as file:
            file.write(json.dumps(values, indent=1) + '\n')
    file = f'{args.out}/model.safetensors'
    save_file(tensors(state), file, {'format': 'pt'})
    size = os.path.getsize(file)
    if size > LIMIT:
        raise SystemExit(f'{file}: {size} bytes, more than {LIMIT}.')
    print(f'{file}: {size / 1e6:.2f} MB')


if __name__ == '__main__':
    main()
