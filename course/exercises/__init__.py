"""Check the answers to the course's exercises: ``check(your_read)`` says what is right with it, or what is wrong."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from textwrap import fill

from IPython.display import display

import implementation
from course.exercises.exercise import Answer, Exercise, Predicate
from course.exercises.general import Cases, general_tests
from course.exercises.mistakes import Mistake, mistake
from course.exercises.mistakes_content import CONTENT
from course.exercises.mistakes_moving import INTERPOLATE, SHIFT
from course.exercises.mistakes_reading import COSINE, READ
from course.exercises.mistakes_sharpening import ADDRESS, SHARPEN
from course.exercises.mistakes_writing import WRITE, WRITE_HEADS
from course.exercises.properties import property_tests
from course.exercises.verdict import WIDTH, judge

__all__ = ["EXERCISES", "check", "find", "judge", "mistake"]

NORMALISED = "Is a normalisation missing, or over the wrong axis?"
SHARES = "The two shares are g and (1 - g). Look at the signs and parentheses."
MOVES = "Weight is lost or doubled: does every move from -(S-1)/2 to (S-1)/2 count once, and are all terms added up?"


def _of_the_paper(name: str, mistakes: Sequence[Mistake], axes: tuple[str, ...], sums: str = "") -> Exercise:
    return Exercise(name, getattr(implementation, name), partial(property_tests, name), mistakes, axes, sums)


EXERCISES = {
    exercise.name: exercise
    for exercise in (
        _of_the_paper("read", READ, ("column",)),
        _of_the_paper("cosine_similarity", COSINE, ("location",)),
        _of_the_paper("content_addressing", CONTENT, ("location",), NORMALISED),
        _of_the_paper("interpolate", INTERPOLATE, ("location",), SHARES),
        _of_the_paper("circular_shift", SHIFT, ("location",), MOVES),
        _of_the_paper("sharpen", SHARPEN, ("location",), NORMALISED),
        _of_the_paper("write", WRITE, ("location", "column")),
        _of_the_paper("write_heads", WRITE_HEADS, ("location", "column")),
        _of_the_paper("address", ADDRESS, ("location",), NORMALISED),
    )
}


def find(name: str) -> Exercise | None:
    """The exercise that a function is meant for, by its name: `read`, or `your_read`, or anything that ends in `_read`.

    >>> find("your_read").name, find("content_addressing").name, find("our_write_heads").name, find("fly")
    ('read', 'content_addressing', 'write_heads', None)
    """
    fitting = [known for known in EXERCISES if name == known or name.endswith(f"_{known}")]
    return EXERCISES[max(fitting, key=len)] if fitting else None


def check(
    answer: Answer | str,
    function: Answer | str | None = None,
    *,
    reference: Answer | None = None,
    cases: Cases = (),
    properties: Mapping[str, Predicate] | None = None,
    mistakes: Sequence = (),
    axes: Sequence[str] = ("entry",),
) -> None:
    """Print the verdict on an answer to an exercise: not attempted, correct, or wrong with an example and a hint.

    A function of ``implementation.py`` is known by its name. Any other needs a ``reference`` and ``cases``.

    Args:
        answer: the function to check. Its name says which exercise it answers: ``your_read`` answers ``read``.
        function: the name of the exercise, if the function's own does not say it. The two may come in either order.
        reference: the function that is right. It has named arguments, and returns one tensor of any shape.
        cases: tuples of arguments, tensors of any shape and numbers; or a function that draws them with a
            ``torch.Generator``, anew for each purpose. Leading dimensions are checked where cases have them, double
            precision and gradients where the reference has them.
        properties: name -> what must hold besides, ``predicate(answer, *case)``, one truth value or a tensor of them.
        mistakes: those that are known, each made with ``mistake(name, hint, *functions)``.
        axes: what the last axes of the result are called, in pictures.

    Raises:
        TypeError: if a case is not a tuple of tensors and numbers, the reference does not return a tensor, or there are
            cases, properties or mistakes without a reference.
        ValueError: if there is a reference without a case, or not all cases have the same number of arguments.

    >>> def your_read(memory, weighting):
    ...     raise NotImplementedError
    >>> check(your_read)
    read: not attempted yet.
    Write the body of your_read in place of `raise NotImplementedError`,
    then run both cells again.

    >>> def our_half(number):
    ...     return 0.5 * number
    >>> from torch import randn
    >>> odd = {"an odd function": lambda half, x: half(-x) == -half(x)}
    >>> check(our_half, reference=lambda x: x / 2, cases=lambda g: [(randn(3, generator=g),)], properties=odd)
    half: correct. 4 tests passed, 4 cases:
      examples                              1 of 1
      an odd function                       1 of 1
      double precision stays double         1 of 1
      the gradient reaches every argument   1 of 1
    """
    given = [x for x in (answer, function) if x is not None]
    named = [x for x in given if isinstance(x, str)]
    functions: list[Answer] = [x for x in given if callable(x)]
    if not functions:
        print("check needs a function, without parentheses behind it: check(your_read).")
        return
    name = named[0] if named else getattr(functions[0], "__name__", "")
    if reference is not None:
        tests = partial(general_tests, reference, cases, properties or {})
        exercise = Exercise(re.sub("^(your|our|my)_", "", name), reference, tests, mistakes, axes)
    elif cases or properties or mistakes:
        raise TypeError("cases, properties and mistakes need a reference: the function that is right")
    else:
        exercise = find(name)
    if exercise is None:
        print(fill(f"There is no exercise for {name!r}. There are: {', '.join(EXERCISES)}.", WIDTH))
        print("Name the function so (your_read), or say which is meant: check(function, 'read').")
        return
    verdict = judge(exercise, functions[0])
    print(verdict)
    if verdict.comparison is not None:
        display(verdict.comparison)
