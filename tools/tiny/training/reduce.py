"""Reductions of the video tokens for training: removed rows stay in place and are hidden as keys.

A mixture, so that every method has been met: merging of similar tokens, random dropping, pruning by attention, dropping
of frames, and merging followed by pruning.
"""
import torch
import torch.nn.functional as F

from data import NEVER

KINDS = {'none': 0.35, 'merge': 0.2, 'random': 0.12, 'frames': 0.08, 'prune': 0.1, 'merge, then prune': 0.15}
LAST = {'none': 0.3, 'merge': 0.35, 'random': 0.1, 'frames': 0.07, 'prune': 0.05, 'merge, then prune': 0.13}


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

    def at_input(self, x):
        """x: [b, rows, width] before the first layer."""
        c, b = self.config, len(self.hidden)
        if self.kind == 'random':
            share = 0.2 + 0.65 * self.strength
            self._hide(torch.rand(b, c.video_tokens, device=self.hidden.device) < share[:, None])
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

    def _merge(self, x):
        """A token that is like the one before it in its place becomes part of it: the mean of the whole chain."""
        c = self.config
        frames = x.unflatten(1, (c.frames, c.frame_tokens))
        with torch.no_grad():
            likeness = F.cosine_similarity(frames[:, 1:].float(), frames[:, :-1].float(), dim=-1)
            share = 0.15 + 0.8 * self.strength
            bound = torch.stack([torch.quantile(one.flatten(), 1 - s) for one, s in zip(likeness, share)])
            merged = F.pad(likeness >= bound[:, None, None], (0, 0, 1, 0))
        total, count, out = torch.zeros_like(frames[:, 0]), torch.zeros_like(frames[:, 0, :, :1]), []
        for t in reversed(range(c.frames)):
            total, count = total + frames[:, t], count + 1
            out.append(total / count)
            goes_on = merged[:, t, :, None]
            total, count = total * goes_on, count * goes_on
        self._hide(merged.flatten(1))
        return torch.stack(out[::-1], 1).flatten(1, 2)

    def _prune(self, seen):
        """Keeps what the asking rows look at; all questions of a clip share what is kept."""
        score = seen.detach().mean((1, 2))[:, self.video] + self.hidden[:, self.video]
        alive = (self.hidden[:, self.video] == 0).sum(1)
        keep = (alive * (0.1 + 0.6 * torch.rand(len(alive), device=alive.device))).long().clamp(min=8)
        rank = score.argsort(1, descending=True).argsort(1)
        self._hide(rank >= keep[:, None])
