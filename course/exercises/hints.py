"""Find out what is wrong with an answer: a known mistake if it fits, else what can be seen in its numbers."""

from collections.abc import Sequence

import torch
from torch import Tensor

from course.exercises.attempts import RELATIVE, Attempt, try_case
from course.exercises.exercise import Answer, Exercise
from course.exercises.general import FINITE, REACHES
from course.exercises.mistakes import Mistake
from course.exercises.observations import at_first_sight, seen, where_wrong

ENOUGH = 0.75  # the share of cases that a known mistake must explain


def diagnose(
    exercise: Exercise,
    answer: Answer,
    names: Sequence[str],
    ordinary: Sequence[Attempt],
    special: Sequence[Attempt],
    broken: Sequence[str],
    failing: Sequence[str],
) -> str:
    """A hint that names the mistake, from the attempts of an answer; at least one of them failed.

    ``ordinary`` attempts have values as in a machine; the ``special`` ones, of properties and extremes, may fail by a
    second mistake. ``broken`` names
    the properties that hold in no case, the simplest first, and ``failing`` the tests with a wrong number.
    """
    attempts = [*ordinary, *special]
    first = min((attempt for attempt in attempts if not attempt.passed), key=lambda attempt: attempt.size)
    if first.problem and first.got is not None:
        return first.problem
    hint = known_mistake(exercise.mistakes, ordinary, special, first)
    if hint:
        return f"{first.problem} {hint}".strip()
    rank = min(attempt.expected.dim() for attempt in attempts)
    failed = [a for a in ordinary if not a.passed]
    alike = [a for a in failed if a.got is not None and a.expected.dim() == first.expected.dim()]
    if first.problem:
        parts = [first.problem]
    elif alike:
        parts = list(seen(exercise, answer, names, first, alike, len(failed) == len(ordinary)))[:2]
    else:
        parts = [] if failed else [f"The ordinary cases are right. What fails is: {'; '.join(failing)}."]
        parts.append(at_first_sight(first) or where_wrong(first))
    plain, batched = ([a.passed for a in ordinary if (a.expected.dim() > rank) == more] for more in (False, True))
    if first.expected.dim() > rank and plain and all(plain) and sum(batched) < len(batched) / 2:
        parts.append(
            "Without leading dimensions it works. With them, count dimensions from the end (dim=-1, not dim=0); one "
            "number per batch element needs a new last dimension, unsqueeze(-1), and a vector over the columns "
            "unsqueeze(-2)."
        )
    elif first.problem.startswith("It raises"):
        given = ", ".join(f"{name} {list(torch.as_tensor(x).shape)}" for name, x in zip(names, first.case, strict=True))
        parts.append(f"The shapes given are {given}; a result of shape {list(first.expected.shape)} is expected.")
    elif broken and failed and not first.problem and first.got.shape == first.expected.shape:
        parts.append(f"Start with the simplest test in which no case passes: {broken[0]}.")
    return " ".join(parts)


def known_mistake(
    mistakes: Sequence[Mistake], ordinary: Sequence[Attempt], special: Sequence[Attempt], first: Attempt
) -> str:
    """The hint of the mistake that gives what the answer gives, in most cases; empty if none does.

    It must do so in ``first``, the smallest case that failed, and in nearly all ordinary ones with as many dimensions:
    an answer may make a second mistake in a corner. If nothing came out of that one, in nearly all cases whatever.
    """
    attempts = [*ordinary, *special]
    alike = [a for a in ordinary if first.got is None or a.expected.dim() == first.expected.dim()]
    best, hint = ENOUGH * len(alike), ""
    for mistake in mistakes:
        for variant in mistake.variants:
            if _as_answered(variant, first) and any(_explains(variant, a) for a in (first, *alike)):
                fits = sum(_as_answered(variant, attempt) for attempt in alike)
                fits += 0.001 * sum(_as_answered(variant, attempt) for attempt in attempts)  # the others break a tie
                best, hint = max((best, hint), (fits, mistake.hint), key=lambda pair: pair[0])
    return hint


def _explains(variant: Answer, attempt: Attempt) -> bool:
    """Whether a mistake gives the same wrong numbers."""
    return attempt.got is not None and not attempt.passed and _as_answered(variant, attempt)


def _as_answered(variant: Answer, attempt: Attempt) -> bool:
    wrong = try_case(variant, attempt.case, attempt.expected).got
    if wrong is None or attempt.got is None:
        return wrong is attempt.got
    return _identical(wrong, attempt.got)


def _identical(one: Tensor, other: Tensor) -> bool:
    alike = one.shape == other.shape and one.dtype == other.dtype
    return alike and torch.allclose(one, other, rtol=RELATIVE, atol=1e-6, equal_nan=True)


def only_properties(passed: Sequence[tuple[str, int, int]]) -> str:
    """What to say when every number is right, but something that is to hold does not.

    ``passed`` has for each test its name, how many cases passed, and how many there are.
    """
    broken = {name: count for name, count, total in passed if count < total}
    if FINITE in broken and broken.keys() <= {FINITE, REACHES} and broken.get(REACHES) != 0:
        return (
            "The numbers are right, but the gradient is nan or infinite at an exact zero (an empty row, a weight of 0, "
            "a row erased in full) or where numbers are large, as that of 0 / 0, of the root of 0 or of the logarithm "
            "of 0 is. One such place spoils all the weights of a network. Keep zeros out of divisions, roots and "
            "logarithms."
        )
    if broken.keys() <= {FINITE, REACHES}:
        return (
            "The numbers are right, but the gradient is lost on the way, or wrong: no network could learn through it. "
            "Stay with torch operations on the arguments: no .detach(), .item(), .tolist(), .numpy() or .data, and no "
            "torch.tensor(...) made of results. A step more than the equation has, such as to normalise again, changes "
            "the gradient, too."
        )
    return (
        f"The numbers are right in every case, but this does not hold: {next(iter(broken))}. It is tested with other "
        "arguments, too, or by calling the function again. Does it remember something from call to call?"
    )
