"""The Neural Turing Machine (NTM), equation by equation.

Alex Graves, Greg Wayne, Ivo Danihelka: *Neural Turing Machines*, 2014, arXiv 1410.5401. The file follows the paper from
the bottom up. In the shapes, B is the batch, N the number of memory locations, M the width of a location, H the number
of heads (R read heads, then W write heads), S the shift width and ``...`` any leading dimensions.

================  ===========================  ================  =====================================
paper             name                         shape             range; equation
================  ===========================  ================  =====================================
:math:`M_t`       ``memory``                   ``[..., N, M]``   any real number
:math:`w_t`       ``weighting``                ``[..., N]``      :math:`\\ge 0`, sums to 1; eq 1
:math:`r_t`       ``reads``                    ``[..., M]``      eq 2
:math:`e_t`       ``erase_vector``             ``[..., M]``      0 to 1; eq 3
:math:`a_t`       ``add_vector``               ``[..., M]``      any (the heads here: -1 to 1); eq 4
:math:`k_t`       ``key``                      ``[..., M]``      any (the heads here: -1 to 1); eqs 5, 6
:math:`\\beta_t`   ``strength``                 ``[...]``         :math:`\\ge 0`; eq 5
:math:`g_t`       ``gate``                     ``[...]``         0 to 1; eq 7
:math:`s_t`       ``shift``                    ``[..., S]``      :math:`\\ge 0`, sums to 1; eq 8
:math:`\\gamma_t`  ``gamma``                    ``[...]``         :math:`\\ge 1`; eq 9
================  ===========================  ================  =====================================

Every equation is a function on any leading dimensions: these broadcast by torch's rules, the named ones must match
exactly. Whatever takes a wrong shape, a size below 1 or an unknown choice raises ``ValueError``; what is not a
floating-point tensor of the common dtype, or not a whole number, ``TypeError``. Ranges of values are the caller's duty:
to check them would make an accelerator wait.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from textwrap import fill
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

NORM_FLOOR = 1e-8  # shortest vector length that cosine_similarity divides by
CONSTANT_START = 1e-6  # value of every memory cell at the start (Collier and Beel 2018)
RANDOM_START = 0.5  # standard deviation of a random starting memory (Collier and Beel 2018)

Memory = Float[Tensor, "... N M"]
Weighting = Float[Tensor, "... N"]
Vector = Float[Tensor, "... M"]
Weightings = Float[Tensor, "... W N"]
Vectors = Float[Tensor, "... W M"]
Shift = Float[Tensor, "... S"]
Scalar = Float[Tensor, "..."] | float | int


# --- Reading and writing (section 3.1 and 3.2)
def read(memory: Memory, weighting: Weighting) -> Vector:
    r"""Read from memory: the average of its rows under a weighting, so no entry leaves the range of its column (eq 2).

    .. math:: r = \sum_i w(i) \, M(i)

    Args:
        memory: the memory matrix, any real numbers.
        weighting: how much each location counts; non-negative, sums to 1.

    >>> read(torch.tensor([[1.0, 0.0], [3.0, 4.0]]), torch.tensor([0.5, 0.5]))
    tensor([2., 2.])
    """
    check_tensors(memory=(memory, "N M"), weighting=(weighting, "N"))
    return torch.einsum("...nm,...n->...m", memory, weighting)


def erase(memory: Memory, weighting: Weighting, erase_vector: Vector) -> Memory:
    r"""Scale memory down where a weighting and an erase vector both point (eq 3).

    .. math:: \tilde M(i) = M(i) \odot \bigl(1 - w(i) \, e\bigr)

    Args:
        memory: the memory matrix; no entry of it grows in size.
        weighting: non-negative, sums to 1.
        erase_vector: 0 keeps a column, 1 clears it where the weighting is 1.

    >>> erase(torch.ones(2, 2), torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.5]))
    tensor([[0.0000, 0.5000],
            [1.0000, 1.0000]])
    """
    check_tensors(memory=(memory, "N M"), weighting=(weighting, "N"), erase_vector=(erase_vector, "M"))
    return memory * (1 - weighting.unsqueeze(-1) * erase_vector.unsqueeze(-2))


def add(memory: Memory, weighting: Weighting, add_vector: Vector) -> Memory:
    r"""Add a vector to memory, as :func:`erase` left it, spread by a weighting: all of it where that is 1 (eq 4).

    .. math:: M(i) = \tilde M(i) + w(i) \, a

    >>> add(torch.zeros(2, 1), torch.tensor([0.0, 1.0]), torch.tensor([3.0])).T
    tensor([[0., 3.]])
    """
    check_tensors(memory=(memory, "N M"), weighting=(weighting, "N"), add_vector=(add_vector, "M"))
    return memory + weighting.unsqueeze(-1) * add_vector.unsqueeze(-2)


def write(memory: Memory, weighting: Weighting, erase_vector: Vector, add_vector: Vector) -> Memory:
    """Write with one head: :func:`erase` (eq 3), then :func:`add` (eq 4); their arguments, their errors.

    >>> write(torch.ones(2, 1), torch.tensor([1.0, 0.0]), torch.tensor([1.0]), torch.tensor([5.0])).T
    tensor([[5., 1.]])
    """
    return add(erase(memory, weighting, erase_vector), weighting, add_vector)


def write_heads(memory: Memory, weightings: Weightings, erase_vectors: Vectors, add_vectors: Vectors) -> Memory:
    r"""Write with W heads at once: all erases, then all additions (section 3.2).

    .. math:: M(i) \leftarrow M(i) \odot \prod_h \bigl(1 - w_h(i) \, e_h\bigr) + \sum_h w_h(i) \, a_h

    The order of the heads does not matter. ``memory`` has no axis for heads; each other argument has one.

    >>> both = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> write_heads(torch.ones(2, 1), both, torch.tensor([[0.5], [0.5]]), torch.tensor([[2.0], [3.0]])).T
    tensor([[5.2500, 1.0000]])
    """
    vectors = {"erase_vectors": (erase_vectors, "W M"), "add_vectors": (add_vectors, "W M")}
    check_tensors(memory=(memory, "N M"), weightings=(weightings, "W N"), **vectors)
    kept = 1 - weightings.unsqueeze(-1) * erase_vectors.unsqueeze(-2)  # [..., W, N, M]
    added = torch.einsum("...wn,...wm->...nm", weightings, add_vectors)
    return memory * kept.prod(dim=-3) + added


# --- Addressing (section 3.3, figure 2)
def cosine_similarity(memory: Memory, key: Vector) -> Weighting:
    r"""Compare a key with every memory row by the angle between them (eq 6): 1 for the same direction, -1 for opposite.

    .. math:: K[k, M(i)] = \frac{k \cdot M(i)}{\lVert k \rVert \, \lVert M(i) \rVert}

    The paper leaves the angle to a zero vector open. Here lengths count as at least ``NORM_FLOOR``, so that a zero row
    or key has similarity 0 and finite gradients.

    >>> cosine_similarity(torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), torch.tensor([5.0, 0.0]))
    tensor([1., 0., 0.])
    """
    check_tensors(memory=(memory, "N M"), key=(key, "M"))
    dot = torch.einsum("...nm,...m->...n", memory, key)
    floor = max(NORM_FLOOR, torch.finfo(memory.dtype).tiny ** 0.5)  # in float16 the square of 1e-8 would vanish
    row_norm = torch.linalg.vector_norm(memory, dim=-1).clamp_min(floor)  # [..., N]
    key_norm = torch.linalg.vector_norm(key, dim=-1, keepdim=True).clamp_min(floor)  # [..., 1]
    return dot / (row_norm * key_norm)


def content_addressing(memory: Memory, key: Vector, strength: Scalar) -> Weighting:
    r"""Focus on the locations that resemble a key: a softmax over similarities (eq 5).

    .. math:: w^c(i) = \frac{\exp\bigl(\beta K[k, M(i)]\bigr)}{\sum_j \exp\bigl(\beta K[k, M(j)]\bigr)}

    Args:
        strength: 0 gives the uniform weighting, large values pick the best match; up to 1e4 without overflow.

    >>> content_addressing(torch.eye(2), torch.tensor([1.0, 0.0]), 0.0)
    tensor([0.5000, 0.5000])
    """
    strength = _as_tensor(strength, like=memory)
    check_tensors(memory=(memory, "N M"), key=(key, "M"), strength=(strength, ""))
    return torch.softmax(strength.unsqueeze(-1) * cosine_similarity(memory, key), dim=-1)


def interpolate(content: Weighting, previous: Weighting, gate: Scalar) -> Weighting:
    r"""Blend the content weighting (all of it at gate 1) with the weighting of the step before (at gate 0; eq 7).

    .. math:: w^g = g \, w^c + (1 - g) \, w_{t-1}

    >>> interpolate(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 0.25)
    tensor([0.2500, 0.7500])
    """
    gate = _as_tensor(gate, like=content)
    check_tensors(content=(content, "N"), previous=(previous, "N"), gate=(gate, ""))
    return torch.lerp(previous, content, gate.unsqueeze(-1))


def circular_shift(weighting: Weighting, shift: Shift) -> Weighting:
    r"""Move a weighting along the memory, round its end: a circular convolution (eq 8).

    .. math:: \tilde w(i) = \sum_j w(j) \, s(i - j \bmod N)

    Args:
        shift: weights of the moves -(S-1)/2 to (S-1)/2 in this order, S odd (else ``ValueError``). With S = 3 those
            of -1, 0 and +1; +1 moves the focus from location i to i + 1.

    >>> circular_shift(torch.tensor([0.0, 0.0, 1.0]), torch.tensor([0.0, 0.0, 1.0]))
    tensor([1., 0., 0.])
    """
    check_tensors(weighting=(weighting, "N"), shift=(shift, "S"))
    if shift.shape[-1] % 2 == 0:
        raise ValueError(f"shift must have an odd width S, got S = {shift.shape[-1]} (shape {list(shift.shape)})")
    radius = shift.shape[-1] // 2
    moved = torch.stack([weighting.roll(move, dims=-1) for move in range(-radius, radius + 1)], dim=-1)  # [..., N, S]
    return torch.einsum("...ns,...s->...n", moved, shift)


def sharpen(weighting: Weighting, gamma: Scalar) -> Weighting:
    r"""Sharpen a weighting: raise it to a power and normalise (eq 9).

    .. math:: w(i) = \frac{\tilde w(i)^\gamma}{\sum_j \tilde w(j)^\gamma}

    Args:
        weighting: the shifted weighting, at least one entry positive.
        gamma: at least 1; 1 changes nothing, large values pick the largest entry; up to 1e3 without underflow.

    Each weight is first divided by the largest, or 0.3 ** 1000 would underflow and leave 0 / 0. The largest cancels in
    the fraction, so no gradient need flow through it.

    >>> sharpen(torch.tensor([0.2, 0.6, 0.2]), 2)
    tensor([0.0909, 0.8182, 0.0909])
    """
    gamma = _as_tensor(gamma, like=weighting)
    check_tensors(weighting=(weighting, "N"), gamma=(gamma, ""))
    largest = weighting.detach().amax(dim=-1, keepdim=True)
    powers = (weighting / largest) ** gamma.unsqueeze(-1)
    return powers / powers.sum(dim=-1, keepdim=True)


def address(
    memory: Memory, previous: Weighting, key: Vector, strength: Scalar, gate: Scalar, shift: Shift, gamma: Scalar
) -> Weighting:
    """Turn what a head emits into its weighting: content, interpolation, shift, sharpening (figure 2, eqs 5 to 9).

    >>> key, plus_one = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0])
    >>> address(torch.eye(3), torch.ones(3) / 3, key, 1e4, 1, plus_one, 1)
    tensor([0., 1., 0.])
    """
    check_tensors(memory=(memory, "N M"), previous=(previous, "N"), key=(key, "M"))
    content = content_addressing(memory, key, strength)
    gated = interpolate(content, previous, gate)
    shifted = circular_shift(gated, shift)
    return sharpen(shifted, gamma)


# --- Memory, heads, controllers
class NTMMemory(nn.Module):
    """How the memory matrix starts. The memory itself lives in :class:`NTMState`, never on a module.

    Args:
        N, M: number of locations, and width of a location, at least 1.
        start: ``"constant"`` (every cell ``CONSTANT_START``), ``"learned"`` (a parameter ``[N, M]``) or
            ``"random"`` (the same for the same seed and N); the last two are normal with deviation ``RANDOM_START``.
        seed: draws the random start, on every device the same.

    >>> NTMMemory(N=1, M=3)(batch_size=1)
    tensor([[[1.0000e-06, 1.0000e-06, 1.0000e-06]]])
    """

    def __init__(self, N: int, M: int, start: Literal["constant", "learned", "random"] = "constant", seed: int = 0):
        super().__init__()
        check_sizes(N=N, M=M)
        check_choice("start", start, ("constant", "learned", "random"))
        self.N, self.M, self.start, self.seed = N, M, start, seed
        self.register_buffer("like", torch.empty(0), persistent=False)  # holds the dtype and device
        self.learned = nn.Parameter(RANDOM_START * torch.randn(N, M)) if start == "learned" else None

    def extra_repr(self) -> str:
        return f"N={self.N}, M={self.M}, start={self.start!r}"

    def forward(self, batch_size: int, N: int | None = None) -> Float[Tensor, "batch N M"]:
        """The starting memory of ``batch_size`` sequences; ``N`` may differ from the constructor's unless learned."""
        N = self.N if N is None else N
        check_sizes(batch_size=batch_size, N=N)
        if self.start == "constant":
            return self.like.new_full((batch_size, N, self.M), CONSTANT_START)
        if self.start == "learned":
            if N != self.N:
                raise ValueError(f"N must be {self.N}, the size of the learned starting memory, got {N}")
            return self.learned.expand(batch_size, N, self.M)
        rows = RANDOM_START * torch.randn(N, self.M, generator=torch.Generator().manual_seed(self.seed))  # on the CPU
        return rows.to(self.like).expand(batch_size, N, self.M)


