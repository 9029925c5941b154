"""Judge an answer: try it on every case of an exercise, and say what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

import torch

from course.exercises.attempts import DIGITS, Attempt, holds, is_stub, short, try_case, wrong_arguments
from course.exercises.comparison import Comparison
from course.exercises.exercise import Answer, Exercise, copies
from course.exercises.general import FINITE
from course.exercises.hints import diagnose, only_properties

WIDTH = 68  # of the text of a verdict, in characters


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
    axes: Sequence[str] = ()

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


def judge(exercise: Exercise, answer: Answer) -> Verdict:
    """Try an answer on every case of an exercise. The same answer gets the same verdict every time."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.enable_grad():
            return _judged(exercise, answer)
    finally:
        torch.set_default_dtype(usual)


def _judged(exercise: Exercise, answer: Answer) -> Verdict:
    name, tests = exercise.name, exercise.tests()
    names = exercise.names[: len(tests[0].cases[0])]
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
    for test in tests:
        attempts = ordinary if test.kind == "ordinary" else special
        tried = [try_case(answer, case, exercise.reference(*copies(case)), names) for case in test.cases]
        held = [not test.predicate or holds(test.predicate, answer, case) for case in test.cases]
        passed.append((test.name, sum(a.passed and h for a, h in zip(tried, held, strict=True)), len(tried)))
        fits = held if test.predicate else [attempt.passed for attempt in tried]
        broken += [] if any(fits) or test.kind != "property" else [test.name]
        failing += [] if all(attempt.passed for attempt in tried) or test.name == FINITE else [test.name]
        attempts += tried
    count, total = (sum(column) for column in zip(*(numbers for _, *numbers in passed), strict=True))
    if count == total:
        headline = f"{name}: correct. {len(passed)} test{'s' * (len(passed) > 1)} passed, {total} cases:"
        return Verdict("correct", headline, tuple(passed))
    headline = f"{name}: wrong. {total - count} of {total} cases fail:"
    failed = [attempt for attempt in (*ordinary, *special) if not attempt.passed]
    if not failed:
        return Verdict("wrong", headline, tuple(passed), hint=only_properties(passed))
    hint = diagnose(exercise, answer, names, ordinary, special, broken, failing)
    smallest = min(failed, key=lambda attempt: attempt.size)
    return Verdict("wrong", headline, tuple(passed), smallest, hint, names, exercise.axes)
