"""Faster training: a compiled step."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from course.machines import Machine, tensors_of


@contextmanager
def compiled(machine: Machine, backend: str = "inductor") -> Iterator[None]:
    """Train with a compiled ``machine.step`` while the block runs: several times faster, after half a minute of work.

    A step is compiled for inputs that carry gradients, which those of a sequence's first step need not: where they do
    not, the step runs as it is. Evaluation carries none, so that nothing is compiled a second time for it.

    Args:
        machine: one whose call goes through its ``step``.
        backend: of ``torch.compile``; ``"eager"`` only follows the code and compiles nothing.
    """
    eager = machine.step
    fast = torch.compile(eager, fullgraph=True, dynamic=False, backend=backend)

    def step(x, state):
        return (fast if any(part.requires_grad for part in tensors_of(state)) else eager)(x, state)

    machine.step = step  # hides the method
    try:
        yield
    finally:
        del machine.step
