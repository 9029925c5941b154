"""Mistakes of interpolation and of the shift."""

import torch
from torch import Tensor

from course.exercises.mistakes import column, mistake, normalised
from implementation import circular_shift

INTERPOLATE = [
    mistake(
        "gate inverted",
        "The gate is inverted. A gate of 1 takes the content weighting, a gate of 0 the previous one.",
        lambda c, p, g: torch.lerp(c, p, column(g)),
    ),
    mistake(
        "previous weighting forgotten",
        "The second term is missing: what the gate does not give to content, it leaves to the previous weighting.",
        lambda c, p, g: column(g) * c,
    ),
    mistake(
        "content weighting forgotten",
        "The first term is missing: the content weighting, times the gate.",
        lambda c, p, g: (1 - column(g)) * p,
    ),
    mistake(
        "gate on one term only",
        "The gate is applied to one of the two terms only, so the weights sum to more than 1. The shares are g and "
        "1 - g.",
        lambda c, p, g: column(g) * c + p,
        lambda c, p, g: c + (1 - column(g)) * p,
    ),
    mistake(
        "same gate twice",
        "Both terms have the same factor. The shares are g and 1 - g, so that they sum to 1.",
        lambda c, p, g: column(g) * c + column(g) * p,
        lambda c, p, g: (1 - column(g)) * (c + p),
    ),
    mistake(
        "gate ignored",
        "The gate plays no part.",
        lambda c, p, g: c + p,
        lambda c, p, g: (c + p) / 2,
        lambda c, p, g: c,
        lambda c, p, g: p,
    ),
    mistake(
        "hard gate",
        "The gate is rounded to 0 or 1. A gate in between mixes; a rounded one has no gradient.",
        lambda c, p, g: torch.where(column(g) > 0.5, c, p),
        lambda c, p, g: torch.where(column(g) >= 0.5, c, p),
    ),
    mistake(
        "softmax afterwards",
        "There is a softmax too many: a mixture of two weightings sums to 1 by itself.",
        lambda c, p, g: torch.softmax(torch.lerp(p, c, column(g)), dim=-1),
    ),
    mistake(
        "gate squashed",
        "The gate went through a sigmoid once more. It comes as a number from 0 to 1; use it as it is.",
        lambda c, p, g: torch.lerp(p, c, torch.sigmoid(column(g))),
    ),
]


def _moves(shift: Tensor) -> range:
    return range(-(shift.shape[-1] // 2), shift.shape[-1] // 2 + 1)


def _weighted(moved: list[Tensor], shift: Tensor) -> Tensor:
    return torch.einsum("...ns,...s->...n", torch.stack(moved, dim=-1), shift)


def _off_the_end(weighting: Tensor, shift: Tensor, direction: int = 1, at_the_end: str = "lost") -> Tensor:
    """A shift that is not circular: what moves past the end is lost, or stays in the last location."""
    N, moved = weighting.shape[-1], []
    for move in _moves(shift):
        source = torch.arange(N) - direction * move
        inside = (source >= 0) & (source < N) if at_the_end == "lost" else torch.ones(N, dtype=torch.bool)
        moved.append(weighting[..., source.clamp(0, N - 1)] * inside)
    return _weighted(moved, shift)


SHIFT = [
    mistake(
        "shift in the wrong direction",
        "The shift goes in the wrong direction. The last entry of the shift stands for +1, which moves the focus "
        "from location i to i + 1. (A convolution flips the kernel; torch.nn.functional.conv1d does not.)",
        lambda w, s: circular_shift(w, s.flip(-1)),
    ),
    mistake(
        "non-circular shift",
        "The shift is not circular: weight that moves past one end should come in at the other. Take locations "
        "modulo N, or use torch.roll.",
        _off_the_end,
        lambda w, s: normalised(_off_the_end(w, s)),
    ),
    mistake(
        "non-circular shift in the wrong direction",
        "Two things: weight that moves past one end should come in at the other (modulo N), and the shift goes in "
        "the wrong direction: its last entry, +1, moves the focus from i to i + 1.",
        lambda w, s: _off_the_end(w, s, direction=-1),
        lambda w, s: normalised(_off_the_end(w, s, direction=-1)),
    ),
    mistake(
        "weight stuck at the end",
        "Weight that moves past the end stays there. It should come in at the other end: take locations modulo N.",
        lambda w, s: _off_the_end(w, s, at_the_end="stays"),
        lambda w, s: _off_the_end(w, s, direction=-1, at_the_end="stays"),
    ),
    mistake(
        "moves counted from 0",
        "The entries of the shift are taken as the moves 0, 1, 2. They stand for -1, 0 and +1: subtract (S - 1)/2.",
        lambda w, s: _weighted([w.roll(k, dims=-1) for k in range(s.shape[-1])], s),
        lambda w, s: _weighted([w.roll(-k, dims=-1) for k in range(s.shape[-1])], s),
        lambda w, s: _weighted([w.roll(k + 1, dims=-1) for k in range(s.shape[-1])], s),
    ),
    mistake(
        "entries counted from the middle",
        "The entry for a move of -1 is shift[0]: add the radius (S - 1)/2 to the move. A negative index counts from "
        "the end.",
        lambda w, s: _weighted([w.roll(k, dims=-1) for k in _moves(s)], s.roll(s.shape[-1] // 2, dims=-1)),
    ),
    mistake(
        "likeliest move only",
        "Only the largest entry of the shift counts. Every move counts, by its weight; that gives the shift its "
        "gradient.",
        lambda w, s: _weighted([w.roll(k, dims=-1) for k in _moves(s)], torch.eye(s.shape[-1])[s.argmax(-1)]),
    ),
    mistake(
        "shift width fixed at 3",
        "The three moves -1, 0 and +1 are written into the code. The shift may have any odd width S.",
        lambda w, s: _weighted([w.roll(k, dims=-1) for k in (-1, 0, 1)], s[..., :3]),
        lambda w, s: circular_shift(w, s[..., s.shape[-1] // 2 - 1 : s.shape[-1] // 2 + 2]),
    ),
    mistake(
        "rolled along the wrong axis",
        "The roll runs along the wrong axis, or through all the batch. Give it the last dimension: roll(move, "
        "dims=-1).",
        lambda w, s: _weighted([w.roll(k) for k in _moves(s)], s),
        lambda w, s: _weighted([w.roll(k, dims=0) for k in _moves(s)], s),
    ),
]
