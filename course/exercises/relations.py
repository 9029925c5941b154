"""Relations: what must hold for an answer on a case, as two tensors that should be equal."""

import torch
from torch import Tensor

import implementation
from course.exercises.cases import Answer, Case, Relation


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


def rolled(answer: Answer, case: Case) -> tuple[Tensor, Tensor]:
    weighting, shift = case
    return answer(*case), weighting.roll(int(shift.argmax()) - len(shift) // 2, dims=-1)
