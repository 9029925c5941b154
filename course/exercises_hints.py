"""Find out what is wrong with an answer: a known mistake if it fits, else what can be seen in its numbers."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from course.exercises_mistakes import Mistake
from course.exercises_trials import RELATIVE, Answer, Trial, attempt, number, same

DECIMALS = 4  # how well two numbers agree that count as the same in another place


def diagnose(
    answer: Answer,
    correct: Answer,
    names: Sequence[str],
    mistakes: Sequence[Mistake],
    trials: Sequence[Trial],
    broken: Sequence[str],
) -> str:
    """A hint that names the mistake, from all the trials of an answer; at least one of them failed.

    ``broken`` names the properties that hold in no case, the simplest first.
    """
    first = min((trial for trial in trials if not trial.passed), key=lambda trial: trial.size)
    if first.problem and first.got is not None:
        return first.problem
    hint = known_mistake(mistakes, trials, first)
    if hint:
        return f"{first.problem} {hint}".strip()
    rank = min(trial.expected.dim() for trial in trials)
    parts = [first.problem] if first.problem else list(seen(answer, correct, names, first))[:2]
    if broken and not first.problem and first.got.shape == first.expected.shape:
        parts.append(f"Think of this first, which should always hold and never does: {broken[0]}.")
    if first.expected.dim() > rank and all(trial.passed for trial in trials if trial.expected.dim() == rank):
        parts.append(
            "Without leading dimensions it works. Count dimensions from the end (dim=-1, not dim=0), and give one "
            "number per batch element a last dimension with unsqueeze(-1)."
        )
    elif first.problem.startswith("It raises"):
        given = ", ".join(f"{name} {list(x.shape)}" for name, x in zip(names, first.case, strict=True))
        parts.append(f"The shapes given are {given}; a result of shape {list(first.expected.shape)} is expected.")
    return " ".join(parts)


def known_mistake(mistakes: Sequence[Mistake], trials: Sequence[Trial], first: Trial) -> str:
    """The hint of the mistake that gives what the answer gives, in most cases; empty if none does.

    It must do so in all cases with as many dimensions as ``first``, the smallest that failed; if nothing came out of
    that one, in all cases.
    """
    alike = [t for t in trials if first.got is None or t.expected.dim() == first.expected.dim()]
    best, hint = 0, ""
    for mistake in mistakes:
        for variant in mistake.variants:
            if explains(variant, alike):
                fits = sum(_as_answered(variant, trial) for trial in trials)
                best, hint = max((best, hint), (fits, mistake.hint), key=lambda pair: pair[0])
    return hint


def explains(variant: Answer, trials: Sequence[Trial]) -> bool:
    """Whether a mistake gives what the answer gives in every case, and in one of them wrong numbers."""
    return any(t.got is not None and not t.passed for t in trials) and all(_as_answered(variant, t) for t in trials)


def _as_answered(variant: Answer, trial: Trial) -> bool:
    wrong = attempt(variant, trial.case, trial.expected).got
    if wrong is None or trial.got is None:
        return wrong is trial.got
    return _identical(wrong, trial.got)


def _identical(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=RELATIVE, atol=1e-6, equal_nan=True)


# --- What can be seen in the numbers, the most telling first


def seen(answer: Answer, correct: Answer, names: Sequence[str], trial: Trial) -> Iterator[str]:
    got, expected = trial.got, trial.expected
    if got.shape != expected.shape:
        yield wrong_shape(got, expected)
        return
    if not got.isfinite().all():
        at = (~got.isfinite()).nonzero()[0].tolist()
        yield (
            f"Entry {at} is {number(got[tuple(at)].item())}. Look for a division by 0, a logarithm of 0, or a power or "
            "an exponential that is too large or too small for floating point."
        )
        return
    yield from copied(names, trial)
    yield from unused(answer, correct, names, trial)
    yield from scaled(got, expected)
    yield from moved(got, expected)
    weighting = bool((expected >= 0).all()) and same(expected.sum(-1), torch.ones(expected.shape[:-1]))
    if weighting and bool((got < 0).any()):
        yield f"A weight is negative ({number(got.min().item())}). Weights lie between 0 and 1."
    sums = got.sum(-1).flatten()
    off = (sums - 1).abs()
    if weighting and bool(off.max() > 1e-3):
        total = number(sums[off.argmax()].item())
        yield f"The weights sum to {total} instead of 1. Is a normalisation missing, or over the wrong axis?"
    yield where_wrong(got, expected)


def wrong_shape(got: Tensor, expected: Tensor) -> str:
    shapes = f"The shape is {list(got.shape)}; {list(expected.shape)} is expected."
    if got.numel() == expected.numel():
        return f"{shapes} The count of numbers is right: drop a dimension with squeeze, or swap two."
    if got.dim() < expected.dim():
        return f"{shapes} A dimension too many was summed up or picked from."
    if got.dim() > expected.dim():
        return f"{shapes} A dimension is left over: sum over it, or check what is broadcast against what."
    return f"{shapes} Check over which dimension you sum, and what is broadcast against what."


def copied(names: Sequence[str], trial: Trial) -> Iterator[str]:
    for name, argument in zip(names, trial.case, strict=True):
        if argument.shape == trial.got.shape and same(argument, trial.got):
            yield f"The result is the argument `{name}`, unchanged."
            return
    if trial.got.numel() > 1 and same(trial.got, trial.got.flatten()[0].expand(trial.got.shape)):
        yield f"All entries are {number(trial.got.flatten()[0].item())}, whatever the arguments say."


def unused(answer: Answer, correct: Answer, names: Sequence[str], trial: Trial) -> Iterator[str]:
    """Arguments that play no part: with another value in their place, the answer says the same."""
    idle = []
    for i, name in enumerate(names):
        old = trial.case[i]
        mixed = 0.3 * old + 0.7 * old.roll(1, -1) if old.dim() and old.shape[-1] > 1 else 0.4 * old + 0.1
        case = (*trial.case[:i], old + 1.5 if name in ("gamma", "memory") else mixed, *trial.case[i + 1 :])
        again = attempt(answer, case, correct(*case))
        if again.got is not None and same(again.got, trial.got) and not same(again.expected, trial.expected):
            idle.append(f"`{name}`")
    if idle:
        yield f"The result does not depend on {' and '.join(idle)}: another value there changes nothing."


def scaled(got: Tensor, expected: Tensor) -> Iterator[str]:
    """One factor or one difference between all numbers."""
    if same(got, -expected):
        yield "All signs are turned round."
        return
    nonzero = expected.abs() > 1e-4
    if int(nonzero.sum()) > 1:
        factor = (got[nonzero] / expected[nonzero]).median()
        if same(got, factor * expected):
            times = number(factor.item())
            yield f"All numbers are {times} times what they should be: a factor is too much, or missing."
            return
    difference = (got - expected).median()
    if got.numel() > 1 and same(got - expected, difference.expand(got.shape)):
        yield f"All numbers are off by {number(difference.item())}: a term is too much, or missing."


def moved(got: Tensor, expected: Tensor) -> Iterator[str]:
    """The right numbers in the wrong places."""
    ways: dict[str, Callable[[Tensor], Tensor]] = {"in reverse order": lambda x: x.flip(-1)}
    for k in range(1, expected.shape[-1] if expected.dim() else 0):
        ways[f"moved on by {k}"] = lambda x, k=k: x.roll(k, -1)
    for way, change in ways.items():
        if same(got, change(expected)):
            yield f"The numbers are right, but {way}."
            return
    ranked, wanted = (torch.sort(x.flatten().round(decimals=DECIMALS)).values for x in (got, expected))
    if got.numel() > 1 and same(ranked, wanted):
        yield "The numbers are right, but in other places."


def where_wrong(got: Tensor, expected: Tensor) -> str:
    wrong = ~torch.isclose(got, expected, rtol=1e-4, atol=1e-5)
    at = wrong.nonzero()[0].tolist()
    place = f"entry {at if len(at) != 1 else at[0]}"
    one, other = number(got[tuple(at)].item()), number(expected[tuple(at)].item())
    return (
        f"{int(wrong.sum())} of {got.numel()} numbers are wrong, {place} first: {one} instead of {other}. Work this "
        "entry out by hand from the equation, and compare each step."
    )
