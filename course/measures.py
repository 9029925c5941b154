"""What every shipped machine is asked, in its training range and beyond, and the bounds that tests hold it to."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import mean, stdev

from torch import nn

from course.recipes import Recipe
from course.scoring import evaluate
from course.tasks.base import Seed

MEASURE_SEED = 2 * 10**9  # draws what a machine is asked when it is shipped: no training and no other test has seen it
MANY = 1000  # sequences without a wrong bit after which none is expected
MARGIN = 4  # standard errors between what was measured and its bound


@dataclass(frozen=True)
class Measure:
    """A kind of sequences, and how many of them a machine is asked."""

    sequences: int  #: drawn when a machine is shipped
    checked_on: int  #: fresh ones that the tests draw; 0 where that takes too long
    sizes: Mapping[str, int] = field(default_factory=dict)  #: as task.sample takes them; without any, as in training
    N: int | None = None  #: memory locations; for None as many as in training
    bar: float = math.inf  #: a machine that reaches it may never fall behind it; in the figure that is judged
    long: bool = False  #: takes many minutes, and is measured only on demand


MEASURES: dict[str, list[Measure]] = {
    "copy": [
        Measure(1000, 100, bar=0.01),
        Measure(1000, 100, {"length": 20}),
        Measure(20, 10, {"length": 120}, N=128),
        Measure(20, 2, {"length": 1000}, N=1024),
        Measure(20, 2, {"length": 1000}, N=2048),
        Measure(10, 0, {"length": 10_000}, N=10_100, long=True),
    ],
    "repeat-copy": [
        Measure(1000, 100, bar=0.01),
        Measure(100, 20, {"length": 20, "repeats": 10}, N=128),
        Measure(100, 20, {"length": 10, "repeats": 20}, N=128),
    ],
    "associative-recall": [
        Measure(1000, 100, bar=0.01),
        Measure(200, 50, {"items": 12}, N=128),
        Measure(200, 50, {"items": 20}, N=128, bar=8.0),  # what the paper's curves show
    ],
    "n-grams": [Measure(1000, 50, bar=1.01)],
    "priority-sort": [
        Measure(1000, 100, bar=8.0),  # the paper's curves end at about 10 to 20
        Measure(100, 50, {"items": 30, "answers": 24}),
        Measure(100, 50, {"items": 30, "answers": 24}, N=64),
    ],
}


def measures_for(recipe: Recipe, long: bool = False) -> list[Measure]:
    """The measures of a recipe's task. A machine that cannot change its memory is asked each only once, without ``N``.

    Args:
        recipe: of the machine.
        long: whether to include those that take many minutes.

    Raises:
        KeyError: the task has none.
    """
    resizable, asked = recipe.make().resizable, {}
    for measure in MEASURES[recipe.task_name]:
        N = measure.N if resizable else None
        if long or not measure.long:
            asked.setdefault((*measure.sizes.items(), N), replace(measure, N=N))
    return list(asked.values())


def bound(draws: Sequence[float], sequences: int, measure: Measure) -> float:
    """The most that fresh sequences may give, if those drawn so far are typical.

    That is what was measured and ``MARGIN`` standard errors more, those of the measure and of the check together. Where
    all was right the deviation is that of a single wrong bit; but no wrong bit in ``MANY`` sequences allows none.

    >>> bound([0.0] * 100, 1000, Measure(1000, 100)), bound([0.0] * 100, 100, Measure(100, 100))
    (0.0, 0.0566)
    >>> bound([0.0] * 100, 100, Measure(100, 100, bar=0.01))
    0.01
    """
    value, each = mean(draws), sequences / len(draws)
    if value == 0 and sequences >= MANY:
        return 0.0
    deviation = (stdev(draws) if len(draws) > 1 else 0) or 1 / (each * math.sqrt(len(draws)))
    error = deviation * math.sqrt(1 / len(draws) + each / measure.checked_on)
    most = round(value + MARGIN * error, 4)
    return min(most, measure.bar) if value <= measure.bar else most


def take(machine: nn.Module, recipe: Recipe, measure: Measure, seed: Seed = MEASURE_SEED) -> dict[str, object]:
    """Take a measure: what was asked, the figures of :class:`course.scoring.Score`, and the bound on a check.

    ``at_most`` gives the figure that ``checked_on`` fresh sequences may not exceed; it is empty if none are drawn.
    """
    score = evaluate(machine, recipe.task, measure.sequences, seed=seed, N=measure.N, **measure.sizes)
    judged, _ = score.judged
    at_most = {judged: bound(score.draws, measure.sequences, measure)} if measure.checked_on else {}
    figures = {name: getattr(score, name) for name in ("asked", "wrong", "bits", "optimum", "ratio")}
    figures = {name: float(f"{value:.6g}") for name, value in figures.items() if value is not None}
    taken = {"sizes": dict(measure.sizes), "N": measure.N, "sequences": measure.sequences, "seed": seed, **figures}
    return {**taken, "checked_on": measure.checked_on, "at_most": at_most}
