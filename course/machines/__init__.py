"""The machines of the course: what they have in common, and the registry that knows each by its name."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from string import Formatter
from typing import Any, Protocol

from jaxtyping import Float
from torch import Tensor, nn

from course.machines.lstm import LSTM
from implementation import NTM


class Machine(Protocol):
    """What every machine does, the NTM among them; ``tests/contract.py`` holds them all to it.

    Time comes first, outputs are logits. A state is a frozen dataclass or a tuple of tensors: what the machine carries
    from a step to the next. It is never kept on the module.
    """

    config: dict[str, Any]  #: the keywords that make it again, input_size and output_size among them
    resizable: bool  #: whether its memory may have another size after training, given to initial_state as N

    def __call__(self, inputs: Float[Tensor, "T batch I"], state: Any = None) -> tuple[Float[Tensor, "T batch O"], Any]:
        """Run over whole sequences, from ``state`` or from :meth:`initial_state`; the state is the last step's."""

    def initial_state(self, batch_size: int) -> Any:
        """The state before the first step."""

    def step(self, x: Float[Tensor, "batch I"], state: Any) -> tuple[Float[Tensor, "batch O"], Any]:
        """Advance by one time step."""

    def trace(self, inputs: Float[Tensor, "T batch I"], state: Any = None) -> Any:
        """Run as a call does, and keep what figures need: ``outputs`` and named series ``[T, batch, ...]``, and the
        last ``state``."""


@dataclass(frozen=True)
class Kind:
    """A kind of machine, as recipes, tables and figures speak of it.

    >>> MACHINES["lstm"].sizes_of(LSTM(input_size=5, output_size=4, hidden_size=8))
    '3 x 8 units'
    """

    title: str  #: in figures and tables
    make: Callable[..., nn.Module]  #: called with input_size, output_size and the recipe's config
    sizes: str  #: its sizes in words, with the names of keywords in braces
    compilable: bool = True  #: whether a call goes through its step, so that a compiled step makes it faster

    def sizes_of(self, machine: Machine) -> str:
        """The sizes of a machine of this kind, in words."""
        return self.sizes.format_map(machine.config)

    def other_keywords(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Those keywords of ``config`` that ``sizes`` does not speak of."""
        spoken = {name for _, name, _, _ in Formatter().parse(self.sizes)}
        return {name: value for name, value in config.items() if name not in spoken}


NTM_SIZES = "{num_reads} + {num_writes} heads, {controller_size} units, {N} x {M} memory"
MACHINES: dict[str, Kind] = {
    "ntm-feedforward": Kind("NTM, feedforward", partial(NTM, controller="feedforward"), NTM_SIZES),
    "ntm-lstm": Kind("NTM, LSTM", partial(NTM, controller="lstm"), NTM_SIZES),
    "lstm": Kind("LSTM alone", LSTM, "{layers} x {hidden_size} units", compilable=False),
}


def tensors_of(state: Any) -> Iterator[Tensor]:
    """All tensors of a machine's state, whatever it is made of."""
    if isinstance(state, Tensor):
        yield state
    else:
        for part in state if isinstance(state, tuple | list) else vars(state).values():
            yield from tensors_of(part)
