"""Trains the embedded model. See README.md beside this file.

    python3 train.py --data DIR --tokenizer DIR --out DIR [--minutes-eye 9] [--minutes 90] [--workers 2] [--device cpu]

Stages: the eye (tower and projector) on pictures whose cells are labelled; then the decoder on the eye's tokens, at
first with all of them, then under reductions. Ended and started again, it goes on from its last checkpoint.
"""
import argparse
import json
import math
import os
import time

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F
from torch import nn

from data import Drawn, bits, choose, pack
from model import Config, Model
from answer import load
from reduce import MIXTURES, Reduction

ATTRIBUTES = 12          # labels that a still shows: colours and shapes
POINTED = (1, 3)         # layers in which a question's last row is told where to look
NAMED = 5                # and in which a row is that names an object
PROBED = 3               # layer after which cells are asked what happens in them
TOLD = 5                 # layer after which these rows are asked what object it is
CLIPS, QUESTIONS = 4, 10  # of one worker's batch
STILLS = 96
LOOKING = ('none', 'prune', 'merge, then prune')  # kinds in which attention is taught


class Probes(nn.Module):
    """Heads for labels of cells, thrown away after training."""

    def __init__(self, c, backgrounds, events):
        super().__init__()
        self.attributes, self.background = nn.Linear(c.width, ATTRIBUTES), nn.Linear(c.width, backgrounds)
        self.place, self.events = nn.Linear(c.width, c.cells ** 2), nn.Linear(c.width, events)
        self.object = nn.Linear(c.width, ATTRIBUTES + 4)


