"""What draw-training.ts wrote, and batches of it."""
import json
import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch


class Drawn:
    """Folders of one kind as one sequence of clips."""

    def __init__(self, root, kind):
        folders = sorted(os.path.join(root, name) for name in os.listdir(root) if name.startswith(kind + '-'))
        if not folders:
            raise SystemExit(f'{root}: expected folders {kind}-*, as draw-training.ts writes them.')
        self.about = json.load(open(os.path.join(folders[0], 'about.json')))
        self.folders = folders

    @cached_property
    def frames(self):
        return Stacked(self.folders, 'frames.u8', np.uint8,
                       (self.about['instants'], self.about['size'], self.about['size'], 3))

    @cached_property
    def labels(self):
        return Stacked(self.folders, 'labels.u32', np.uint32, (self.about['instants'], self.about['cells'] ** 2))

    @cached_property
    def backgrounds(self):
        return Stacked(self.folders, 'backgrounds.u8', np.uint8, (self.about['instants'],))

    def __len__(self):
        return len(self.frames)

    def questions(self):
        """For each clip a list of (type, ids after the video, ids of the answer, colour or -1)."""
        return [json.loads(line) for folder in self.folders for line in open(os.path.join(folder, 'questions.jsonl'))]


class Stacked:
    """Arrays in several files, along their first axis."""

    def __init__(self, folders, name, dtype, shape):
        maps = [np.memmap(os.path.join(folder, name), dtype, 'r') for folder in folders]
        self.maps = [m[:len(m) // np.prod(shape) * np.prod(shape)].reshape(-1, *shape) for m in maps]
        self.starts = np.cumsum([0] + [len(m) for m in self.maps])

    def __len__(self):
        return self.starts[-1]

    def __getitem__(self, indices):
        where = np.searchsorted(self.starts, indices, 'right') - 1
        return np.stack([self.maps[w][i - self.starts[w]] for w, i in zip(where, indices)])


def bits(labels, first, last):
    """u32 [...] to 0 or 1 in f32 [..., last - first]."""
    return torch.from_numpy(((labels[..., None] >> np.arange(first, last, dtype=np.uint32)) & 1).astype(np.float32))


@dataclass
class Packed:
    """Clips with several questions each: the video is computed once, the questions do not see each other.

    After `prefix` shared rows follow the questions' rows, padded to the longest clip.
    """
    prefix: int
    ids: torch.Tensor        # [b, tail]
    targets: torch.Tensor    # [b, tail], -100 where nothing is taught
    weights: torch.Tensor    # [b, tail], of the targets
    question: torch.Tensor   # [b, tail], which question a row belongs to; -1 for padding
    positions: torch.Tensor  # [b, prefix + tail]
    segments: torch.Tensor   # [b, tail, tail], 0 or -inf
    causal: torch.Tensor     # [prefix, prefix], 0 or -inf
    types: torch.Tensor      # [b, questions]
    looking: torch.Tensor    # [b, rows], rows of the tail that should look at an object: first those from which the
                             # answers start, then those that are about to name it or to say more of it
    about: torch.Tensor      # [b, rows], the colour of that object; -1 if it is none
    rope: tuple = None

    def to(self, device):
        for name, value in vars(self).items():
            if isinstance(value, torch.Tensor):
                setattr(self, name, value.to(device))
        return self


NEVER = -1e9


def pack(chosen, prefix, colors=None, pad_to=16):
    """chosen: for each clip the same number of questions. colors: by token id, of the words that name one."""
    b, n = len(chosen), len(chosen[0])
    tail = max(sum(len(after) + len(answer) - 1 for _, after, answer, _ in clip) for clip in chosen)
    tail = -(-tail // pad_to) * pad_to
    ids, targets = np.zeros((b, tail), np.int64), np.full((b, tail), -100, np.int64)
    weights, question = np.zeros((b, tail), np.float32), np.full((b, tail), -1, np.int64)
    positions, looks = np.zeros((b, tail), np.int64), []
    for i, clip in enumerate(chosen):
        at, asking, naming = 0, [], []
        for j, (_, after, answer, about) in enumerate(clip):
            text = after + answer[:-1]
            rows = slice(at, at + len(text))
            ids[i, rows], question[i, rows], positions[i, rows] = text, j, prefix + np.arange(len(text))
            first = at + len(after) - 1
            taught = slice(first, at + len(text))
            # A sentence should weigh more than a word, but not as much more as it is longer.
            targets[i, taught], weights[i, taught] = answer, len(answer) ** -0.5
            asking.append((first, about))
            # "top", too, needs to know of what: "left" is to follow.
            naming += [(first + k, about) for k in range(1, len(answer) - 1) if about >= 0 and len(answer) <= 4]
            named = [(first + k, (colors or {}).get(token, -1)) for k, token in enumerate(answer)]
            naming += [(row + k, color) for row, color in named if color >= 0 and len(answer) > 4 for k in range(3)]
            at += len(text)
        looks.append(asking + naming)
    most = max(map(len, looks))
    looks = np.array([rows + [(0, -1)] * (most - len(rows)) for rows in looks])
    allowed = (question[:, :, None] == question[:, None]) & np.tri(tail, dtype=bool)
    bias = lambda allowed: torch.from_numpy(np.where(allowed, 0, NEVER).astype(np.float32))
    all_positions = np.concatenate((np.broadcast_to(np.arange(prefix), (b, prefix)), positions), 1)
    t = torch.from_numpy
    return Packed(prefix, t(ids), t(targets), t(weights), t(question), t(all_positions), bias(allowed),
                  bias(np.tri(prefix, dtype=bool)), t(np.array([[q[0] for q in clip] for clip in chosen])),
                  t(looks[..., 0]), t(looks[..., 1]))


def choose(rng, questions, count, type_weights):
    """Questions of one clip, the rarer and harder types more often."""
    weights = type_weights[[q[0] for q in questions]]
    few = len(questions) < count
    return [questions[i] for i in rng.choice(len(questions), count, replace=few, p=weights / weights.sum())]
