"""Predicates: what must hold for an answer on a case, ``predicate(answer, *case)``."""

import torch
from torch import Tensor

import implementation
from course.exercises.attempts import same
from course.exercises.exercise import Answer, Case, Predicate, copies


def alike(got: Tensor, expected: Tensor) -> bool:
    """Whether two tensors have one type and shape, and numbers that are equal but for rounding."""
    comparable = isinstance(got, Tensor) and got.dtype == expected.dtype and not got.is_complex()
    return comparable and same(got, expected)


def leaves(case: Case) -> tuple[Case, list[Tensor]]:
    """A copy of a case whose floating-point tensors ask for a gradient, and these."""
    given = copies(case)
    floating = [x.requires_grad_() for x in given if isinstance(x, Tensor) and x.is_floating_point()]
    return given, floating


def gradients(reference: Answer) -> Predicate:
    """The gradient that reaches each argument is the one that should."""

    def predicate(answer: Answer, *case: Tensor | float) -> bool:
        g = torch.Generator().manual_seed(0)
        direction = torch.randn(reference(*case).shape, generator=g)
        flows = []
        for function in (reference, answer):  # in this order: an answer may switch gradients off
            given, floating = leaves(case)
            loss = (function(*given) * direction).sum()
            tracked = loss.requires_grad
            found = torch.autograd.grad(loss, floating, allow_unused=True) if tracked else [None] * len(floating)
            pairs = zip(found, floating, strict=True)
            flows.append(torch.cat([(torch.zeros_like(x) if d is None else d).flatten() for d, x in pairs]))
        return alike(flows[1], flows[0])

    return predicate


def finite_gradients(answer: Answer, *case: Tensor | float) -> bool:
    """The gradient that reaches each argument is a number."""
    given, floating = leaves(case)
    found = torch.autograd.grad(answer(*given).sum(), floating, allow_unused=True)
    return all(bool(d.isfinite().all()) for d in found if d is not None)


def sums_to_one(answer: Answer, *case: Tensor) -> bool:
    result = answer(*case)
    return bool((result >= 0).all()) and alike(result.sum(dim=-1), torch.ones(result.shape[:-1]))


def turned(*which: tuple[int, int], output: int | None) -> Predicate:
    """Turning the memory round by two locations turns the result alike (``output``: its axis; None: changes nothing).

    ``which`` lists the arguments that have a location axis, and this axis.
    """
    axes = dict(which)

    def predicate(answer: Answer, *case: Tensor) -> bool:
        moved = [x.roll(2, dims=axes[i]) if i in axes else x for i, x in enumerate(case)]
        result = answer(*case)
        return alike(answer(*moved), result if output is None else result.roll(2, dims=output))

    return predicate


def equals(argument: int | None = None, value: float = 0.0) -> Predicate:
    """The result is one of the arguments, or the same number everywhere."""

    def predicate(answer: Answer, *case: Tensor) -> bool:
        result = answer(*case)
        return alike(result, torch.full_like(result, value) if argument is None else case[argument])

    return predicate


def within(low: float, high: float) -> Predicate:
    def predicate(answer: Answer, *case: Tensor) -> bool:
        result = answer(*case)
        return alike(result, result.clamp(low - 1e-5, high + 1e-5))

    return predicate


def row_read(answer: Answer, memory: Tensor, weighting: Tensor) -> bool:
    return alike(answer(memory, weighting), memory.select(-2, 3))


def lengths_do_not_count(answer: Answer, memory: Tensor, key: Tensor) -> bool:
    return alike(answer(3 * memory, key / 4), answer(memory, key))


def last_row_untouched(answer: Answer, memory: Tensor, *head: Tensor) -> bool:
    return alike(answer(memory, *head).select(-2, -1), memory.select(-2, -1))


def row_replaced(answer: Answer, *case: Tensor) -> bool:
    return alike(answer(*case).select(-2, 3), case[3])


def heads_in_any_order(answer: Answer, memory: Tensor, *heads: Tensor) -> bool:
    return alike(answer(memory, *(x.flip(-2) for x in heads)), answer(memory, *heads))


def single_head(answer: Answer, memory: Tensor, *heads: Tensor) -> bool:
    head = [x.narrow(-2, 0, 1) for x in heads]
    return alike(answer(memory, *head), implementation.write(memory, *(x.squeeze(-2) for x in head)))


def rolled(answer: Answer, weighting: Tensor, shift: Tensor) -> bool:
    return alike(answer(weighting, shift), weighting.roll(int(shift.argmax()) - len(shift) // 2, dims=-1))
