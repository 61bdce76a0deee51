"""Reductions of the video tokens for training: removed rows stay in place and are hidden as keys.

A mixture, so that every method has been met: merging of similar tokens along time and along rows, keeping what changed or
what is unlike the rest, random dropping, pruning by attention, dropping of frames, and merging followed by pruning.
"""
import torch
import torch.nn.functional as F

from data import NEVER

# Shares of the kinds in a recipe: after the dense part, and in its last part.
MIXTURES = {
    'plain': (
        {'none': 0.35, 'merge': 0.2, 'random': 0.12, 'frames': 0.08, 'prune': 0.1, 'merge, then prune': 0.15},
        {'none': 0.3, 'merge': 0.35, 'random': 0.1, 'frames': 0.07, 'prune': 0.05, 'merge, then prune': 0.13}),
    'even': 2 * (
        {'none': 0.2, 'merge': 0.1, 'merge along rows': 0.1, 'changed': 0.1, 'unlike': 0.1, 'random': 0.1,
         'frames': 0.1, 'prune': 0.1, 'merge, then prune': 0.1},),
}


class Reduction:
    """One batch's reduction; each clip has its own strength."""

    def __init__(self, kind, config, before, b, device):
        self.kind, self.config, self.before = kind, config, before
        self.video = slice(before, before + config.video_tokens)
        self.hidden = torch.zeros(b, before + config.video_tokens, device=device)
        self.strength = torch.rand(b, device=device)
        self.prune_after = int(torch.randint(1, 3, ())) if 'prune' in kind else None
        # FrameFusion merges before the first layer, and again in the next ones while that finds enough.
        self.merge_after = None if not kind.startswith('merge') else -1 if torch.rand(()) < 0.7 else 0
        # Groups of tokens that follow each other, as (groups in a row, length of the rest): along time or along a row.
        self.chain = ((config.frames * config.cells, config.cells + 1) if kind == 'merge along rows'
                      else (config.frames, config.frame_tokens))

    def at_input(self, x):
        """x: [b, rows, width] before the first layer."""
        c, b = self.config, len(self.hidden)
        if self.kind == 'random':
            share = 0.2 + 0.65 * self.strength
            self._hide(torch.rand(b, c.video_tokens, device=self.hidden.device) < share[:, None])
        if self.kind in ('changed', 'unlike'):
            video = x[:, self.video].detach().float()
            score = self._change(video) if self.kind == 'changed' else self._distance(video)
            bound = torch.stack([torch.quantile(one, 0.3 + 0.65 * s) for one, s in zip(score, self.strength)])
            self._hide(score < bound[:, None])
        if self.kind == 'frames':
            drop = torch.ones(b, c.frames, dtype=torch.bool)
            for clip, keep in zip(drop, torch.randint(3, c.frames, (b,))):
                clip[torch.linspace(0, c.frames - 1, int(keep)).round().long()] = False
            self._hide(drop.repeat_interleave(c.frame_tokens, 1).to(self.hidden.device))
        return self.after_attention(-1, x, None)

    def after_attention(self, layer, x, seen):
        """x: [b, rows, width] after the attention of a layer. seen: what the rows looked at from which
        answers start."""
        if layer == self.merge_after:
            x = torch.cat((x[:, :self.before], self._merge(x[:, self.video]), x[:, self.video.stop:]), 1)
        if layer == self.prune_after:
            self._prune(seen)
        return x

    def _hide(self, removed):
        self.hidden = self.hidden.clone()
        self.hidden[:, self.video].masked_fill_(removed, NEVER)

    def _change(self, x):
        """How unlike a token is to the one before it in its place; all of the first frame is new."""
        c = self.config
        frames = x.unflatten(1, (c.frames, c.frame_tokens))
        return F.pad(1 - F.cosine_similarity(frames[:, 1:], frames[:, :-1], dim=-1), (0, 0, 1, 0), value=2).flatten(1)

    def _distance(self, x):
        """How unlike a token is to the mean of its frame and to that of the video."""
        c = self.config
        frames = x.unflatten(1, (c.frames, c.frame_tokens))
        means = frames.mean(2, keepdim=True), frames.mean((1, 2), keepdim=True)
        return sum(1 - F.cosine_similarity(frames, mean, dim=-1) for mean in means).flatten(1)

    def _merge(self, x):
        """A token that is like the one before it becomes part of it: the mean of the whole chain."""
        along_rows = self.kind == 'merge along rows'
        frames = x.unflatten(1, self.chain)
        if along_rows:
            frames = frames.transpose(1, 2)
        steps = frames.shape[1]
        with torch.no_grad():
            likeness = F.cosine_similarity(frames[:, 1:].float(), frames[:, :-1].float(), dim=-1)
            share = 0.15 + 0.8 * self.strength
            bound = torch.stack([torch.quantile(one.flatten(), 1 - s) for one, s in zip(likeness, share)])
            merged = F.pad(likeness >= bound[:, None, None], (0, 0, 1, 0))
        total, count, out = torch.zeros_like(frames[:, 0]), torch.zeros_like(frames[:, 0, :, :1]), []
        for t in reversed(range(steps)):
            total, count = total + frames[:, t], count + 1
            out.append(total / count)
            goes_on = merged[:, t, :, None]
            total, count = total * goes_on, count * goes_on
        means = torch.stack(out[::-1], 1)
        if along_rows:
            merged, means = merged.transpose(1, 2), means.transpose(1, 2)
        self._hide(merged.flatten(1))
        return means.flatten(1, 2)

    def _prune(self, seen):
        """Keeps what the asking rows look at; all questions of a clip share what is kept."""
        score = seen.detach().mean((1, 2))[:, self.video] + self.hidden[:, self.video]
        alive = (self.hidden[:, self.video] == 0).sum(1)
        keep = (alive * (0.1 + 0.6 * torch.rand(len(alive), device=alive.device))).long().clamp(min=8)
        rank = score.argsort(1, descending=True).argsort(1)
        self._hide(rank >= keep[:, None])
