"""What an exercise is."""

from dataclasses import dataclass

import implementation
from course.exercises.cases import Answer
from course.exercises.mistakes import Mistake


@dataclass(frozen=True)
class Exercise:
    """A function of ``implementation.py`` to write again.

    Args:
        name: of the function.
        axes: of its result.
        mistakes: that are known.
        sums: if the result is a weighting, what to look for when it does not sum to 1.
    """

    name: str
    axes: tuple[str, ...]
    mistakes: list[Mistake]
    sums: str = ""

    @property
    def correct(self) -> Answer:
        """The function itself."""
        return getattr(implementation, self.name)
