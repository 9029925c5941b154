"""What the page shows of a machine: its signals, by its kind.

A kind of machine is offered in the page once it has its signals here, and its forward pass for the browser in
``ntm.kinds`` under the name of its class (``run.js`` says what that must do). The page draws whatever is listed.
"""

from dataclasses import dataclass
from functools import singledispatch
from typing import Literal

from torch import nn

from implementation import NTM


@dataclass(frozen=True, kw_only=True)
class Signal:
    """Numbers that each step of the forward pass in the browser gives, and how the page draws them.

    =============  ===================================================================================================
    ``weighting``  over time, by the root of each number, so that small weights show; on an ``edge`` of the tape, too
    ``map``        over time
    ``strip``      over time, in low rows, folded away; and in the table of the step on show
    ``tape``       rows of numbers, a memory, after the step on show; one a machine
    =============  ===================================================================================================

    >>> Signal(of="read head", name="gate", at=("heads", 0, "gate"), drawn="strip").title
    'read head: gate'
    """

    of: str  # whose numbers they are: a row of the table
    name: str = ""  # which of its numbers: a column of the table; empty for what there is only one of
    at: tuple[str | int, ...]  # where they are in what a step gives, as keys and indices
    drawn: Literal["weighting", "map", "strip", "tape"]
    row: str = "row"  # what each of the numbers is for, in the singular: "location"
    rows: tuple[str, ...] = ()  # their names; if left out, they are counted from 0
    least: float = 0  # 0, or minus `most`
    most: float | None = 1  # gets the full colour; None: the largest of the run
    colours: tuple[str, ...] = ("one",)  # of machine.css: for numbers above 0, and for those below
    edge: Literal["above", "below"] | None = None  # of the tape, whose columns are then the same rows

    @property
    def title(self) -> str:
        return f"{self.of}: {self.name}" if self.name else self.of


@singledispatch
def signals(machine: nn.Module) -> list[Signal]:
    """All signals of a machine, in the order in which the page shows them; none: the page does not offer it."""
    return []


@signals.register
def _(machine: NTM) -> list[Signal]:
    if machine.memory.start == "random":  # only PyTorch's generator knows the numbers that it starts with
        return []
    reads, writes = machine.heads.num_reads, machine.heads.num_writes
    memory = Signal(
        of="memory", at=("state", "memory"), drawn="tape", row="location", least=-1, colours=("plus", "minus")
    )
    radius = machine.heads.shift_width // 2
    moves = [f"{move:+d}" if move else "0" for move in range(-radius, radius + 1)]
    listed = [memory]
    for kind, edge, count, first in (("write", "above", writes, reads), ("read", "below", reads, 0)):
        for i in range(count):
            head = {"of": f"{kind} head {i + 1}" if count > 1 else f"{kind} head", "colours": (kind,)}
            at = ("heads", first + i)  # a step lists the read heads first
            listed += [
                Signal(at=(*at, "weighting"), drawn="weighting", row="location", edge=edge, **head),
                Signal(name="strength", at=(*at, "strength"), drawn="strip", most=None, **head),
                Signal(name="gate", at=(*at, "gate"), drawn="strip", **head),
                Signal(name="shift", at=(*at, "shift"), drawn="strip", rows=tuple(moves), **head),
                Signal(name="gamma", at=(*at, "gamma"), drawn="strip", most=None, **head),
            ]
    return listed
