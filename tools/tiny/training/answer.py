"""Answers of a checkpoint by PyTorch alone: what the product's answers are held against.

    python3 answer.py --checkpoint DIR --data DIR --out DIR

--data holds what draw-training.ts or film.ts wrote. Writes answers.jsonl, a line a question with its ids and those of the
greedy answer, and logits.f32 [questions, vocabulary], those of the prompt's last row.
"""
import argparse
import json
import os

import numpy as np
import torch
from safetensors.torch import load_file

from data import NEVER, Drawn, Packed
from export import published_name
from model import Config, Model

MOST_NEW = 64


def load(folder):
    stored = {name: value.float() for name, value in load_file(f'{folder}/model.safetensors').items()}
    read = lambda name: json.load(open(f'{folder}/{name}'))
    text, vision = read('config.json'), read('vision_config.json')
    config = Config(
        image=vision['image_size'], patch=vision['patch_size'], vision_width=vision['hidden_size'],
        vision_layers=vision['num_layers_in_checkpoint'], vision_heads=vision['num_attention_heads'],
        vision_mlp=vision['intermediate_size'], width=text['hidden_size'], layers=text['num_hidden_layers'],
        heads=text['num_attention_heads'], kv_heads=text['num_key_value_heads'], mlp=text['intermediate_size'],
        theta=text['rope_theta'], vocabulary=text['vocab_size'])
    model = Model(config)
    model.load_state_dict({name: stored.pop(published_name(name)) for name in list(model.state_dict())})
    if stored:
        raise SystemExit(f'{folder}: tensors that the model does not have: {", ".join(stored)}')
    return model.eval(), read('generation_config.json')['eos_token_id']


def last_logits(model, video, before, ids):
    """video: [1, video_tokens, width]. The text after it is one segment."""
    n, prefix = len(ids), len(before) + video.shape[1]
    causal = lambda n: torch.from_numpy(np.where(np.tri(n, dtype=bool), 0, NEVER).astype(np.float32))
    packed = Packed(prefix, None, None, None, None, None, causal(n)[None], causal(prefix), None, None, None,
                    model.rope(torch.arange(prefix + n)[None]))
    x = torch.cat((model.embed_tokens(before)[None], video, model.embed_tokens(torch.tensor(ids))[None]), 1)
    hidden = torch.zeros(1, prefix)
    for layer in model.layers:
        x = x + layer.self_attn(layer.input_layernorm(x), packed, hidden)[0]
        x = x + layer.mlp(layer.post_attention_layernorm(x))
    return model.logits(x[0, -1])


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    for name in ('checkpoint', 'data', 'out'):
        parser.add_argument('--' + name, required=True)
    args = parser.parse_args()
    model, end = load(args.checkpoint)
    drawn = Drawn(args.data, 'clips')
    before = torch.tensor(drawn.about['before'])
    os.makedirs(args.out, exist_ok=True)
    with open(f'{args.out}/answers.jsonl', 'w') as out, open(f'{args.out}/logits.f32', 'wb') as scores:
        for clip, questions in enumerate(drawn.questions()):
            cells = model.see(torch.from_numpy(drawn.frames[np.array([clip])][0]))
            video = model.with_newlines(cells[None])
            for _, after, _, _ in questions:
                first = logits = last_logits(model, video, before, after)
                answer = []
                while len(answer) < MOST_NEW and (best := int(logits.argmax())) != end:
                    answer.append(best)
                    logits = last_logits(model, video, before, after + answer)
                out.write(json.dumps(dict(clip=clip, before=before.tolist(), after=after, answer=answer)) + '\n')
                scores.write(first.numpy().tobytes())


if __name__ == '__main__':
    main()
