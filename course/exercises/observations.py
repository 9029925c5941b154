"""What can be seen in wrong numbers: only what is so in all the cases that failed alike."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from course.exercises.attempts import ABSOLUTE, RELATIVE, Attempt, digits_apart, in_digits, same, try_case
from course.exercises.exercise import Answer, Exercise

OFF = 1e-3  # a sum of weights this far from 1 is worth a word
STEPS = (1, -1, 2, -2, 3, -3)


def seen(
    exercise: Exercise, answer: Answer, names: Sequence[str], first: Attempt, attempts: Sequence[Attempt], always: bool
) -> Iterator[str]:
    """Observations, the most telling first. ``attempts`` failed and have as many dimensions as ``first`` of them.

    ``always`` says whether all ordinary cases fail.
    """
    sight = at_first_sight(first)
    if sight:
        yield sight
        return
    attempts = [a for a in attempts if a.got.shape == a.expected.shape]
    found = [*copied(names, attempts)] if always else []
    found += [*unused(answer, exercise.reference, names, attempts), *scaled(attempts), *moved(attempts)]
    found += [*as_weighting(first, exercise.sums)] if exercise.sums else []
    yield from found or [where_wrong(first)]


def at_first_sight(attempt: Attempt) -> str:
    """What makes all else pointless: a wrong shape, or something that is no number. Else empty."""
    got = attempt.got
    if got.shape != attempt.expected.shape:
        return wrong_shape(got, attempt.expected)
    if got.isfinite().all():
        return ""
    at = (~got.isfinite()).nonzero()[0].tolist()
    return (
        f"{place(at).capitalize()} is {in_digits(got[tuple(at)].item())}. Look for a division by 0, a logarithm of 0, "
        "or a power or an exponential that is too large or too small for floating point."
    )


def wrong_shape(got: Tensor, expected: Tensor) -> str:
    shapes = f"The shape is {list(got.shape)}; {list(expected.shape)} is expected."
    if got.shape == expected.squeeze().shape:
        return f"{shapes} squeeze() drops every dimension of size 1; give it the one to drop, such as squeeze(-1)."
    if got.numel() == expected.numel():
        return f"{shapes} The count of numbers is right: drop a dimension, add one of size 1, or swap two."
    if got.dim() < expected.dim():
        return f"{shapes} A dimension too many was summed up or picked from."
    if got.dim() > expected.dim():
        return f"{shapes} A dimension is left over: sum over it, or check what is broadcast against what."
    return f"{shapes} Check over which dimension you sum, and what is broadcast against what."


def copied(names: Sequence[str], attempts: Sequence[Attempt]) -> Iterator[str]:
    for i, name in enumerate(names):
        if all(same(torch.as_tensor(a.case[i]), a.got) for a in attempts):
            yield f"The result is the argument `{name}`, unchanged."
            return
    value = attempts[0].got.flatten()[0]
    if all(same(a.got, value.expand(a.got.shape)) for a in attempts) and any(
        a.expected.max() - a.expected.min() > OFF for a in attempts
    ):
        yield f"All numbers are {in_digits(value.item())}, whatever the arguments say."


def _other(name: str, old: Tensor | float) -> Tensor | float:
    """Another value for an argument, in its range; weights keep their sum, and whole numbers stay whole."""
    value = torch.as_tensor(old)
    if name == "gamma":
        return old + 1.5
    if not value.is_floating_point():
        return value.roll(1, -1) if value.dim() else old + 1
    if name in ("gate", "strength") or value.dim() == 0 or value.shape[-1] == 1:
        return 0.4 * old + 0.1
    return 0.3 * old + 0.7 * old.roll(1, -1) + (1.5 if name == "memory" else 0)


def unused(answer: Answer, reference: Answer, names: Sequence[str], attempts: Sequence[Attempt]) -> Iterator[str]:
    """Arguments that play no part: with another value in their place, the answer says the same."""
    idle = []
    for i, name in enumerate(names):
        changes = []
        for attempt in attempts:
            case = (*attempt.case[:i], _other(name, attempt.case[i]), *attempt.case[i + 1 :])
            right = try_case(reference, case, attempt.expected).got
            if right is not None and not same(right, attempt.expected):
                again = try_case(answer, case, right)
                changes.append(again.got is None or not same(again.got, attempt.got))
        if changes and not any(changes):
            idle.append(f"`{name}`")
    if len(idle) == len(names):
        yield "None of the arguments plays a part: the result is always the same."
    elif idle:
        yield f"The result does not depend on {' or '.join(idle)}: another value there changes nothing."


def scaled(attempts: Sequence[Attempt]) -> Iterator[str]:
    """One factor, or one difference, between all numbers."""
    if all(same(a.got, -a.expected) for a in attempts):
        yield "All signs are turned round."
        return
    got, expected = (torch.cat([pair[i].flatten() for pair in ((a.got, a.expected) for a in attempts)]) for i in (0, 1))
    nonzero = expected.abs() > 1e-4
    factor = (got[nonzero] / expected[nonzero]).median() if nonzero.any() else torch.tensor(0.0)
    difference = (got - expected).median()
    if int(nonzero.sum()) > 1 and same(got, factor * expected) and bool(factor != 0):
        yield f"All numbers are {in_digits(factor.item())} times what they should be: a factor is too much, or missing."
    elif len(got) > 1 and same(got - expected, difference.expand(got.shape)):
        yield f"All numbers are off by {in_digits(difference.item())}: a term is too much, or missing."


def moved(attempts: Sequence[Attempt]) -> Iterator[str]:
    """The right numbers in the wrong places."""
    shortest = min(a.expected.shape[-1] if a.expected.dim() else 1 for a in attempts)
    ways: dict[str, Callable[[Tensor], Tensor]] = {f"moved by {k}": lambda x, k=k: x.roll(k, -1) for k in STEPS}
    for way, change in ({"in reverse order": lambda x: x.flip(-1)} | ways).items():
        if shortest > 1 and all(same(a.got, change(a.expected)) for a in attempts):
            yield f"The numbers are right, but {way}."
            return
    ranked = ([torch.sort(x.flatten()).values for x in (a.got, a.expected)] for a in attempts)
    if shortest > 1 and all(same(*pair) for pair in ranked):
        yield "The numbers are right, but in other places."


def as_weighting(attempt: Attempt, sums: str) -> Iterator[str]:
    """What a weighting must be, if one is expected; ``sums`` is said if it does not sum to 1."""
    got, expected = attempt.got, attempt.expected
    if bool((got < 0).any()):
        yield f"A weight is negative ({in_digits(got.min().item())}). Weights lie between 0 and 1."
    totals = got.sum(-1).flatten()
    off = (totals - 1).abs()
    if bool(off.max() > OFF) and same(expected.sum(-1), torch.ones_like(expected.sum(-1))):
        total = totals[off.argmax()].item()
        yield f"The weights sum to {in_digits(total, digits_apart([(total, 1.0)]))} instead of 1. {sums}"


def place(at: Sequence[int]) -> str:
    """What a number of the result is called, by its indices.

    >>> place([]), place([2]), place([0, 2])
    ('the result', 'entry 2', 'entry [0, 2]')
    """
    return f"entry {at[0] if len(at) == 1 else at}" if at else "the result"


def where_wrong(attempt: Attempt) -> str:
    got, expected = attempt.got, attempt.expected
    wrong = ~torch.isclose(got, expected, rtol=RELATIVE, atol=ABSOLUTE)
    at = wrong.nonzero()[0].tolist()
    pair = got[tuple(at)].item(), expected[tuple(at)].item()
    one, other = (in_digits(value, digits_apart([pair])) for value in pair)
    count = f"{int(wrong.sum())} of {got.numel()} numbers are wrong, {place(at)} first" if at else "The result is wrong"
    return f"{count}: {one} instead of {other}. Work it out by hand from the equation, and compare each step."