@dataclass(frozen=True)
class HeadParameters:
    """What all H = R + W heads emit at a step, the R read heads first; a :class:`Trace` puts time before the batch."""

    key: Float[Tensor, "*time batch H M"]
    strength: Float[Tensor, "*time batch H"]
    gate: Float[Tensor, "*time batch H"]
    shift: Float[Tensor, "*time batch H S"]
    gamma: Float[Tensor, "*time batch H"]
    erase: Float[Tensor, "*time batch W M"]
    add: Float[Tensor, "*time batch W M"]


class Heads(nn.Module):
    """All read and write heads: from the controller's output to every parameter of figure 2, in its range.

    Every head addresses; only write heads also erase and add. The paper does not say how values are kept in range.
    Here key and add vector go through tanh, strength through softplus, gate and erase vector through a sigmoid, the
    shift through a softmax, and gamma is 1 + softplus.

    Args:
        num_reads, num_writes: numbers of read heads R and of write heads W, at least 1.
        shift_range: how far a head may move in a step, 0 for not at all; the shift width S is ``2 * shift_range + 1``.
    """

    def __init__(self, controller_size: int, M: int, num_reads: int = 1, num_writes: int = 1, shift_range: int = 1):
        super().__init__()
        check_sizes(controller_size=controller_size, M=M, num_reads=num_reads, num_writes=num_writes)
        check_sizes(0, shift_range=shift_range)
        self.M, self.num_reads, self.num_writes, self.shift_width = M, num_reads, num_writes, 2 * shift_range + 1
        self.addressing = nn.Linear(controller_size, (num_reads + num_writes) * (M + self.shift_width + 3))
        self.writing = nn.Linear(controller_size, num_writes * 2 * M)

    def extra_repr(self) -> str:
        return f"num_reads={self.num_reads}, num_writes={self.num_writes}, M={self.M}, shift_width={self.shift_width}"

    def forward(self, hidden: Float[Tensor, "batch hidden"]) -> HeadParameters:
        """Map the controller's output to the parameters of all heads."""
        addressing = self.addressing(hidden).unflatten(-1, (self.num_reads + self.num_writes, -1))
        key, strength, gate, shift, gamma = addressing.split([self.M, 1, 1, self.shift_width, 1], dim=-1)
        erase_vector, add_vector = self.writing(hidden).unflatten(-1, (self.num_writes, -1)).chunk(2, dim=-1)
        return HeadParameters(
            key=torch.tanh(key),
            strength=F.softplus(strength.squeeze(-1)),
            gate=torch.sigmoid(gate.squeeze(-1)),
            shift=torch.softmax(shift, dim=-1),
            gamma=1 + F.softplus(gamma.squeeze(-1)),
            erase=torch.sigmoid(erase_vector),
            add=torch.tanh(add_vector),
        )