class Trainer:
    def __init__(self, rank, args):
        self.rank, self.args, self.device = rank, args, args.device
        self.rng = np.random.default_rng((args.seed, rank))
        torch.manual_seed(args.seed)
        self.clips = Drawn(args.data, 'clips')
        about = self.about = self.clips.about
        vocabulary = max(t['id'] for t in json.load(open(f'{args.tokenizer}/tokenizer.json'))['added_tokens']) + 1
        self.config = Config(vocabulary=vocabulary, frames=about['instants'])
        self.events = len(about['labels']) - ATTRIBUTES   # what only a film shows
        self.model = Model(self.config)
        if args.start:
            self.begin_with(args.start)
        self.model.to(self.device)
        self.probes = Probes(self.config, len(about['backgrounds']), self.events).to(self.device)
        self.before = torch.tensor(about['before'], device=self.device)
        words = json.load(open(f'{args.tokenizer}/tokenizer.json'))['model']['vocab']
        self.colors = {words[space + name]: i for i, name in enumerate(about['labels'][:about['colors']])
                       for space in ('', '\u0120')}
        torch.manual_seed(args.seed * 100 + rank)

    def begin_with(self, folder):
        """The weights of a checkpoint whose tokenizer may know other words."""
        words = lambda at: (lambda t: {**t['model']['vocab'], **{a['content']: a['id'] for a in t['added_tokens']}})(
            json.load(open(f'{at}/tokenizer.json')))
        old, new, state = words(folder), words(self.args.tokenizer), load(folder)[0].state_dict()
        embeddings = self.model.embed_tokens.weight.detach().clone()
        for word, row in new.items():
            if word in old:
                embeddings[row] = state['embed_tokens.weight'][old[word]]
        self.model.load_state_dict({**state, 'embed_tokens.weight': embeddings})

    def note(self, text, **values):
        if self.rank == 0:
            print(text, flush=True)
            if values:
                with open(f'{self.args.out}/log.jsonl', 'a') as log:
                    log.write(json.dumps(values) + '\n')

    def autocast(self):
        return torch.autocast(torch.device(self.device).type, torch.bfloat16)

    # What all stages share: steps by time, so that workers agree and a cosine ends when the time does.

    def run(self, stage, minutes, parts, peak, step, describe):
        state = f'{self.args.out}/{stage}.pt'
        parameters = [p for part in parts for p in part.parameters()]
        decayed = [p for p in parameters if p.ndim > 1]
        groups = [dict(params=decayed, weight_decay=0.05),
                  dict(params=[p for p in parameters if p.ndim <= 1], weight_decay=0.0)]
        optimizer = torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.98))
        steps, spent = 0, 0.0
        if os.path.exists(state):
            saved = torch.load(state, map_location=self.device, weights_only=True)
            self.model.load_state_dict(saved['model'])
            self.probes.load_state_dict(saved['probes'])
            optimizer.load_state_dict(saved['optimizer'])
            steps, spent = saved['steps'], saved['spent']
        last, losses, first_step = time.time(), [], steps
        while spent < minutes * 60:
            part = spent / (minutes * 60)
            rate = peak * min(1, (steps - first_step + 1) / 150) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part)))
            for group in optimizer.param_groups:
                group['lr'] = rate
            optimizer.zero_grad(set_to_none=True)
            loss = step(part)
            loss.backward()
            self.share_gradients(parameters)
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            losses.append(loss.item())
            steps += 1
            now = torch.tensor(time.time() - last, dtype=torch.float64)
            if self.args.workers > 1:
                dist.broadcast(now, 0)
            spent, last = spent + now.item(), time.time()
            if steps % 100 == 0:
                loss, (right, detail) = float(np.mean(losses)), describe()
                self.note(f'{stage} {steps} {spent:.0f} s lr {rate:.1e} loss {loss:.4f} right {right:.3f} {detail}',
                          stage=stage, steps=steps, seconds=round(spent), loss=round(loss, 4), right=round(right, 4))
                losses = []
            if steps % 500 == 0:
                self.save(state, optimizer, steps, spent)
        if steps > first_step:
            self.save(state, optimizer, steps, spent)

    def save(self, state, optimizer, steps, spent):
        if self.rank == 0:
            torch.save(dict(model=self.model.state_dict(), probes=self.probes.state_dict(), steps=steps, spent=spent,
                            optimizer=optimizer.state_dict()), state + '.part')
            os.replace(state + '.part', state)

    def share_gradients(self, parameters):
        if self.args.workers == 1:
            return
        grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        flat = torch.cat([g.flatten() for g in grads])
        dist.all_reduce(flat)
        flat /= self.args.workers
        for p, part in zip(parameters, flat.split([p.numel() for p in parameters])):
            p.grad = part.view_as(p)

    # The eye.

    def train_eye(self):
        crowds = Drawn(self.args.data, 'crowds')
        right = [0.0, 0.0]

        def step(_):
            frames, labels, backgrounds = self.stills(crowds)
            with self.autocast():
                cells = self.model.see(frames).float()
                loss, guess = self.eye_loss(cells, labels, backgrounds)
            present = labels[..., :self.about['colors']].sum(-1) > 0
            right[0] = 0.98 * right[0] + ((guess > 0) == (labels > 0)).all(-1)[present].float().mean().item()
            right[1] = 0.98 * right[1] + 1
            return loss

        self.run('eye', self.args.minutes_eye, (self.model.tower, self.model.mm_projector, self.probes),
                 1.5e-3 * self.args.rate, step,
                 lambda: (right[0] / max(right[1], 1e-9), ''))

    def stills(self, crowds):
        """Half crowds, half single frames of clips; half of them mirrored."""
        parts = []
        for drawn, count in ((crowds, STILLS // 2), (self.clips, STILLS // 2)):
            limit = len(drawn) - (self.args.held_out if drawn is self.clips else 0)
            which = self.rng.integers(limit, size=count // 4)
            when = self.rng.integers(self.config.frames, size=(count // 4, 4))
            rows = np.arange(count // 4)[:, None]
            parts.append([x[which][rows, when].reshape(count, *x[which[:1]].shape[2:])
                          for x in (drawn.frames, drawn.labels, drawn.backgrounds)])
        frames, labels, backgrounds = (np.concatenate(x) for x in zip(*parts))
        labels = labels.reshape(STILLS, self.config.cells, self.config.cells)
        mirrored = self.rng.random(STILLS) < 0.5
        frames[mirrored], labels[mirrored] = frames[mirrored][:, :, ::-1].copy(), labels[mirrored][:, :, ::-1].copy()
        return (torch.from_numpy(frames).to(self.device),
                bits(labels.reshape(STILLS, -1), 0, ATTRIBUTES).to(self.device),
                torch.from_numpy(backgrounds.astype(np.int64)).to(self.device))

    def eye_loss(self, cells, labels, backgrounds):
        guess = self.probes.attributes(cells).float()
        place = torch.arange(cells.shape[1], device=cells.device).expand(cells.shape[:2])
        loss = F.binary_cross_entropy_with_logits(guess, labels) * ATTRIBUTES
        # Every cell knows the background: what is asked for is everywhere, whichever tokens are left.
        sky = self.probes.background(cells).float()
        loss = loss + 0.5 * F.cross_entropy(sky.flatten(0, 1), backgrounds.repeat_interleave(cells.shape[1]))
        return loss + 0.1 * F.cross_entropy(self.probes.place(cells).float().flatten(0, 1), place.flatten()), guess

    # The decoder.

    def look_at_clips(self):
        """The eye's tokens of all clips, made once: f16 [clips, frames, cells, width]."""
        file = f'{self.args.out}/tokens.f16'
        c, clips = self.config, self.clips
        shape = (len(clips), c.frames, c.cells ** 2, c.width)
        if not os.path.exists(file):
            if self.rank == 0:
                np.memmap(file + '.part', np.float16, 'w+', shape=shape).flush()
            self.meet()
            tokens, started = np.memmap(file + '.part', np.float16, 'r+', shape=shape), time.time()
            with torch.no_grad(), self.autocast():
                for at in range(16 * self.rank, len(clips), 16 * self.args.workers):
                    which = np.arange(at, min(at + 16, len(clips)))
                    frames = torch.from_numpy(clips.frames[which]).to(self.device).flatten(0, 1)
                    tokens[which] = self.model.see(frames).view(len(which), *shape[1:]).half().cpu().numpy()
            tokens.flush()
            self.meet()
            if self.rank == 0:
                os.replace(file + '.part', file)
            self.note(f'looked at {len(clips)} clips in {time.time() - started:.0f} s')
            self.meet()
        return np.memmap(file, np.float16, 'r', shape=shape)

    def meet(self):
        if self.args.workers > 1:
            dist.barrier()

    def train_decoder(self):
        tokens, questions = self.look_at_clips(), self.clips.questions()
        types = len(self.about['types'])
        right, asked = np.full(types, 1.0), np.full(types, 2.0)
        first, then = MIXTURES[self.args.mixture]
        kinds, shares, last = list(first), list(first.values()), [then[kind] for kind in first]
        trained = len(questions) - self.args.held_out

        def step(part):
            reduced = part > self.args.dense_part
            mixture = last if part > self.args.last_part else shares
            kind = self.rng.choice(kinds, p=mixture) if reduced else 'none'
            # The rows that ask choose what is kept: with few of them it is nearly what one alone would keep.
            count, size = (3, int(CLIPS * 1.5)) if 'prune' in kind else (QUESTIONS, CLIPS)
            which = self.rng.integers(trained, size=size)
            weights = 0.15 + np.clip(1 - right / asked, 0, 1)
            loss, ok, batch = self.answer_loss(tokens, questions, which, count, weights, kind, part)
            if kind == 'none' or (kind == 'merge' and mixture is last):
                np.add.at(right, batch.types.cpu().numpy().ravel(), ok.numpy().ravel())
                np.add.at(asked, batch.types.cpu().numpy().ravel(), 1)
                right[:], asked[:] = right * 0.995, asked * 0.995
            return loss

        def describe():
            each = ' '.join(f'{name} {r / a:.2f}' for name, r, a in zip(self.about['types'], right, asked))
            return float(np.mean(right / asked)), f'| {each}'

        parts = (self.model.layers, self.model.norm, self.model.embed_tokens, Newline(self.model), self.probes)
        self.run('decoder', self.args.minutes, parts, 1.2e-3 * self.args.rate, step, describe)
        self.check(tokens, questions)

    def answer_loss(self, tokens, questions, which, count, weights, kind, part):
        c = self.config
        chosen = [choose(self.rng, questions[i], count, weights) for i in which]
        batch = pack(chosen, len(self.before) + c.video_tokens, self.colors).to(self.device)
        seen = torch.from_numpy(tokens[which].astype(np.float32)).to(self.device)
        labels = self.clips.labels[which]
        with self.autocast():
            x, pointed, cells, told = self.forward(seen, batch, kind)
            taught = batch.targets >= 0
            logits = self.model.logits(x[:, batch.prefix:][taught]).float()
        target, weight = batch.targets[taught], batch.weights[taught]
        loss = (F.cross_entropy(logits, target, reduction='none') * weight).sum() / weight.sum()
        fades = max(0.1, 1 - part)
        if kind == 'none':
            events = bits(labels, ATTRIBUTES, ATTRIBUTES + self.events).to(self.device)
            guess = self.probes.events(cells).float()
            loss = loss + 10 * fades * F.binary_cross_entropy_with_logits(guess, events)
        if kind in LOOKING:
            loss = loss + 0.15 * fades * self.pointing_loss(pointed, batch, labels)
        loss = loss + 0.2 * fades * self.telling_loss(told, batch, labels)
        with torch.no_grad():
            wrong = torch.zeros_like(batch.question, dtype=torch.float32)
            wrong[taught] = (logits.argmax(-1) != target).float()
            per_question = torch.zeros(len(which), count + 1, device=self.device)
            per_question.scatter_add_(1, batch.question % (count + 1), wrong)
        return loss, (per_question[:, :count] == 0).float().cpu(), batch

    def forward(self, seen, batch, kind):
        """Hidden states of all rows, the attention of the looking rows at POINTED and NAMED, the cells after PROBED,
        the looking rows after TOLD."""
        model, before = self.model, len(self.before)
        video = model.with_newlines(seen)
        text = model.embed_tokens(self.before).expand(len(seen), -1, -1)
        x = torch.cat((text, video, model.embed_tokens(batch.ids)), 1)
        batch.rope = model.rope(batch.positions)
        reduction = Reduction(kind, self.config, before, len(seen), x.device)
        x, pointed, cells = reduction.at_input(x), [], None
        for i, layer in enumerate(model.layers):
            looks = kind in LOOKING and (i in (*POINTED, NAMED) or i == reduction.prune_after)
            y, looked = layer.self_attn(layer.input_layernorm(x), batch, reduction.hidden, looks)
            questions = batch.types.shape[1]
            x = reduction.after_attention(i, x + y, looked[:, :, :questions] if looks else None)
            x = x + layer.mlp(layer.post_attention_layernorm(x))
            if looks and i in (*POINTED, NAMED):
                pointed.append(looked[:, :, :None if i == NAMED else questions, before:])
            if i == PROBED:
                grid = x[:, before:batch.prefix].unflatten(1, (self.config.frames, self.config.cells, -1))
                cells = grid[..., :-1, :].flatten(2, 3)
            if i == TOLD:
                told = x[:, batch.prefix:].gather(1, batch.looking[..., None].expand(-1, -1, x.shape[-1]))
        return x, pointed, cells, told

    def places(self, batch, labels):
        """Where the object of each looking row is: 0 or 1, [b, rows, frames, cells]."""
        colors = bits(labels, 0, self.about['colors']).to(self.device)      # [b, frames, cells, colours]
        about = batch.about.clamp(min=0)[:, None, None]
        return colors.gather(-1, about.expand(-1, *colors.shape[1:3], -1)).permute(0, 3, 1, 2)

    def pointing_loss(self, pointed, batch, labels):
        """Half of the heads at some layers should look at the object that the question is about."""
        c = self.config
        place = self.places(batch, labels)
        place = F.pad(place.unflatten(-1, (c.cells, c.cells)), (0, 1)).flatten(2)   # newlines are no place
        asked = batch.about >= 0
        loss = 0
        for looked in pointed:
            rows = looked.shape[2]
            on_it = (looked[:, ::2].mean(1) * place[:, :rows]).sum(-1)[asked[:, :rows]]
            loss = loss - torch.log(on_it + 1e-4).mean()
        return loss / len(pointed)

    def telling_loss(self, told, batch, labels):
        """Looking rows should know the colour, shape and quarter of the object."""
        c, asked = self.config, batch.about >= 0
        place = self.places(batch, labels)
        shapes = bits(labels, self.about['colors'], ATTRIBUTES).to(self.device)
        # Its own shape is in all of its cells; another object's only where they touch.
        shape = torch.einsum('bqfc,bfcs->bqs', place, shapes).argmax(-1)
        grid = place.sum(2).unflatten(-1, (c.cells, c.cells))
        middle = torch.arange(c.cells, device=self.device) - (c.cells - 1) / 2
        down = ((grid.sum(-1) * middle).sum(-1) > 0).long()
        right = ((grid.sum(-2) * middle).sum(-1) > 0).long()
        guess = self.probes.object(told[asked]).float().split((self.about['colors'], shapes.shape[-1], 4), -1)
        wanted = (batch.about, shape, 2 * down + right)
        return sum(F.cross_entropy(g, w[asked]) for g, w in zip(guess, wanted))

    @torch.no_grad()
    def check(self, tokens, questions):
        """Answers right by type on clips that were not trained on, every token of the answer forced."""
        if self.rank != 0:
            return
        types = self.about['types']
        for kind in MIXTURES[self.args.mixture][0]:
            right, asked = np.zeros(len(types)), np.zeros(len(types))
            torch.manual_seed(1)
            for at in range(len(questions) - self.args.held_out, len(questions), 16):
                _, ok, batch = self.answer_loss(tokens, questions, np.arange(at, at + 16), 3 if 'prune' in kind else 10,
                                                np.ones(len(types)), kind, 1)
                np.add.at(right, batch.types.cpu().numpy().ravel(), ok.numpy().ravel())
                np.add.at(asked, batch.types.cpu().numpy().ravel(), 1)
            each = ' '.join(f'{name} {r / max(a, 1):.2f}' for name, r, a in zip(types, right, asked))
            self.note(f'held out, {kind}: {right.sum() / asked.sum():.3f} | {each}',
                      held_out=kind, right=round(right.sum() / asked.sum(), 4))


class Newline(nn.Module):
    """One parameter as a module, so that parts are modules."""

    def __init__(self, model):
        super().__init__()
        self.image_newline = model.image_newline


def work(rank, args):
    if args.device == 'cpu':
        torch.set_num_threads(1)
    if args.workers > 1:
        dist.init_process_group('gloo', f'file://{os.path.abspath(args.out)}/workers', rank=rank,
                                world_size=args.workers)
    trainer = Trainer(rank, args)
    if rank == 0:
        print(sum(p.numel() for p in trainer.model.parameters()), 'parameters', flush=True)
    trainer.train_eye()
    trainer.train_decoder()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    for name in ('data', 'tokenizer', 'out'):
        parser.add_argument('--' + name, required=True)
    parser.add_argument('--start', help='a checkpoint to begin with; random weights without')
    parser.add_argument('--rate', type=float, default=1, help='of learning, times that of the recipe')
    parser.add_argument('--mixture', choices=MIXTURES, default='plain', help='of reductions (reduce.py)')
    parser.add_argument('--minutes-eye', type=float, default=9)
    parser.add_argument('--minutes', type=float, default=90)
    parser.add_argument('--dense-part', type=float, default=0.4, help='of the decoder\'s time, before reductions')
    parser.add_argument('--last-part', type=float, default=0.78, help='of it, before the last mixture of reductions')
    parser.add_argument('--held-out', type=int, default=512, help='clips at the end that are not trained on')
    parser.add_argument('--workers', type=int, default=2, help='processes; their gradients are averaged')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    os.environ.setdefault('GLOO_SOCKET_IFNAME', 'lo')
    if os.path.exists(f'{args.out}/workers'):
        os.remove(f'{args.out}/workers')
    if args.workers == 1:
        work(0, args)
    else:
        mp.spawn(work, (args,), args.workers)


if __name__ == '__main__':
    main()
