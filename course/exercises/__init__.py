"""Check the answers to the course's exercises: ``check(your_read)`` says what is right with it, or what is wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from textwrap import fill

import torch
from IPython.display import display

from course.exercises.attempts import DIGITS, Attempt, holds, is_stub, short, try_case, wrong_arguments
from course.exercises.cases import Answer, arguments
from course.exercises.comparison import Comparison
from course.exercises.exercise import Exercise
from course.exercises.hints import diagnose, only_properties
from course.exercises.mistakes_content import CONTENT
from course.exercises.mistakes_moving import INTERPOLATE, SHIFT
from course.exercises.mistakes_reading import COSINE, READ
from course.exercises.mistakes_sharpening import ADDRESS, SHARPEN
from course.exercises.mistakes_writing import WRITE, WRITE_HEADS
from course.exercises.properties import FINITE, ORDINARY, property_tests

WIDTH = 68  # of the text of a verdict, in characters
NORMALISED = "Is a normalisation missing, or over the wrong axis?"
SHARES = "The two shares are g and (1 - g). Look at the signs and parentheses."
MOVES = "Weight is lost or doubled: does every move from -(S-1)/2 to (S-1)/2 count once, and are all terms added up?"


EXERCISES = {
    exercise.name: exercise
    for exercise in (
        Exercise("read", ("column",), READ),
        Exercise("cosine_similarity", ("location",), COSINE),
        Exercise("content_addressing", ("location",), CONTENT, NORMALISED),
        Exercise("interpolate", ("location",), INTERPOLATE, SHARES),
        Exercise("circular_shift", ("location",), SHIFT, MOVES),
        Exercise("sharpen", ("location",), SHARPEN, NORMALISED),
        Exercise("write", ("location", "column"), WRITE),
        Exercise("write_heads", ("location", "column"), WRITE_HEADS),
        Exercise("address", ("location",), ADDRESS, NORMALISED),
    )
}


@dataclass(frozen=True)
class Verdict:
    """What is to be said of an answer.

    Args:
        status: "not attempted", "correct" or "wrong".
        headline: the first line.
        passed: for each test its name, how many cases passed, and how many there are.
        example: the smallest case that failed, if there is one.
        hint: what seems to be wrong, or what to do.
        names: of the arguments.
        axes: of the result.
    """

    status: str
    headline: str
    passed: tuple[tuple[str, int, int], ...] = ()
    example: Attempt | None = None
    hint: str = ""
    names: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()

    @property
    def comparison(self) -> Comparison | None:
        """Expected against got, if there are two tensors of one shape to compare."""
        example = self.example
        if example is None or example.problem or example.got.shape != example.expected.shape:
            return None
        return Comparison(example.expected, example.got, self.axes)

    def __str__(self) -> str:
        width = max((len(name) for name, _, _ in self.passed), default=0)
        lines = [self.headline]
        lines += [f"  {name:{width}}  {count:2d} of {total}" for name, count, total in self.passed]
        if self.example is not None:
            shown = dict(zip(self.names, map(short, self.example.case), strict=True))
            digits = self.comparison.digits() if self.comparison else DIGITS
            shown["expected"] = short(self.example.expected, digits)
            shown["got"] = "no tensor" if self.example.got is None else short(self.example.got, digits)
            width = max(map(len, shown))
            lines += ["Smallest failing example:", *(f"  {name:{width}}  {value}" for name, value in shown.items())]
            if self.example.printed:
                lines.append("  it printed: " + " / ".join(self.example.printed.splitlines()[:3])[:WIDTH])
        if self.hint:
            lines.append(fill(f"Hint: {self.hint}", WIDTH, break_long_words=False, break_on_hyphens=False))
        return "\n".join(lines)


def find(name: str) -> Exercise | None:
    """The exercise that a function is meant for, by its name: `read`, or `your_read`, or anything that ends in `_read`.

    >>> find("your_read").name, find("content_addressing").name, find("our_write_heads").name, find("fly")
    ('read', 'content_addressing', 'write_heads', None)
    """
    fitting = [known for known in EXERCISES if name == known or name.endswith(f"_{known}")]
    return EXERCISES[max(fitting, key=len)] if fitting else None


def judge(exercise: Exercise, answer: Answer) -> Verdict:
    """Try an answer on every case of an exercise. The same answer gets the same verdict every time."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        return _judged(exercise, answer)
    finally:
        torch.set_default_dtype(usual)


