"""The property tests of every exercise: what must hold for an answer, beyond agreeing with ``implementation.py``."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

import implementation
from course.exercises.cases import (
    LEADING,
    Answer,
    Case,
    M,
    N,
    Relation,
    S,
    Test,
    changed,
    finite_gradients,
    gradients,
    random_cases,
    small_cases,
    sums_to_one,
    turned,
)

ONE_HOT = torch.eye(N)[3]
FINE = torch.tensor([0.3, 0.1, 0.05, 0.0, 0.4, 0.15, 0.0])  # a weighting with zeros, and a largest entry by far
TINY = 1e-6  # as small as the cells of a memory at the start of a run


def equals(argument: int | None = None, value: float = 0.0) -> Relation:
    """The result is one of the arguments, or the same number everywhere."""

    def relation(answer: Answer, case: Case) -> tuple[Tensor, Tensor]:
        result = answer(*case)
        return result, torch.full_like(result, value) if argument is None else case[argument]

    return relation


def within(low: float, high: float) -> Relation:
    def relation(answer: Answer, case: Case) -> tuple[Tensor, Tensor]:
        result = answer(*case)
        return result, result.clamp(low - 1e-5, high + 1e-5)

    return relation


def row_read(answer: Answer, case: Case) -> tuple[Tensor, Tensor]:
    return answer(*case), case[0].select(-2, 3)


def lengths_do_not_count(answer: Answer, case: Case) -> tuple[Tensor, Tensor]:
    memory, key = case
    return answer(3 * memory, key / 4), answer(memory, key)


def last_row_untouched(answer: Answer, case: Case) -> tuple[Tensor, Tensor]:
    return answer(*case).select(-2, -1), case[0].select(-2, -1)


def row_replaced(answer: Answer, case: Case) -> tuple[Tensor, Tensor]:
    return answer(*case).select(-2, 3), case[3]


def heads_in_any_order(answer: Answer, case: Case) -> tuple[Tensor, Tensor]:
    memory, *heads = case
    return answer(memory, *(x.flip(-2) for x in heads)), answer(*case)


def single_head(answer: Answer, case: Case) -> tuple[Tensor, Tensor]:
    memory, *head = (x if i == 0 else x.narrow(-2, 0, 1) for i, x in enumerate(case))
    return answer(memory, *head), implementation.write(memory, *(x.squeeze(-2) for x in head))


def steps(width: int) -> list[Case]:
    """A weighting and a one-hot shift, for every step of this width."""
    return [(FINE, shift) for shift in torch.eye(width)]


def rolled(answer: Answer, case: Case) -> tuple[Tensor, Tensor]:
    weighting, shift = case
    return answer(*case), weighting.roll(int(shift.argmax()) - len(shift) // 2, dims=-1)


def empty_row(name: str) -> list[Case]:
    """Cases whose memory has a row of zeros, and one with a key of zeros."""
    cases = random_cases(name, seed=3, leading=[(), (2,)])
    memory = [case[0] * (torch.arange(N) != 2).float().unsqueeze(-1) for case in cases]
    emptied = [(rows, *case[1:]) for rows, case in zip(memory, cases, strict=True)]
    return [*emptied, *changed(name, cases[:1], key=0.0)]


def special(name: str) -> Sequence[Test]:
    """The tests that an exercise has for itself."""
    cases = random_cases(name, seed=1, leading=LEADING[1:])
    with_ = partial(changed, name, cases)
    plain = changed(name, random_cases(name, seed=2, leading=[()]))
    match name:
        case "read":
            return [
                Test("a one-hot weighting reads one row exactly", with_(weighting=ONE_HOT), row_read),
                Test("equal rows read as that row", with_(memory=2.5), equals(value=2.5)),
                Test("turning memory and weighting alike: same read", cases, turned((0, -2), (1, -1), output=None)),
            ]
        case "cosine_similarity":
            return [
                Test("always between -1 and 1", cases, within(-1, 1)),
                Test("longer rows, a shorter key: same similarity", cases, lengths_do_not_count),
                Test("an empty row or key has similarity 0", empty_row(name)),
                Test("... and its gradient is a number", empty_row(name), finite_gradients),
                Test("rows of tiny numbers count as any others", changed(name, plain, memory=TINY)),
                Test("turning the memory turns the result", cases, turned((0, -2), output=-1)),
            ]
        case "content_addressing":
            far = (2 * torch.eye(N, M), 3 * torch.eye(M)[3])  # similarities 0 and 1, nothing between
            return [
                Test("sums to one, nothing negative", cases, sums_to_one),
                Test("strength 0: uniform", with_(strength=0.0), equals(value=1 / N)),
                Test("strength 1e4: the best match, no overflow", [(*far, torch.tensor(1e4))]),
                Test("an empty row or key has similarity 0", empty_row(name)),
                Test("turning the memory turns the result", cases, turned((0, -2), output=-1)),
            ]
        case "interpolate":
            return [
                Test("sums to one, nothing negative", cases, sums_to_one),
                Test("gate 1: the content weighting", with_(gate=1.0), equals(argument=0)),
                Test("gate 0: the previous weighting", with_(gate=0.0), equals(argument=1)),
                Test("turning both turns the result", cases, turned((0, -1), (1, -1), output=-1)),
            ]
        case "circular_shift":
            wide = [random_cases(name, seed=4, leading=[(), (2,)], width=width) for width in (1, 5, 7)]
            return [
                Test("sums to one, nothing negative", cases, sums_to_one),
                Test("all the weight on one step: a roll", [*steps(3), *steps(5)], rolled),
                Test("other shift widths: S = 1, 5, 7", sum(wide, [])),
                Test("turning the weighting turns the result", cases, turned((0, -1), output=-1)),
            ]
        case "sharpen":
            two = torch.stack([FINE, FINE.flip(0) * 0.1 + 0.9 * torch.eye(N)[0]])
            close = torch.tensor([0.5, 0.49, 0.01])
            huge = [(weighting, torch.tensor(1000.0)) for weighting in (FINE, close)]
            huge += [(two, torch.tensor([1000.0, 700.0]))]
            return [
                Test("sums to one, nothing negative", cases, sums_to_one),
                Test("gamma 1 changes nothing", with_(gamma=1.0), equals(argument=0)),
                Test("gamma 1000: the largest, no underflow", huge),
                Test("entries of exactly 0 stay 0", [(FINE, torch.tensor(1.0)), (FINE, torch.tensor(2.5))]),
                Test("turning the weighting turns the result", cases, turned((0, -1), output=-1)),
            ]
        case "write":
            return [
                Test("a row that is not pointed at is kept", with_(weighting=ONE_HOT), last_row_untouched),
                Test("one-hot, erase 1: the row is replaced", with_(weighting=ONE_HOT, erase_vector=1.0), row_replaced),
                Test("erase 0, add 0: nothing happens", with_(erase_vector=0.0, add_vector=0.0), equals(argument=0)),
                Test("turning memory and weighting turns the result", cases, turned((0, -2), (1, -1), output=-2)),
            ]
        case "write_heads":
            return [
                Test("the order of the heads does not matter", cases, heads_in_any_order),
                Test("a single head writes as `write` does", cases, single_head),
                Test("erase 0, add 0: nothing happens", with_(erase_vectors=0.0, add_vectors=0.0), equals(argument=0)),
                Test("turning memory and weightings turns the result", cases, turned((0, -2), (1, -1), output=-2)),
            ]
        case "address":
            stay, step = torch.eye(S)[1], torch.eye(S)[2]
            ring = turned((0, -2), (1, -1), output=-1)
            return [
                Test("sums to one, nothing negative", cases, sums_to_one),
                Test("gate 0, no move, gamma 1: stays", with_(gate=0.0, shift=stay, gamma=1.0), equals(argument=1)),
                Test("gate 1, no move, gamma 1: content alone", with_(gate=1.0, shift=stay, gamma=1.0)),
                Test("a head that walks: gate 0, move +1", with_(gate=0.0, shift=step)),
                Test("turning memory and previous turns the result", cases, ring),
            ]
    raise KeyError(name)


def property_tests(name: str) -> list[Test]:
    """All tests of an exercise, from the small examples to the gradients."""
    return [
        Test("small examples", small_cases(name)),
        Test("random cases, up to two leading dimensions", random_cases(name, seed=0)),
        *special(name),
        Test("the gradient reaches every argument", random_cases(name, 5, [(), (2,)]), gradients(_correct(name))),
    ]


def _correct(name: str) -> Answer:
    return getattr(implementation, name)
