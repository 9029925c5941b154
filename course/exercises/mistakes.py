"""What a mistake is: a function that makes it, with a hint that names it.

The mistakes themselves stand in the ``mistakes_`` files beside this one. The checker runs them beside an answer: where
one gives what the answer gives, its hint is shown.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

ADDED = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)  # what people add to a length lest they divide by zero


@dataclass(frozen=True)
class Mistake:
    """One mistake: what it is called, what to say about it, and one or more ways of making it."""

    name: str
    hint: str
    variants: tuple[Callable[..., Tensor], ...]


def mistake(name: str, hint: str, *variants: Callable[..., Tensor]) -> Mistake:
    """A :class:`Mistake` with its ways of making it listed.

    >>> mistake("doubled", "Everything is doubled.", lambda x: 2 * x).name
    'doubled'
    """
    return Mistake(name, hint, variants)


def column(number: Tensor) -> Tensor:
    return number.unsqueeze(-1)


def outer(weighting: Tensor, vector: Tensor) -> Tensor:
    return weighting.unsqueeze(-1) * vector.unsqueeze(-2)


def normalised(weighting: Tensor) -> Tensor:
    return weighting / weighting.sum(dim=-1, keepdim=True)


def dot(memory: Tensor, key: Tensor) -> Tensor:
    return torch.einsum("...nm,...m->...n", memory, key)


def length(vectors: Tensor) -> Tensor:
    return vectors.norm(dim=-1)