def _judged(exercise: Exercise, answer: Answer) -> Verdict:
    name, names = exercise.name, tuple(arguments(exercise.name))
    tests = property_tests(name)
    if is_stub(answer, tests[0].cases[0]):
        title = getattr(answer, "__name__", name)
        return Verdict(
            "not attempted",
            f"{name}: not attempted yet.\nWrite the body of {title} in place of `raise NotImplementedError`,\n"
            "then run both cells again.",
        )
    complaint = wrong_arguments(answer, names)
    if complaint:
        return Verdict("wrong", f"{name}: wrong.", hint=complaint)

    ordinary, special, passed, broken, failing = [], [], [], [], []
    for i, test in enumerate(tests):
        attempts = ordinary if i < ORDINARY else special
        tried = [try_case(answer, case, exercise.correct(*case), names) for case in test.cases]
        held = [not test.relation or holds(test.relation, answer, case) for case in test.cases]
        passed.append((test.name, sum(a.passed and h for a, h in zip(tried, held, strict=True)), len(tried)))
        fits = held if test.relation else [attempt.passed for attempt in tried]
        broken += [] if any(fits) or attempts is ordinary or test.extreme else [test.name]
        failing += [] if all(attempt.passed for attempt in tried) or test.name == FINITE else [test.name]
        attempts += tried
    count, total = (sum(column) for column in zip(*(numbers for _, *numbers in passed), strict=True))
    if count == total:
        headline = f"{name}: correct. {len(passed)} tests passed, {total} cases:"
        return Verdict("correct", headline, tuple(passed))
    headline = f"{name}: wrong. {total - count} of {total} cases fail:"
    failed = [attempt for attempt in (*ordinary, *special) if not attempt.passed]
    if not failed:
        return Verdict("wrong", headline, tuple(passed), hint=only_properties(passed))
    hint = diagnose(exercise, answer, names, ordinary, special, broken, failing)
    smallest = min(failed, key=lambda attempt: attempt.size)
    return Verdict("wrong", headline, tuple(passed), smallest, hint, names, exercise.axes)


def check(answer: Answer | str, function: Answer | str | None = None) -> None:
    """Print the verdict on an answer to an exercise: not attempted, correct, or wrong with an example and a hint.

    Args:
        answer: the function to check. Its name says which exercise it answers: ``your_read`` answers ``read``.
        function: the name of the exercise, if the function's own does not say it. The two may come in either order.

    >>> def your_read(memory, weighting):
    ...     raise NotImplementedError
    >>> check(your_read)
    read: not attempted yet.
    Write the body of your_read in place of `raise NotImplementedError`,
    then run both cells again.
    """
    given = [x for x in (answer, function) if x is not None]
    named = [x for x in given if isinstance(x, str)]
    functions: list[Callable] = [x for x in given if callable(x)]
    if not functions:
        print("check needs a function, without parentheses behind it: check(your_read).")
        return
    name = named[0] if named else getattr(functions[0], "__name__", "")
    exercise = find(name)
    if exercise is None:
        print(fill(f"There is no exercise for {name!r}. There are: {', '.join(EXERCISES)}.", WIDTH))
        print("Name the function so (your_read), or say which is meant: check(function, 'read').")
        return
    verdict = judge(exercise, functions[0])
    print(verdict)
    if verdict.comparison is not None:
        display(verdict.comparison)
