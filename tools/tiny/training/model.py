"""A small LLaVA-Video: SigLIP-like tower, GELU projector, 2x2 pooling with newlines, Qwen2 decoder.

The modules have the names of the published layout, so that their state dict is the checkpoint.
"""
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class Config:
    """Sizes. Defaults: the embedded model."""
    image: int = 64
    patch: int = 8
    vision_width: int = 96
    vision_layers: int = 4
    vision_heads: int = 3
    vision_mlp: int = 256
    width: int = 192
    layers: int = 8
    heads: int = 6
    kv_heads: int = 2
    mlp: int = 352
    theta: float = 10000.0
    vocabulary: int = 587
    frames: int = 12

    @property
    def grid(self):
        """Patches along a side of the frame."""
        return self.image // self.patch

    @property
    def cells(self):
        """Tokens along a side of the frame, after pooling."""
        return self.grid // 2

    @property
    def frame_tokens(self):
        """Tokens of a frame: each row of cells ends in a newline."""
        return self.cells * (self.cells + 1)

    @property
    def video_tokens(self):
        return self.frames * self.frame_tokens


class VisionAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads = c.vision_heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (
            nn.Linear(c.vision_width, c.vision_width) for _ in range(4))

    def forward(self, x):
        split = lambda y: y.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        q, k, v = split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(x))
        weights = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1)
        return self.out_proj((weights.to(v.dtype) @ v).transpose(1, 2).flatten(2))


class VisionMlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(c.vision_width, c.vision_mlp), nn.Linear(c.vision_mlp, c.vision_width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate='tanh'))


class VisionLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.layer_norm1, self.layer_norm2 = (nn.LayerNorm(c.vision_width, eps=1e-6) for _ in range(2))
        self.self_attn, self.mlp = VisionAttention(c), VisionMlp(c)

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Tower(nn.Module):
    """Frames to patch features, [n, grid * grid, vision_width]. No final norm: LLaVA takes the last but one layer."""

    def __init__(self, c):
        super().__init__()
        self.patch_embedding = nn.Conv2d(3, c.vision_width, c.patch, c.patch)
        self.position_embedding = nn.Embedding(c.grid ** 2, c.vision_width)
        nn.init.normal_(self.position_embedding.weight, std=0.02)
        self.layers = nn.ModuleList(VisionLayer(c) for _ in range(c.vision_layers))

    def forward(self, frames):
        """frames: u8 [n, image, image, 3]."""
        x = (frames.float() / 127.5 - 1).permute(0, 3, 1, 2)
        x = self.patch_embedding(x).flatten(2).transpose(1, 2) + self.position_embedding.weight
        for layer in self.layers:
            x = layer(x)
        return x


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


