"""What an exercise is: a function that is right, the cases that an answer is tried on, and what must hold in them."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from course.exercises.mistakes import Mistake

Case = tuple[Tensor | float, ...]
Answer = Callable[..., Tensor]
Predicate = Callable[..., bool | Tensor]  # of an answer and the arguments of a case: predicate(answer, *case)


@dataclass(frozen=True)
class Test:
    """Cases in which an answer must equal the exercise's reference, and a ``predicate`` that must hold in each.

    Its ``kind`` says what a failure means. "ordinary" cases have everyday values, and come first. A "property" is what
    the equation promises. An "extreme" asks for care with large, tiny or rare values, or with sizes seldom met.
    """

    __test__ = False  # pytest should not take it for one of its own

    name: str
    cases: Sequence[Case]
    predicate: Predicate | None = None
    kind: str = "property"


@dataclass(frozen=True)
class Exercise:
    """A function to write.

    Args:
        name: of the function, as verdicts call it.
        reference: the function that is right. It has named arguments, and returns one tensor.
        tests: draws the tests; the ordinary ones come first, and there is at least one.
        mistakes: that are known.
        axes: what the last axes of the result are called.
        sums: if the result is a weighting, what to look for when it does not sum to 1.
    """

    name: str
    reference: Answer
    tests: Callable[[], Sequence[Test]]
    mistakes: Sequence[Mistake] = ()
    axes: Sequence[str] = ("entry",)
    sums: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the arguments."""
        return tuple(inspect.signature(self.reference).parameters)


def copies(case: Case) -> Case:
    """A case whose tensors can be changed without changing the old ones; numbers stay numbers."""
    return tuple(x.detach().clone() if isinstance(x, Tensor) else x for x in case)