class FeedforwardController(nn.Module):
    """One hidden layer of tanh units; it remembers nothing, so all memory is in the memory matrix.

    A controller of your own is any ``nn.Module`` with these three members, made by ``controller(input_size,
    controller_size)``: ``state_tensors``, how many tensors ``[batch, controller_size]`` it carries from step to step;
    ``initial_state(batch_size)``, a tuple of these for the first step; ``forward(x, state)``, the output ``[batch,
    controller_size]`` and the next such tuple. ``x`` is an input, then the reads of the step before.
    """

    state_tensors = 0

    def __init__(self, input_size: int, controller_size: int):
        super().__init__()
        self.hidden = nn.Linear(input_size, controller_size)

    def initial_state(self, batch_size: int) -> tuple[Tensor, ...]:
        return ()

    def forward(self, x: Float[Tensor, "batch I"], state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        return torch.tanh(self.hidden(x)), ()


class LSTMController(nn.Module):
    """One LSTM layer, a small memory of its own that starts at zero. Written out: vmap has no rule for LSTMCell."""

    state_tensors = 2

    def __init__(self, input_size: int, controller_size: int):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, controller_size)

    def initial_state(self, batch_size: int) -> tuple[Tensor, ...]:
        return (self.cell.weight_hh.new_zeros(batch_size, self.cell.hidden_size),) * 2

    def forward(self, x: Float[Tensor, "batch I"], state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        weights, (hidden, cell) = self.cell, state
        gates = F.linear(x, weights.weight_ih, weights.bias_ih) + F.linear(hidden, weights.weight_hh, weights.bias_hh)
        enter, keep, candidate, leave = gates.chunk(4, dim=-1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(enter) * torch.tanh(candidate)
        hidden = torch.sigmoid(leave) * torch.tanh(cell)
        return hidden, (hidden, cell)


CONTROLLERS = {"feedforward": FeedforwardController, "lstm": LSTMController}


def _make_controller(given: str | Callable[[int, int], nn.Module], *sizes: int) -> nn.Module:
    if not callable(given):
        check_choice("controller", given, tuple(CONTROLLERS))
    if isinstance(given, nn.Module):
        raise TypeError(f"controller must be a class or a factory, got a module that is made: {type(given).__name__}")
    made = (given if callable(given) else CONTROLLERS[given])(*sizes)
    missing = [name for name in ("state_tensors", "initial_state") if not hasattr(made, name)]
    missing += [] if isinstance(made, nn.Module) and type(made).forward is not nn.Module.forward else ["forward"]
    if missing:
        raise TypeError(f"controller must make an nn.Module; {type(made).__name__} lacks {', '.join(missing)}")
    return made


# --- The machine (section 3, figure 1)
@dataclass(frozen=True)
class NTMState:
    """All that a machine carries from one step to the next."""

    memory: Float[Tensor, "batch N M"]
    weightings: Float[Tensor, "batch H N"]  #: read heads first
    reads: Float[Tensor, "batch R M"]
    controller: tuple[Tensor, ...]  #: () for feedforward; hidden and cell state [batch, controller_size] for LSTM


@dataclass(frozen=True)
class Trace(HeadParameters):
    """A run, step by step: what :class:`HeadParameters` and :class:`NTMState` name, each with time as first axis."""

    outputs: Float[Tensor, "T batch O"]
    read_weightings: Float[Tensor, "T batch R N"]
    write_weightings: Float[Tensor, "T batch W N"]
    reads: Float[Tensor, "T batch R M"]
    memory: Float[Tensor, "T batch N M"]  #: after the step's write
    state: NTMState  #: after the last step


class NTM(nn.Module):
    """The Neural Turing Machine: a controller, heads, and a memory that they read and write.

    Called like ``torch.nn.LSTM``: ``outputs, state = ntm(inputs, state=None)`` with time first. Outputs are logits.
    The sizes below are attributes too. ``config`` holds all of the arguments: ``NTM(**ntm.config)`` is such a machine
    again. ``resizable`` says whether its memory may change size after training.

    Args:
        input_size, output_size: widths of an input vector and of an output vector.
        controller_size: hidden units of the controller.
        N, M: memory locations, and their width. Only learned starts tie the weights to N; others run with any N.
        num_reads, num_writes, shift_range: of the :class:`Heads`.
        controller: ``"lstm"``, ``"feedforward"``, or a class or factory of yours, see :class:`FeedforwardController`.
        memory_start, seed: ``start`` and ``seed`` of :class:`NTMMemory`. Parameters follow ``torch.manual_seed``.
        head_start: ``"onehot"`` (every head at location 0) or ``"learned"`` (the softmax of a parameter ``[H, N]``).
        read_first: whether a step reads before it writes, or after; heads find their place before both.

    >>> ntm = NTM(input_size=5, output_size=4, N=16, M=8)
    >>> outputs, state = ntm(torch.zeros(7, 2, 5))
    >>> outputs.shape, state.memory.shape
    (torch.Size([7, 2, 4]), torch.Size([2, 16, 8]))
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        controller_size: int = 100,
        N: int = 128,
        M: int = 20,
        *,
        num_reads: int = 1,
        num_writes: int = 1,
        controller: Literal["lstm", "feedforward"] | Callable[[int, int], nn.Module] = "lstm",
        shift_range: int = 1,
        memory_start: Literal["constant", "learned", "random"] = "constant",
        head_start: Literal["onehot", "learned"] = "onehot",
        read_first: bool = True,
        seed: int = 0,
    ):
        super().__init__()
        self.config = {name: given for name, given in dict(locals()).items() if name not in ("self", "__class__")}
        check_sizes(input_size=input_size, output_size=output_size)
        check_choice("head_start", head_start, ("onehot", "learned"))
        self.input_size, self.output_size, self.controller_size = input_size, output_size, controller_size
        self.N, self.M, self.num_reads, self.num_writes, self.read_first = N, M, num_reads, num_writes, read_first
        self.resizable = "learned" not in (memory_start, head_start)
        self.memory = NTMMemory(N, M, memory_start, seed)
        self.heads = Heads(controller_size, M, num_reads, num_writes, shift_range)
        self.controller = _make_controller(controller, input_size + num_reads * M, controller_size)
        self.output = nn.Linear(controller_size + num_reads * M, output_size)
        self.head_start = nn.Parameter(torch.randn(num_reads + num_writes, N)) if head_start == "learned" else None

    def extra_repr(self) -> str:
        return fill(", ".join(f"{name}={value!r}" for name, value in self.config.items()), width=84)

    def initial_state(self, batch_size: int, N: int | None = None) -> NTMState:
        """The state before the first step; ``N`` may differ from the constructor's unless a start is learned."""
        memory = self.memory(batch_size, N)
        if self.head_start is None:
            weightings = memory.new_zeros(self.num_reads + self.num_writes, memory.shape[1])
            weightings[:, 0] = 1
        elif memory.shape[1] == self.N:
            weightings = torch.softmax(self.head_start, dim=-1)
        else:
            raise ValueError(f"N must be {self.N}, the size of the learned head start, got {memory.shape[1]}")
        weightings = weightings.expand(batch_size, -1, -1)
        reads = read(memory.unsqueeze(-3), weightings[:, : self.num_reads])
        return NTMState(memory, weightings, reads, self.controller.initial_state(batch_size))

    def _check_step(self, x: Tensor, state: NTMState) -> None:
        expected = f"state must be an NTMState of a machine with a {type(self.controller).__name__}"
        if not isinstance(state, NTMState):
            raise TypeError(f"{expected}, got {type(state).__name__}")
        parts = len(state.controller) if isinstance(state.controller, tuple) else type(state.controller).__name__
        if parts != self.controller.state_tensors:
            raise TypeError(f"{expected}, with a tuple of {self.controller.state_tensors} tensors for it, got {parts}")
        known = {"input_size": self.input_size, "controller_size": self.controller_size}
        known |= {"M": self.M, "R": self.num_reads, "H": self.num_reads + self.num_writes}
        tensors = {"inputs": (x, "batch input_size"), "the machine's weight": (self.output.weight, "out in")}
        tensors |= {"memory": (state.memory, "batch N M"), "weightings": (state.weightings, "batch H N")}
        tensors |= {"reads": (state.reads, "batch R M")}
        tensors |= {f"controller state {i}": (s, "batch controller_size") for i, s in enumerate(state.controller)}
        check_tensors(known, exact=True, **tensors)

    def _advance(self, x: Tensor, state: NTMState) -> tuple[Tensor, NTMState, HeadParameters]:
        """One step, and what the heads emitted in it. Every run of the machine goes through here."""
        self._check_step(x, state)
        answer = self.controller(torch.cat([x, state.reads.flatten(1)], dim=-1), state.controller)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise TypeError(f"the controller must return its output and its state, got a {type(answer).__name__}")
        hidden, controller_state = answer
        if hidden.shape != (len(x), self.controller_size):
            expected = [len(x), self.controller_size]
            raise ValueError(f"the controller's output must have shape {expected}, got {list(hidden.shape)}")
        emitted = self.heads(hidden)
        place = (emitted.key, emitted.strength, emitted.gate, emitted.shift, emitted.gamma)
        weightings = address(state.memory.unsqueeze(-3), state.weightings, *place)  # [B, 1, N, M]: one memory for all
        read_weightings, write_weightings = weightings.tensor_split([self.num_reads], dim=1)
        memory = write_heads(state.memory, write_weightings, emitted.erase, emitted.add)
        reads = read((state.memory if self.read_first else memory).unsqueeze(-3), read_weightings)
        output = self.output(torch.cat([hidden, reads.flatten(1)], dim=-1))
        return output, NTMState(memory, weightings, reads, controller_state), emitted

    def step(self, x: Float[Tensor, "batch I"], state: NTMState) -> tuple[Float[Tensor, "batch O"], NTMState]:
        """Advance by one time step, from :meth:`initial_state` or the state of the step before."""
        return self._advance(x, state)[:2]

    def forward(self, inputs: Float[Tensor, "T batch I"], state: NTMState | None = None) -> tuple[Tensor, NTMState]:
        """Run over whole sequences, from ``state`` or from :meth:`initial_state`; the state is the last step's."""
        state = self._start(inputs, state)
        outputs = []
        for x in inputs:
            output, state = self.step(x, state)
            outputs.append(output)
        return torch.stack(outputs), state

    def trace(self, inputs: Float[Tensor, "T batch I"], state: NTMState | None = None) -> Trace:
        """Run as :meth:`forward` does and keep everything that a figure needs. Errors are the same."""
        state = self._start(inputs, state)
        steps = []
        for x in inputs:
            output, state, emitted = self._advance(x, state)
            of_reads, of_writes = state.weightings.tensor_split([self.num_reads], dim=1)
            step = {"outputs": output, "read_weightings": of_reads, "write_weightings": of_writes}
            steps.append(step | vars(emitted) | {"reads": state.reads, "memory": state.memory})
        return Trace(**{name: torch.stack([step[name] for step in steps]) for name in steps[0]}, state=state)

    def _start(self, inputs: Tensor, state: NTMState | None) -> NTMState:
        check_tensors({"input_size": self.input_size}, exact=True, inputs=(inputs, "T batch input_size"))
        return self.initial_state(inputs.shape[1]) if state is None else state


# --- Checks
def check_tensors(sizes: dict[str, int] | None = None, exact: bool = False, **named: tuple[Tensor, str]) -> None:
    """Check that tensors are floating and share a dtype (else ``TypeError``), and fit together (else ``ValueError``).

    Args:
        sizes: dimensions whose size is known beforehand.
        exact: whether other leading dimensions are forbidden; else they must broadcast.
        named: each tensor with the names of its last dimensions; equal names must have equal sizes, of at least 1.

    >>> check_tensors(memory=(torch.ones(3, 2), "N M"), weighting=(torch.ones(4), "N"))
    Traceback (most recent call last):
    ValueError: weighting has N = 4 (shape [4]), but memory has N = 3
    """
    known = {dim: (size, "the machine") for dim, size in (sizes or {}).items()}
    leading, dtypes = {}, {}
    for name, (tensor, spec) in named.items():
        kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
        if not getattr(kind, "is_floating_point", False):
            raise TypeError(f"{name} must be a floating-point tensor, got {kind}")
        dims, shape = spec.split(), list(tensor.shape)
        lead = len(shape) - len(dims)
        if lead < 0 or (exact and lead > 0):
            raise ValueError(f"{name} must have shape [{', '.join(dims if exact else ['...', *dims])}], got {shape}")
        for dim, size in zip(dims, shape[lead:], strict=True):
            expected, owner = known.setdefault(dim, (size, name))
            if size < 1:
                raise ValueError(f"{name} must have {dim} of at least 1, got {size} (shape {shape})")
            if size != expected:
                raise ValueError(f"{name} has {dim} = {size} (shape {shape}), but {owner} has {dim} = {expected}")
        leading[name], dtypes[kind] = shape[:lead], name
    if len(dtypes) > 1:
        raise TypeError("one dtype expected, got " + " and ".join(f"{name}: {dtype}" for dtype, name in dtypes.items()))
    for column in zip_longest(*(reversed(shape) for shape in leading.values()), fillvalue=1):
        if len(set(column) - {1}) > 1:
            given = ", ".join(f"{name}: {shape}" for name, shape in leading.items())
            raise ValueError(f"leading dimensions do not broadcast: {given}")


def check_sizes(least: int = 1, /, **sizes: int) -> None:
    """Check that sizes are whole numbers (else ``TypeError``) of at least ``least`` (else ``ValueError``)."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int):
            raise TypeError(f"{name} must be a whole number, got {size!r}")
        if size < least:
            raise ValueError(f"{name} must be at least {least}, got {size}")


def check_choice(name: str, given: object, choices: tuple[str, ...]) -> None:
    """Check that the argument ``name`` is one of ``choices``; else ``ValueError``."""
    if given not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {given!r}")


def _as_tensor(value: Scalar, like: Tensor) -> Tensor:
    """A plain number as a tensor of the same kind as ``like``; what else it is, for ``check_tensors`` to judge."""
    number = isinstance(value, float | int) and isinstance(like, Tensor)
    return torch.tensor(float(value), dtype=like.dtype, device=like.device) if number else value
