"""Mistakes of content addressing."""

import torch
from torch import Tensor
from torch.nn import functional as F

from course.exercises.mistakes import ADDED, column, dot, length, mistake, normalised
from implementation import cosine_similarity


def _scaled(memory: Tensor, key: Tensor, strength: Tensor) -> Tensor:
    return strength.unsqueeze(-1) * cosine_similarity(memory, key)


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
        lambda m, k, b: torch.softmax(column(b) * dot(m, k), dim=-1),
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
        lambda m, k, b: torch.softmax(column(b) * dot(m, k) / (length(m) * column(length(k))), dim=-1),
    ),
    mistake(
        "constant added to the lengths",
        "A constant is added to the lengths. It shrinks the similarity of short rows, and memory starts out with cells "
        "of 1e-6. Put a floor of 1e-8 under each length instead: clamp_min(1e-8).",
        *(
            lambda m, k, b, c=c: torch.softmax(column(b) * dot(m, k) / (length(m) * column(length(k)) + c), dim=-1)
            for c in ADDED
        ),
    ),
]
