"""Mistakes of reading and of the cosine similarity."""

import torch
from torch import Tensor
from torch.nn import functional as F

from course.exercises.mistakes import ADDED, column, dot, length, mistake
from implementation import cosine_similarity

TOO_HIGH = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1)  # floors that cells of 1e-6 fall below


def _root(vectors: Tensor, added: float) -> Tensor:
    return (vectors.square().sum(dim=-1) + added).sqrt()


READ = [
    mistake(
        "memory transposed",
        "The memory is transposed: each of its rows was multiplied by the weighting. Sum over the locations, not "
        "over the columns: the weighting stands on the left, or the memory is transposed once more.",
        lambda m, w: torch.einsum("...mn,...n->...m", m, w),
    ),
    mistake(
        "not summed",
        "The rows are weighted but not yet added up. Sum over the locations, the last dimension but one.",
        lambda m, w: m * column(w),
    ),
    mistake(
        "summed over the columns",
        "The sum runs over the columns. Each location's weight counts a whole row; sum over the locations (dim=-2).",
        lambda m, w: (m * column(w)).sum(dim=-1),
    ),
    mistake(
        "weighting along the columns",
        "The weighting was multiplied along the columns: broadcasting lines up the last dimensions. Each weight "
        "belongs to a row: weighting.unsqueeze(-1).",
        lambda m, w: (w * m).sum(-2),
    ),
    mistake(
        "mean for sum",
        "This is the sum divided by N. The weights are shares already: add up, do not average again.",
        lambda m, w: (m * column(w)).mean(dim=-2),
    ),
    mistake(
        "weighting ignored",
        "The weighting plays no part: all rows count the same.",
        lambda m, w: m.mean(dim=-2),
        lambda m, w: m.sum(dim=-2),
    ),
    mistake(
        "hard read",
        "This reads the row with the largest weight alone. A read is an average of all rows; that is why it has a "
        "gradient.",
        lambda m, w: torch.einsum("...nm,...n->...m", m, F.one_hot(w.argmax(-1), w.shape[-1]).to(m)),
    ),
    mistake(
        "softmax of the weighting",
        "The weighting went through a softmax once more. It sums to 1 already; use it as it is.",
        lambda m, w: torch.einsum("...nm,...n->...m", m, torch.softmax(w, dim=-1)),
    ),
    mistake(
        "divided by a length",
        "The result is divided by a length. Reading needs none: the weights sum to 1.",
        lambda m, w: torch.einsum("...nm,...n->...m", m, w / w.norm(dim=-1, keepdim=True)),
    ),
]

COSINE = [
    mistake(
        "dot product for cosine",
        "This is the dot product, which favours long rows. The cosine divides it by both lengths, that of the key "
        "and that of the row (equation 6).",
        dot,
    ),
    mistake(
        "key's length forgotten",
        "The length of the row is divided out, that of the key is not.",
        lambda m, k: torch.nan_to_num(dot(m, k) / length(m)),
        lambda m, k: dot(m, k) / length(m),
    ),
    mistake(
        "rows' lengths forgotten",
        "The length of the key is divided out, those of the rows are not: long rows still win.",
        lambda m, k: torch.nan_to_num(dot(m, k) / column(length(k))),
        lambda m, k: dot(m, k) / column(length(k)),
    ),
    mistake(
        "one length for the whole memory",
        "The whole memory has one length here. Each row needs its own: take the norm over the last dimension only.",
        lambda m, k: dot(m, k) / (m.norm() * k.norm()),
        lambda m, k: dot(m, k) / (column(m.norm(dim=(-2, -1))) * column(length(k))),
    ),
    mistake(
        "lengths of columns",
        "The lengths are those of the columns. A location is a row: take the norm over the last dimension.",
        lambda m, k: dot(m, k) / (m.norm(dim=-2) * column(length(k))),
    ),
    mistake(
        "multiplied by a length",
        "One of the lengths multiplies: a / b * c is (a / b) * c. Put both lengths into one pair of parentheses.",
        lambda m, k: torch.nan_to_num(dot(m, k) / length(m) * column(length(k))),
        lambda m, k: dot(m, k) / length(m) * column(length(k)),
        lambda m, k: dot(m, k) / column(length(k)) * length(m),
    ),
    mistake(
        "distance for similarity",
        "This is 1 minus the cosine, a distance: 0 for the same direction. A similarity is 1 there.",
        lambda m, k: 1 - cosine_similarity(m, k),
    ),
    mistake(
        "lengths squared",
        "The lengths are squared: a square root is missing.",
        lambda m, k: torch.nan_to_num(dot(m, k) / (length(m) * column(length(k))) ** 2),
        lambda m, k: dot(m, k) / (length(m) * column(length(k))) ** 2,
    ),
    mistake(
        "sign lost",
        "The sign is lost: a row that points the other way has similarity -1.",
        lambda m, k: cosine_similarity(m, k).abs(),
    ),
    mistake(
        "no floor under the lengths",
        "Where a row or the key is all zeros this is 0/0. Put a floor under each length, such as clamp_min(1e-8): "
        "then the similarity is 0.",
        lambda m, k: dot(m, k) / (length(m) * column(length(k))),
    ),
    mistake(
        "constant added to the lengths",
        "A constant is added to the lengths, or a floor is put that is too high. It shrinks the similarity of short "
        "rows, and memory starts out with cells of 1e-6. Put a floor of 1e-8 under each length instead: "
        "clamp_min(1e-8).",
        *(lambda m, k, c=c: dot(m, k) / (length(m) * column(length(k)) + c) for c in ADDED),
        *(lambda m, k, c=c: dot(m, k) / ((length(m) + c) * (column(length(k)) + c)) for c in ADDED),
        *(lambda m, k, c=c: dot(m, k) / (length(m) * column(length(k))).clamp_min(c) for c in TOO_HIGH),
        *(lambda m, k, c=c: dot(m, k) / (length(m).clamp_min(c) * column(length(k))) for c in TOO_HIGH),
        *(lambda m, k, c=c: dot(m, k) / (length(m) * column(length(k).clamp_min(c))) for c in TOO_HIGH),
        *(lambda m, k, c=c: dot(m, k) / (_root(m, c) * column(_root(k, c))) for c in ADDED),
    ),
]