def quarters(n):
    """Rows in four parts: the keys of each end with it, and scores fit a cache, which is what their time depends on."""
    step = -(-n // 4)
    return [slice(at, min(n, at + step)) for at in range(0, n, step)]


class Attention(nn.Module):
    """Grouped-query attention over a shared prefix and, after it, segments that do not see each other."""

    def __init__(self, c):
        super().__init__()
        self.kv_heads, self.size = c.kv_heads, c.width // c.heads
        self.q_proj = nn.Linear(c.width, c.width)
        self.k_proj, self.v_proj = (nn.Linear(c.width, c.kv_heads * self.size) for _ in range(2))
        self.o_proj = nn.Linear(c.width, c.width, bias=False)

    def forward(self, x, packed, hidden_keys, looks=False):
        """hidden_keys: [b, prefix], -inf where a reduction removed a token. Returns the output and, if `looks`, the
        attention of the looking rows over the prefix, [b, heads, rows, prefix]."""
        q = self._split(self.q_proj(x), packed.rope, self.size ** -0.5)
        k = self._split(self.k_proj(x), packed.rope)
        v = self._split(self.v_proj(x))
        # Autocast would have softmax in f32: twice the memory for scores that were rounded to 16 bits before.
        with torch.autocast(x.device.type, enabled=False):
            y, seen = self._attend(q.to(v.dtype), k.to(v.dtype), v, packed, hidden_keys.to(v.dtype), looks)
        return self.o_proj(y.flatten(1, 2).transpose(1, 2).flatten(2)), seen

    def _attend(self, q, k, v, packed, hidden_keys, looks):
        b, n = q.shape[0], q.shape[2]
        parts = (packed.prefix, n - packed.prefix)
        q, k, v = (y.split(parts, -2) for y in (q, k, v))
        # Query heads of one key head become rows of one product: broadcasting would copy the keys.
        group = lambda y: y.reshape(b, self.kv_heads, -1, self.size)
        ungroup = lambda y, rows: y.view(b, self.kv_heads, -1, rows, y.shape[-1])
        prefix = torch.cat([
            self._rows(q[0][:, :, rows], k[0], v[0], packed.causal[rows].to(v[0].dtype), hidden_keys)
            for rows in quarters(parts[0])], 2)
        tail = group(q[1])
        scores = torch.cat([ungroup(tail @ key.transpose(-1, -2), parts[1]) for key in k], -1)
        bias = torch.cat((hidden_keys[:, None].expand(-1, parts[1], -1), packed.segments.to(scores.dtype)), -1)
        weights = torch.softmax(scores + bias[:, None, None], -1).split(parts, -1)
        tail = sum(w.flatten(2, 3) @ value for w, value in zip(weights, v))
        y = torch.cat((prefix.unflatten(1, (self.kv_heads, -1)), ungroup(tail, parts[1])), -2)
        seen = None
        if looks:
            rows = packed.looking[:, None, None, :, None].expand(-1, *weights[0].shape[1:3], -1, parts[0])
            seen = weights[0].gather(-2, rows).flatten(1, 2).float()
        return y, seen

    def _rows(self, q, k, v, causal, hidden_keys):
        """Some rows of the prefix over the keys that they may see."""
        n = int((causal[-1] == 0).sum())
        scores = q.reshape(len(q), self.kv_heads, -1, self.size) @ k[:, :, :n].transpose(-1, -2)
        bias = causal[:, :n] + hidden_keys[:, None, None, None, :n]
        weights = torch.softmax(scores.unflatten(2, (-1, q.shape[2])) + bias, -1)
        return (weights.flatten(2, 3) @ v[:, :, :n]).reshape(q.shape)

    def _split(self, x, rope=None, scale=1.0):
        """[b, n, heads * size] to rotated [b, heads, n, size]."""
        x = x.unflatten(-1, (-1, self.size)).transpose(1, 2)
        if rope is None:
            return x
        cosine, sine = rope[0] * scale, rope[1] * scale
        a, b = x.float().chunk(2, -1)
        return torch.cat((a * cosine - b * sine, b * cosine + a * sine), -1)


class Mlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.gate_proj, self.up_proj = (nn.Linear(c.width, c.mlp, bias=False) for _ in range(2))
        self.down_proj = nn.Linear(c.mlp, c.width, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class DecoderLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = RmsNorm(c.width), RmsNorm(c.width)
        self.self_attn, self.mlp = Attention(c), Mlp(c)
        for linear in (self.self_attn.o_proj, self.mlp.down_proj):
            nn.init.normal_(linear.weight, std=0.05 / math.sqrt(2 * c.layers))


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.config = c
        self.tower = Tower(c)
        self.mm_projector = nn.Sequential(nn.Linear(c.vision_width, c.width), nn.GELU(), nn.Linear(c.width, c.width))
        self.image_newline = nn.Parameter(torch.randn(c.width) * 0.02)
        self.embed_tokens = nn.Embedding(c.vocabulary, c.width)
        nn.init.normal_(self.embed_tokens.weight, std=0.02)
        self.layers = nn.ModuleList(DecoderLayer(c) for _ in range(c.layers))
        self.norm = RmsNorm(c.width)

    def see(self, frames):
        """u8 [n, image, image, 3] to pooled tokens [n, cells * cells, width]. Halving the grid by bilinear
        interpolation is the mean of four."""
        c = self.config
        x = self.mm_projector(self.tower(frames))
        x = x.view(-1, c.cells, 2, c.cells, 2, c.width).mean((2, 4))
        return x.flatten(1, 2)

    def with_newlines(self, cells):
        """[b, frames, cells * cells, width] to [b, video_tokens, width]."""
        c = self.config
        rows = cells.unflatten(2, (c.cells, c.cells))
        newline = self.image_newline.expand(*rows.shape[:3], 1, -1)
        return torch.cat((rows, newline), 3).flatten(1, 3)

    def rope(self, positions):
        """[b, n] to the cosines and sines of [b, 1, n, head / 2]."""
        c = self.config
        half = c.width // c.heads // 2
        frequency = c.theta ** (-torch.arange(half, device=positions.device) / half)
        angle = positions[:, None, :, None] * frequency
        return angle.cos(), angle.sin()

    def logits(self, x):
        return F.linear(self.norm(x), self.embed_tokens.weight)
