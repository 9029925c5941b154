"""Mistakes of reading and of content addressing."""

import torch
from torch import Tensor
from torch.nn import functional as F

from course.exercises.mistakes import column, mistake, normalised
from implementation import cosine_similarity

ADDED = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)  # what people add to a length lest they divide by zero
TOO_HIGH = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1)  # floors that cells of 1e-6 fall below


def _dot(memory: Tensor, key: Tensor) -> Tensor:
    return torch.einsum("...nm,...m->...n", memory, key)


def _length(vectors: Tensor) -> Tensor:
    return vectors.norm(dim=-1)


def _root(vectors: Tensor, added: float) -> Tensor:
    return (vectors.square().sum(dim=-1) + added).sqrt()


def _scaled(memory: Tensor, key: Tensor, strength: Tensor) -> Tensor:
    return strength.unsqueeze(-1) * cosine_similarity(memory, key)


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
        _dot,
    ),
    mistake(
        "key's length forgotten",
        "The length of the row is divided out, that of the key is not.",
        lambda m, k: torch.nan_to_num(_dot(m, k) / _length(m)),
        lambda m, k: _dot(m, k) / _length(m),
    ),
    mistake(
        "rows' lengths forgotten",
        "The length of the key is divided out, those of the rows are not: long rows still win.",
        lambda m, k: torch.nan_to_num(_dot(m, k) / column(_length(k))),
        lambda m, k: _dot(m, k) / column(_length(k)),
    ),
    mistake(
        "one length for the whole memory",
        "The whole memory has one length here. Each row needs its own: take the norm over the last dimension only.",
        lambda m, k: _dot(m, k) / (m.norm() * k.norm()),
        lambda m, k: _dot(m, k) / (column(m.norm(dim=(-2, -1))) * column(_length(k))),
    ),
    mistake(
        "lengths of columns",
        "The lengths are those of the columns. A location is a row: take the norm over the last dimension.",
        lambda m, k: _dot(m, k) / (m.norm(dim=-2) * column(_length(k))),
    ),
    mistake(
        "lengths squared",
        "The lengths are squared: a square root is missing.",
        lambda m, k: torch.nan_to_num(_dot(m, k) / (_length(m) * column(_length(k))) ** 2),
        lambda m, k: _dot(m, k) / (_length(m) * column(_length(k))) ** 2,
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
        lambda m, k: _dot(m, k) / (_length(m) * column(_length(k))),
    ),
    mistake(
        "constant added to the lengths",
        "A constant is added to the lengths, or a floor is put that is too high. It shrinks the similarity of short "
        "rows, and memory starts out with cells of 1e-6. Put a floor of 1e-8 under each length instead: "
        "clamp_min(1e-8).",
        *(lambda m, k, c=c: _dot(m, k) / (_length(m) * column(_length(k)) + c) for c in ADDED),
        *(lambda m, k, c=c: _dot(m, k) / ((_length(m) + c) * (column(_length(k)) + c)) for c in ADDED),
        *(lambda m, k, c=c: _dot(m, k) / (_length(m) * column(_length(k))).clamp_min(c) for c in TOO_HIGH),
        *(lambda m, k, c=c: _dot(m, k) / (_length(m).clamp_min(c) * column(_length(k))) for c in TOO_HIGH),
        *(lambda m, k, c=c: _dot(m, k) / (_length(m) * column(_length(k).clamp_min(c))) for c in TOO_HIGH),
        *(lambda m, k, c=c: _dot(m, k) / (_root(m, c) * column(_root(k, c))) for c in ADDED),
    ),
]

CONTENT = [
    mistake(
        "strength outside the softmax",
        "The strength stands outside the softmax, so the weights sum to the strength. It multiplies the "
        "similarities, before the softmax.",
        lambda m, k, b: column(b) * torch.softmax(cosine_similarity(m, k), dim=-1),
    ),
    mistake(
        "dot product for cosine",
        "The scores are dot products, which favour long rows. Divide by both lengths first (equation 6).",
        lambda m, k, b: torch.softmax(column(b) * _dot(m, k), dim=-1),
    ),
    mistake(
        "forgotten normalisation",
        "The exponentials are not divided by their sum, so the weights do not sum to 1.",
        lambda m, k, b: _scaled(m, k, b).exp(),
    ),
    mistake(
        "softmax over the wrong axis",
        "The softmax runs over the wrong axis: the weights of one memory do not sum to 1. The locations are the "
        "last dimension, dim=-1.",
        lambda m, k, b: torch.softmax(_scaled(m, k, b), dim=0),
        lambda m, k, b: torch.softmax(_scaled(m, k, b), dim=1),
        lambda m, k, b: torch.softmax(_scaled(m, k, b).flatten(), dim=0).view(_scaled(m, k, b).shape),
    ),
    mistake(
        "strength ignored",
        "The strength plays no part. It multiplies the similarities before the softmax.",
        lambda m, k, b: torch.softmax(cosine_similarity(m, k), dim=-1),
    ),
    mistake(
        "strength divides",
        "The strength divides like a temperature. Here a large strength makes the weighting sharp: multiply.",
        lambda m, k, b: torch.softmax(cosine_similarity(m, k) / column(b), dim=-1),
    ),
    mistake(
        "best match last",
        "The sign is turned round: the worst match gets the most weight.",
        lambda m, k, b: torch.softmax(-_scaled(m, k, b), dim=-1),
    ),
    mistake(
        "no exponential",
        "The scores are divided by their sum, without an exponential. Negative scores then give negative weights.",
        lambda m, k, b: _scaled(m, k, b) / _scaled(m, k, b).sum(dim=-1, keepdim=True),
        lambda m, k, b: cosine_similarity(m, k) / cosine_similarity(m, k).sum(dim=-1, keepdim=True),
    ),
    mistake(
        "logarithm left",
        "These are the logarithms of the weights: softmax, not log_softmax.",
        lambda m, k, b: torch.log_softmax(_scaled(m, k, b), dim=-1),
    ),
    mistake(
        "scores returned",
        "These are the scores. The softmax that turns them into a weighting is missing.",
        _scaled,
        lambda m, k, b: cosine_similarity(m, k),
    ),
    mistake(
        "hard choice",
        "All the weight goes to the best match. A softmax leaves some to the others, and so has a gradient.",
        lambda m, k, b: F.one_hot(cosine_similarity(m, k).argmax(-1), m.shape[-2]).to(m),
    ),
    mistake(
        "exponential overflows",
        "At a strength of 1e4 the exponential overflows, and inf/inf is nan. Subtract the largest score first, or "
        "use torch.softmax, which does.",
        lambda m, k, b: _scaled(m, k, b).exp() / _scaled(m, k, b).exp().sum(dim=-1, keepdim=True),
    ),
    mistake(
        "one largest score for the batch",
        "The largest score of the whole batch is subtracted. Beside a large one all exponentials of a weighting can be "
        "0, and 0/0 is nan. Subtract from each its own largest score: amax(dim=-1, keepdim=True).",
        lambda m, k, b: normalised((_scaled(m, k, b) - _scaled(m, k, b).max()).exp()),
    ),
    mistake(
        "no floor under the lengths",
        "Where a row or the key is all zeros the cosine is 0/0. Put a floor under each length, such as "
        "clamp_min(1e-8).",
        lambda m, k, b: torch.softmax(column(b) * _dot(m, k) / (_length(m) * column(_length(k))), dim=-1),
    ),
]
