"""What the answer to an exercise is tried on: small examples, extremes, and random cases at prime sizes.

Nothing here knows a solution: what should come out is computed by ``implementation.py``.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

import implementation

N, M, S, W = 7, 5, 3, 3  # locations, width, shift width, heads; prime, so that axes cannot be mixed up unseen
LEADING = ((), (), (1,), (2,), (13,), (11, 2))  # leading dimensions of the random cases

Case = tuple[Tensor, ...]
Answer = Callable[..., Tensor]
Relation = Callable[[Answer, Case], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Test:
    """Cases, and what must hold for each: ``relation`` gives two tensors that should be equal.

    Without a relation, the answer must equal the function in ``implementation.py``.
    """

    __test__ = False  # pytest should not take it for one of its own

    name: str
    cases: Sequence[Case]
    relation: Relation | None = None


# --- Cases

SMALL = {  # short numbers, so that they can be followed by hand
    "read": [
        ([[1, 2], [3, 4]], [1, 0]),
        ([[1, 2], [3, 4]], [0.5, 0.5]),
        ([[2, 0], [4, 2], [0, 6]], [0.5, 0.25, 0.25]),
        ([[1, -1], [0, 2], [4, 0]], [0, 0.5, 0.5]),
    ],
    "cosine_similarity": [
        ([[2, 0], [0, 1]], [5, 0]),
        ([[1, 0], [3, 4]], [0, 2]),
        ([[2, 0], [0, 1], [-4, 0]], [3, 0]),
        ([[3, 4], [0, 2], [4, -3]], [6, 8]),
    ],
    "content_addressing": [
        ([[2, 0], [0, 1]], [1, 0], 2),
        ([[1, 0], [3, 4]], [0, 2], 1),
        ([[2, 0], [0, 1], [-4, 0]], [3, 0], 2),
        ([[3, 4], [0, 2], [4, -3]], [6, 8], 1),
    ],
    "interpolate": [
        ([1, 0], [0, 1], 0.25),
        ([0.5, 0.5], [0, 1], 0.75),
        ([0, 0, 1], [0.5, 0.5, 0], 0.2),
        ([1, 0, 0], [0.25, 0.25, 0.5], 0.6),
    ],
    "circular_shift": [
        ([0, 1, 0], [0, 0, 1]),
        ([1, 0, 0], [1, 0, 0]),
        ([0, 0, 1], [0, 0.5, 0.5]),
        ([0.5, 0, 0, 0.5], [0, 0.25, 0.75]),
        ([0, 0.75, 0.25, 0], [0.5, 0.5, 0]),
    ],
    "sharpen": [
        ([0.75, 0.25], 2),
        ([0.5, 0.5], 3),
        ([0.5, 0.25, 0.25], 2),
        ([0.2, 0.2, 0.6], 3),
    ],
    "write": [
        ([[4, 2]], [0.5], [1, 0], [2, 2]),
        ([[1, 2], [3, 4]], [1, 0], [1, 0], [5, 5]),
        ([[1, 2], [3, 4], [5, 6]], [0.5, 0, 0.5], [1, 0.5], [0, 2]),
        ([[2, 0], [0, 2], [4, 4]], [0, 0.25, 0.75], [0, 1], [-1, 4]),
    ],
    "write_heads": [
        ([[4]], [[0.5], [0.5]], [[1], [1]], [[2], [0]]),
        ([[4], [2]], [[1, 0], [0.5, 0.5]], [[0.5], [1]], [[1], [2]]),
        ([[1, 2], [3, 4], [5, 6]], [[0.5, 0, 0.5], [0, 0, 1]], [[1, 0], [0.5, 0.5]], [[2, 0], [0, 2]]),
        ([[2, 0], [0, 2], [4, 4]], [[0, 1, 0], [0.5, 0.5, 0]], [[1, 1], [0, 1]], [[3, 0], [1, -1]]),
    ],
    "address": [
        ([[1, 0], [0, 1], [-1, 0]], [0, 0, 1], [1, 0], 2, 0.5, [0, 0, 1], 2),
        ([[3, 4], [0, 2], [4, -3]], [0, 1, 0], [6, 8], 3, 0.75, [0.25, 0.5, 0.25], 3),
        ([[3, 4], [0, 2], [4, -3]], [0.5, 0.25, 0.25], [0, -1], 1, 0.25, [0.5, 0, 0.5], 1),
    ],
}


def tensors(values: Sequence) -> Case:
    return tuple(torch.tensor(value, dtype=torch.float32) for value in values)


def small_cases(name: str) -> list[Case]:
    """The small examples, and the last two whose shapes agree once more as a batch of two."""
    cases = [tensors(values) for values in SMALL[name]]
    shapes = [[argument.shape for argument in case] for case in cases]
    first, second = next((a, b) for b in reversed(range(len(cases))) for a in range(b) if shapes[a] == shapes[b])
    return [*cases, tuple(map(torch.stack, zip(cases[first], cases[second], strict=True)))]


def draw(argument: str, leading: tuple[int, ...], g: torch.Generator, width: int = S) -> Tensor:
    """A random value for an argument of this name, in the range that it has in a machine."""

    def normal(*shape: int) -> Tensor:
        return torch.randn((*leading, *shape), generator=g)

    def uniform(*shape: int) -> Tensor:
        return torch.rand((*leading, *shape), generator=g)

    makers = {
        "memory": lambda: normal(N, M),
        "key": lambda: normal(M),
        "strength": lambda: 0.5 + 5 * uniform(),
        "gate": lambda: uniform(),
        "shift": lambda: torch.softmax(normal(width), dim=-1),
        "gamma": lambda: 1 + 4 * uniform(),
        "erase_vector": lambda: uniform(M),
        "add_vector": lambda: normal(M),
        "weightings": lambda: torch.softmax(normal(W, N), dim=-1),
        "erase_vectors": lambda: uniform(W, M),
        "add_vectors": lambda: normal(W, M),
    }
    weighting = ("weighting", "content", "previous")
    return torch.softmax(2 * normal(N), dim=-1) if argument in weighting else makers[argument]()


def arguments(name: str) -> list[str]:
    return list(inspect.signature(getattr(implementation, name)).parameters)


def random_cases(name: str, seed: int, leading: Sequence[tuple[int, ...]] = LEADING, width: int = S) -> list[Case]:
    g = torch.Generator().manual_seed(seed)
    return [tuple(draw(argument, lead, g, width) for argument in arguments(name)) for lead in leading]


def changed(name: str, cases: Sequence[Case], **values: Tensor | float) -> list[Case]:
    """The same cases with some arguments replaced, a number in every entry of the old shape."""
    names = arguments(name)
    unknown = values.keys() - set(names)
    if unknown:
        raise ValueError(f"{name} has the arguments {', '.join(names)}, got {', '.join(unknown)}")

    def new(argument: str, old: Tensor) -> Tensor:
        return torch.zeros_like(old) + values[argument] if argument in values else old

    return [tuple(map(new, names, case)) for case in cases]


# --- Relations


def gradients(correct: Answer) -> Relation:
    """The gradient that reaches each argument, and the one that should, as one long vector each."""

    def relation(answer: Answer, case: Case) -> tuple[Tensor, Tensor]:
        g = torch.Generator().manual_seed(0)
        direction = torch.randn(correct(*case).shape, generator=g)
        flows = []
        for function in (correct, answer):  # in this order: an answer may switch gradients off
            leaves = [argument.clone().requires_grad_() for argument in case]
            loss = (function(*leaves) * direction).sum()
            tracked = loss.requires_grad
            found = torch.autograd.grad(loss, leaves, allow_unused=True) if tracked else [None] * len(leaves)
            pairs = zip(found, leaves, strict=True)
            flows.append(torch.cat([(torch.zeros_like(x) if d is None else d).flatten() for d, x in pairs]))
        return flows[1], flows[0]

    return relation


def finite_gradients(answer: Answer, case: Case) -> tuple[Tensor, Tensor]:
    """Whether the gradient that reaches each argument is a number: 1 where it is."""
    leaves = [argument.clone().requires_grad_() for argument in case]
    found = torch.autograd.grad(answer(*leaves).sum(), leaves, allow_unused=True)
    finite = torch.cat([d.isfinite().float().flatten() for d in found if d is not None])
    return finite, torch.ones_like(finite)


def sums_to_one(answer: Answer, case: Case) -> tuple[Tensor, Tensor]:
    result = answer(*case)
    return torch.where((result >= 0).all(dim=-1), result.sum(dim=-1), -1.0), torch.ones(result.shape[:-1])


def turned(*which: tuple[int, int], output: int | None) -> Relation:
    """Turning the memory round by two locations turns the result alike (``output``: its axis; None: changes nothing).

    ``which`` lists the arguments that have a location axis, and this axis.
    """
    axes = dict(which)

    def relation(answer: Answer, case: Case) -> tuple[Tensor, Tensor]:
        moved = [x.roll(2, dims=axes[i]) if i in axes else x for i, x in enumerate(case)]
        result = answer(*case)
        return answer(*moved), result if output is None else result.roll(2, dims=output)

    return relation
