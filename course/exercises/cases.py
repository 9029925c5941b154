"""What the answer to an exercise is tried on: small examples, extremes, and random cases at prime sizes.

Nothing here knows a solution: what should come out is computed by ``implementation.py``.
"""

import inspect
from collections.abc import Sequence

import torch
from torch import Tensor

import implementation
from course.exercises.exercise import Case

N, M, S, W = 7, 5, 3, 3  # locations, width, shift width, heads; prime, so that axes cannot be mixed up unseen
LEADING = ((), (), (1,), (2,), (13,), (11, 2))  # leading dimensions of the random cases


def scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float32)


def one_hot(*size: int) -> Tensor:
    """The unit vectors of this size, one a row."""
    return torch.eye(*size, dtype=torch.float32)


ONE_HOT = one_hot(N)[3]
FINE = torch.tensor([0.3, 0.1, 0.05, 0.0, 0.4, 0.15, 0.0], dtype=torch.float32)  # has zeros, and one largest entry
TINY = 1e-6  # as small as the cells of a memory at the start of a run


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


def tensors(*cases: Sequence) -> list[Case]:
    return [tuple(torch.tensor(value, dtype=torch.float32) for value in values) for values in cases]


def small_cases(name: str) -> list[Case]:
    """The small examples, and the last two whose shapes agree once more as a batch of two."""
    cases = tensors(*SMALL[name])
    shapes = [[argument.shape for argument in case] for case in cases]
    first, second = next((a, b) for b in reversed(range(len(cases))) for a in range(b) if shapes[a] == shapes[b])
    return [*cases, tuple(map(torch.stack, zip(cases[first], cases[second], strict=True)))]


def random_value(argument: str, leading: tuple[int, ...], g: torch.Generator, width: int = S, heads: int = W) -> Tensor:
    """A random value for an argument of this name, in the range that it has in a machine."""

    def normal(*shape: int) -> Tensor:
        return torch.randn((*leading, *shape), generator=g, dtype=torch.float32)

    def uniform(*shape: int) -> Tensor:
        return torch.rand((*leading, *shape), generator=g, dtype=torch.float32)

    makers = {
        "memory": lambda: normal(N, M),
        "key": lambda: normal(M),
        "strength": lambda: 0.5 + 5 * uniform(),
        "gate": lambda: uniform(),
        "shift": lambda: torch.softmax(normal(width), dim=-1),
        "gamma": lambda: 1 + 4 * uniform(),
        "erase_vector": lambda: uniform(M),
        "add_vector": lambda: normal(M),
        "weightings": lambda: torch.softmax(normal(heads, N), dim=-1),
        "erase_vectors": lambda: uniform(heads, M),
        "add_vectors": lambda: normal(heads, M),
    }
    weighting = ("weighting", "content", "previous")
    return torch.softmax(2 * normal(N), dim=-1) if argument in weighting else makers[argument]()


def arguments(name: str) -> list[str]:
    return list(inspect.signature(getattr(implementation, name)).parameters)


def random_cases(
    name: str, seed: int, leading: Sequence[tuple[int, ...]] = LEADING, width: int = S, heads: int = W
) -> list[Case]:
    g = torch.Generator().manual_seed(seed)
    return [tuple(random_value(argument, lead, g, width, heads) for argument in arguments(name)) for lead in leading]


def changed(name: str, cases: Sequence[Case], **values: Tensor | float) -> list[Case]:
    """The same cases with some arguments replaced, a number in every entry of the old shape."""
    names = arguments(name)
    unknown = values.keys() - set(names)
    if unknown:
        raise ValueError(f"{name} has the arguments {', '.join(names)}, got {', '.join(unknown)}")

    def new(argument: str, old: Tensor) -> Tensor:
        return torch.zeros_like(old) + values[argument] if argument in values else old

    return [tuple(map(new, names, case)) for case in cases]


def empty_row(name: str) -> list[Case]:
    """Cases whose memory has a row of zeros, and keys of zeros: alone, and beside another key."""
    cases = random_cases(name, seed=3, leading=[(), (2,)])
    memory = [case[0] * (torch.arange(N) != 2).unsqueeze(-1) for case in cases]
    emptied = [(rows, *case[1:]) for rows, case in zip(memory, cases, strict=True)]
    one_of_two = torch.arange(2, dtype=torch.float32).unsqueeze(-1)
    beside = changed(name, cases[1:], key=one_of_two * cases[1][arguments(name).index("key")])
    return [*emptied, *changed(name, cases[:1], key=0.0), *beside]


def tiny_memory(name: str) -> list[Case]:
    """A memory whose numbers are as small as at the start of a run, all equal and not."""
    cases = random_cases(name, seed=2, leading=[()])
    return [*changed(name, cases, memory=TINY), *((TINY * case[0], *case[1:]) for case in cases)]


def close_match() -> list[Case]:
    """A memory and a key with similarities -1, 0.7066 and 0.7076, and strengths that tell these two apart or not."""
    memory, key = [[-1, 0], [696, 697], [697, 696]], [1, 0]
    strengths = [1, 200, 1000, 1e4]
    single = [(memory, key, strength) for strength in strengths]
    return tensors(*single, ([memory] * len(strengths), [key] * len(strengths), strengths))


def every_step(width: int) -> list[Case]:
    """A weighting and a one-hot shift, for every step of this width."""
    return [(FINE, shift) for shift in one_hot(width)]
