"""The tests that a function gets whatever it computes: agreement, its own properties, double precision, gradients."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from course.exercises.attempts import try_case
from course.exercises.exercise import Answer, Case, Predicate, Test, copies
from course.exercises.predicates import gradients, leaves

Cases = Sequence[Case] | Callable[[torch.Generator], Sequence[Case]]

FINITE = "... and its gradient is a number"
DOUBLE = "double precision stays double"
REACHES = "the gradient reaches every argument"

extreme = partial(Test, kind="extreme")


def general_tests(reference: Answer, cases: Cases, properties: Mapping[str, Predicate]) -> list[Test]:
    """The tests of a function that is known by its ``reference``, on ``cases`` given or drawn anew for each purpose.

    Raises:
        TypeError: if a case is not a tuple of tensors and numbers, or the reference does not return a tensor.
        ValueError: if there is no case, or not all have the same number of arguments.
    """
    examples, others, last = (drawn(cases, seed) for seed in range(3))
    for case in examples:
        result = reference(*copies(case))
        if not isinstance(result, Tensor):
            raise TypeError(f"the reference must return a tensor, got {type(result).__name__}")
    return [
        Test("examples", examples, kind="ordinary"),
        *(Test(name, others, predicate) for name, predicate in properties.items()),
        *careful(reference, last, last),
    ]


def drawn(cases: Cases, seed: int) -> list[Case]:
    """The cases, drawn with this seed if they are a function of a random generator."""
    found = list(cases(torch.Generator().manual_seed(seed)) if callable(cases) else cases)
    for case in found:
        kinds = [type(x).__name__ for x in case if not isinstance(x, Tensor | float | int)]
        if kinds or not isinstance(case, tuple):
            raise TypeError(f"a case must be a tuple of tensors and numbers, got {(kinds or [type(case).__name__])[0]}")
    lengths = sorted({len(case) for case in found})
    if len(lengths) != 1:
        raise ValueError(f"cases must be at least one, with equally many arguments, got the numbers {lengths}")
    return found


def careful(reference: Answer, cases: Sequence[Case], learned: Sequence[Case]) -> list[Test]:
    """What any machine asks for, where the reference can do it: ``cases`` made double, and gradients in ``learned``."""
    tests = [
        extreme(DOUBLE, [case for case in doubled(cases) if _stays_double(reference, case)]),
        extreme(REACHES, [case for case in learned if _has_gradient(reference, case)], gradients(reference)),
    ]
    return [test for test in tests if test.cases]


def doubled(cases: Sequence[Case]) -> list[Case]:
    """The same cases in double precision; what is no fraction stays what it is."""
    return [tuple(x.double() if isinstance(x, Tensor) and x.is_floating_point() else x for x in c) for c in cases]


def _stays_double(reference: Answer, case: Case) -> bool:
    """Whether it does for the reference: one with weights in single precision cannot."""
    floating = any(isinstance(x, Tensor) and x.is_floating_point() for x in case)
    return floating and not try_case(reference, case, torch.empty(0, dtype=torch.float64)).problem


def _has_gradient(reference: Answer, case: Case) -> bool:
    given, floating = leaves(case)
    return bool(floating) and reference(*given).requires_grad
