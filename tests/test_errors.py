"""What the errors say: which argument, what was given, what was expected; and that nothing broadcasts by accident.

The import hook would raise before our own errors do, so all of this runs on the ``unhooked`` module.
"""

import re
from dataclasses import replace

import pytest
import torch
from oracles import ntm as oracle
from torch import nn, ones

SIZES = {"n": 11, "m": 5, "s": 3, "w": 2}
SHAPES = {name: oracle.arguments(name) for name in oracle.SIGNATURES}
ARGUMENTS = [(name, argument) for name, shapes in SHAPES.items() for argument in shapes]
SHARED = [  # the named dimensions that two arguments have
    (name, argument, dim)
    for name, argument in ARGUMENTS
    for dim in SHAPES[name][argument]
    if sum(dim in dims for dims in SHAPES[name].values()) > 1
]
SCALARS = [(name, argument) for name, argument in ARGUMENTS if not SHAPES[name][argument]]
TENSORS = [(name, argument) for name, argument in ARGUMENTS if SHAPES[name][argument]]
B, N, M, INPUT, CONTROLLER = 2, 11, 7, 19, 13


def right(name, *leading):
    """Arguments of the right shapes for an equation."""
    return {argument: ones([*leading, *(SIZES[dim] for dim in dims)]) for argument, dims in SHAPES[name].items()}


def raises(error, message):
    return pytest.raises(error, match=re.escape(message))


# --- Equations


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize(("name", "argument", "dim"), SHARED)
def test_a_named_dimension_must_match_exactly(unhooked, name, argument, dim, size):
    arguments = right(name) | {argument: ones([(SIZES | {dim: size})[d] for d in SHAPES[name][argument]])}
    with pytest.raises(ValueError, match=rf"{dim.upper()} = \d+ .* {dim.upper()} = \d+") as error:
        getattr(unhooked, name)(**arguments)
    assert f"{argument} has {dim.upper()} = {size}" in str(error.value)
    assert f"has {dim.upper()} = {SIZES[dim]}" in str(error.value)


@pytest.mark.parametrize(("name", "argument"), TENSORS)
def test_a_named_dimension_must_be_there(unhooked, name, argument):
    dims, short = SHAPES[name][argument], ones([SIZES[dim] for dim in SHAPES[name][argument][1:]])
    expected = ", ".join(["...", *dims]).upper()
    with raises(ValueError, f"{argument} must have shape [{expected}], got {list(short.shape)}"):
        getattr(unhooked, name)(**right(name) | {argument: short})


@pytest.mark.parametrize("name", SHAPES)
def test_a_memory_has_at_least_one_location(unhooked, name, monkeypatch):
    monkeypatch.setitem(SIZES, "n", 0)
    with pytest.raises(ValueError, match=r"\bN\b.*\b0\b"):
        getattr(unhooked, name)(**right(name))


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_leading_dimensions_must_broadcast(unhooked, name, argument):
    with pytest.raises(ValueError, match=rf"leading dimensions do not broadcast: .*\b{argument}: \[4\]"):
        getattr(unhooked, name)(**right(name, 3) | {argument: right(name, 4)[argument]})


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_tensors_must_be_floating(unhooked, name, argument):
    with raises(TypeError, f"{argument} must be a floating-point tensor, got torch.int64"):
        getattr(unhooked, name)(**right(name) | {argument: right(name)[argument].long()})


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_tensors_must_share_a_dtype(unhooked, name, argument):
    with pytest.raises(TypeError, match=rf"one dtype expected, got .*\b{argument}: torch.float64") as error:
        getattr(unhooked, name)(**right(name) | {argument: right(name)[argument].double()})
    assert "torch.float32" in str(error.value)


@pytest.mark.parametrize("convert", [torch.Tensor.tolist, torch.Tensor.numpy], ids=["list", "array"])
@pytest.mark.parametrize(("name", "argument"), TENSORS)
def test_lists_and_arrays_are_no_tensors(unhooked, name, argument, convert):
    scalars = {argument: 1.0 for argument, dims in SHAPES[name].items() if not dims}
    given = convert(right(name)[argument])
    with raises(TypeError, f"{argument} must be a floating-point tensor, got {type(given).__name__}"):
        getattr(unhooked, name)(**right(name) | scalars | {argument: given})


@pytest.mark.parametrize("given", [None, [0.5], "0.5"])
@pytest.mark.parametrize(("name", "argument"), SCALARS)
def test_scalars_are_numbers_or_tensors(unhooked, name, argument, given):
    with pytest.raises(TypeError, match=rf"{argument} .*got {type(given).__name__}"):
        getattr(unhooked, name)(**right(name) | {argument: given})


@pytest.mark.parametrize("width", [2, 4])
def test_shift_width_must_be_odd(unhooked, width):
    with raises(ValueError, f"shift must have an odd width S, got S = {width} (shape [3, {width}])"):
        unhooked.circular_shift(ones(3, 5), ones(3, width))


# --- Constructors


def machine(module, **options):
    sizes = {"input_size": INPUT, "output_size": 3, "controller_size": CONTROLLER, "N": N, "M": M}
    return module.NTM(**sizes | options)


@pytest.mark.parametrize(
    ("given", "error", "expected"),
    [
        (0, ValueError, "at least 1"),
        (-1, ValueError, "at least 1"),
        (2.0, TypeError, "a whole number"),
        ("2", TypeError, "a whole number"),
        (True, TypeError, "a whole number"),
    ],
)
@pytest.mark.parametrize("size", ["input_size", "output_size", "controller_size", "N", "M", "num_reads", "num_writes"])
def test_sizes_are_whole_numbers_of_at_least_one(unhooked, size, given, error, expected):
    with raises(error, f"{size} must be {expected}, got {given!r}"):
        machine(unhooked, **{size: given})


@pytest.mark.parametrize(
    ("given", "error", "expected"),
    [
        (-1, ValueError, "at least 0"),
        (0.0, TypeError, "a whole number"),
        (1.0, TypeError, "a whole number"),
        (False, TypeError, "a whole number"),
    ],
)
def test_shift_range_is_a_whole_number_of_at_least_zero(unhooked, given, error, expected):
    with raises(error, f"shift_range must be {expected}, got {given!r}"):
        machine(unhooked, shift_range=given)


@pytest.mark.parametrize(
    ("option", "name", "choices"),
    [
        ("controller", "controller", "'feedforward', 'lstm'"),
        ("memory_start", "start", "'constant', 'learned', 'random'"),
        ("head_start", "head_start", "'onehot', 'learned'"),
    ],
)
@pytest.mark.parametrize("given", ["gru", None])
def test_choices_are_listed(unhooked, option, name, choices, given):
    with raises(ValueError, f"{name} must be one of {choices}, got {given!r}"):
        machine(unhooked, **{option: given})


class Toy(nn.Module):
    """A controller of one's own, right in all respects; those below are wrong in one."""

    state_tensors = 1

    def __init__(self, input_size, controller_size):
        super().__init__()
        self.size, self.layer = controller_size, nn.Linear(input_size, controller_size)

    def initial_state(self, batch_size):
        return (ones(batch_size, self.size),)

    def forward(self, x, state):
        return self.layer(x), state


class Uncounted(nn.Linear):
    initial_state = Toy.initial_state


class Startless(nn.Linear):
    state_tensors = 1


class Passive(nn.Module):
    state_tensors, initial_state = 1, Toy.initial_state

    def __init__(self, *sizes):
        super().__init__()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Uncounted, "controller must make an nn.Module; Uncounted lacks state_tensors"),
        (Startless, "controller must make an nn.Module; Startless lacks initial_state"),
        (Passive, "controller must make an nn.Module; Passive lacks forward"),
        (nn.GRUCell, "controller must make an nn.Module; GRUCell lacks state_tensors, initial_state"),
        (lambda *sizes: sizes, "controller must make an nn.Module; tuple lacks state_tensors, initial_state, forward"),
        (Toy(INPUT, CONTROLLER), "controller must be a class or a factory, got a module that is made: Toy"),
    ],
)
def test_controller_of_ones_own_has_three_members(unhooked, given, message):
    with pytest.raises(TypeError, match=re.escape(message) + "$"):
        machine(unhooked, controller=given)
    assert machine(unhooked, controller=Toy)(ones(4, B, INPUT))[0].shape == (4, B, 3)


@pytest.mark.parametrize(
    ("given", "error", "expected"), [(0, ValueError, "at least 1"), (2.0, TypeError, "a whole number")]
)
@pytest.mark.parametrize("size", ["batch_size", "N"])
def test_initial_state_takes_sizes(unhooked, size, given, error, expected):
    with raises(error, f"{size} must be {expected}, got {given!r}"):
        machine(unhooked).initial_state(**{"batch_size": B, "N": N} | {size: given})


@pytest.mark.parametrize(("option", "what"), [("memory_start", "memory"), ("head_start", "head start")])
def test_learned_starts_keep_their_N(unhooked, option, what):
    ntm = machine(unhooked, **{option: "learned"})
    with pytest.raises(ValueError, match=f"N must be {N}, .*learned .*{what}.*, got 12"):
        ntm.initial_state(B, N=12)
    assert ntm.initial_state(B, N=N).memory.shape == (B, N, M)


# --- Runs

RUNS = {
    "forward": lambda ntm, inputs, state: ntm(inputs, state),
    "trace": lambda ntm, inputs, state: ntm.trace(inputs, state),
    "step": lambda ntm, inputs, state: ntm.step(inputs[0], state),
}


@pytest.mark.parametrize("run", ["forward", "trace"])
@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (ones(4, INPUT), ValueError, f"inputs must have shape [T, batch, input_size], got [4, {INPUT}]"),
        (ones(3, 4, B, INPUT), ValueError, f"inputs must have shape [T, batch, input_size], got [3, 4, {B}, {INPUT}]"),
        (
            ones(4, B, 1),
            ValueError,
            f"inputs has input_size = 1 (shape [4, {B}, 1]), but the machine has input_size = {INPUT}",
        ),
        (ones(4, B, INPUT, dtype=int), TypeError, "inputs must be a floating-point tensor, got torch.int64"),
        (ones(4, B, INPUT, dtype=torch.float64), TypeError, "inputs: torch.float64"),
        ([1.0], TypeError, "inputs must be a floating-point tensor, got list"),
    ],
)
def test_inputs_of_a_run(unhooked, run, given, error, message):
    with raises(error, message):
        RUNS[run](machine(unhooked), given, None)


@pytest.mark.parametrize("run", ["forward", "trace"])
@pytest.mark.parametrize(("shape", "name"), [((0, B, INPUT), "inputs"), ((4, 0, INPUT), "batch")])
def test_inputs_must_not_be_empty(unhooked, run, shape, name):
    with pytest.raises(ValueError, match=rf"{name}.* at least (1|one)\b.*\b0\b"):
        RUNS[run](machine(unhooked), ones(shape), None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (ones(4, B, INPUT), f"inputs must have shape [batch, input_size], got [4, {B}, {INPUT}]"),
        (ones(INPUT), f"inputs must have shape [batch, input_size], got [{INPUT}]"),
        (ones(B, 1), f"inputs has input_size = 1 (shape [{B}, 1]), but the machine has input_size = {INPUT}"),
        (ones(1, INPUT), f"memory has batch = {B} (shape [{B}, {N}, {M}]), but inputs has batch = 1"),
    ],
)
def test_inputs_of_a_step(unhooked, given, message):
    ntm = machine(unhooked)
    with raises(ValueError, message):
        ntm.step(given, ntm.initial_state(B))


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    ("field", "shape", "message"),
    [
        ("memory", (1, N, M), f"memory has batch = 1 (shape [1, {N}, {M}]), but inputs has batch = {B}"),
        ("memory", (B, N, 1), f"memory has M = 1 (shape [{B}, {N}, 1]), but the machine has M = {M}"),
        ("memory", (B, 1, M), f"weightings has N = {N} (shape [{B}, 2, {N}]), but memory has N = 1"),
        ("memory", (N, M), f"memory must have shape [batch, N, M], got [{N}, {M}]"),
        ("weightings", (1, 2, N), f"weightings has batch = 1 (shape [1, 2, {N}]), but inputs has batch = {B}"),
        ("weightings", (B, 1, N), f"weightings has H = 1 (shape [{B}, 1, {N}]), but the machine has H = 2"),
        ("weightings", (B, 3, N), f"weightings has H = 3 (shape [{B}, 3, {N}]), but the machine has H = 2"),
        ("weightings", (B, 2, 1), f"weightings has N = 1 (shape [{B}, 2, 1]), but memory has N = {N}"),
        ("weightings", (B, N), f"weightings must have shape [batch, H, N], got [{B}, {N}]"),
        ("reads", (1, 1, M), f"reads has batch = 1 (shape [1, 1, {M}]), but inputs has batch = {B}"),
        ("reads", (B, 2, M), f"reads has R = 2 (shape [{B}, 2, {M}]), but the machine has R = 1"),
        ("reads", (B, 1, 1), f"reads has M = 1 (shape [{B}, 1, 1]), but the machine has M = {M}"),
        ("reads", (B, M), f"reads must have shape [batch, R, M], got [{B}, {M}]"),
    ],
)
def test_shapes_of_a_state(unhooked, run, field, shape, message):
    ntm = machine(unhooked)
    with raises(ValueError, message):
        RUNS[run](ntm, ones(4, B, INPUT), replace(ntm.initial_state(B), **{field: ones(shape)}))


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, CONTROLLER), f"has batch = 1 (shape [1, {CONTROLLER}]), but inputs has batch = {B}"),
        ((B, 1), f"has controller_size = 1 (shape [{B}, 1]), but the machine has controller_size = {CONTROLLER}"),
        ((CONTROLLER,), f"must have shape [batch, controller_size], got [{CONTROLLER}]"),
    ],
)
def test_shapes_of_an_lstm_state(unhooked, index, shape, message):
    ntm, remembered = machine(unhooked), [ones(B, CONTROLLER), ones(B, CONTROLLER)]
    remembered[index] = ones(shape)
    with raises(ValueError, f"controller state {index} {message}"):
        ntm(ones(4, B, INPUT), replace(ntm.initial_state(B), controller=tuple(remembered)))


@pytest.mark.parametrize("field", ["memory", "weightings", "reads"])
def test_dtypes_of_a_state(unhooked, field):
    ntm = machine(unhooked)
    state = ntm.initial_state(B)
    with pytest.raises(TypeError, match=rf"one dtype expected, got .*\b{field}: torch.float64"):
        ntm(ones(4, B, INPUT), replace(state, **{field: getattr(state, field).double()}))
    with raises(TypeError, f"{field} must be a floating-point tensor, got NoneType"):
        ntm(ones(4, B, INPUT), replace(state, **{field: None}))


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(("one", "other"), [("lstm", "feedforward"), ("feedforward", "lstm")])
def test_state_must_be_of_the_same_controller(unhooked, run, one, other):
    ntm, state = machine(unhooked, controller=one), machine(unhooked, controller=other).initial_state(B)
    with pytest.raises(TypeError, match=f"state must .*{type(ntm.controller).__name__}"):
        RUNS[run](ntm, ones(4, B, INPUT), state)


@pytest.mark.parametrize(("one", "other"), [("lstm", "feedforward"), ("feedforward", "lstm")])
def test_state_of_another_controller_is_told_from_the_right_one(unhooked, one, other):
    ntm, state = machine(unhooked, controller=one), machine(unhooked, controller=other).initial_state(B)
    with pytest.raises(TypeError, match=rf"state must .*, got .*\b{len(state.controller)}\b"):
        ntm(ones(4, B, INPUT), state)


WITH = "state must be an NTMState of a machine with a Wrong, with a tuple of 1 tensors for it, got"


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    ("member", "wrong", "error", "message"),
    [
        ("forward", lambda self, x, state: self.layer(x), TypeError, "return its output and its state, got a Tensor"),
        ("forward", lambda self, x, state: (x,), TypeError, "return its output and its state, got a tuple"),
        (
            "forward",
            lambda self, x, state: (x, state),
            ValueError,
            f"the controller's output must have shape [{B}, {CONTROLLER}], got [{B}, {INPUT + M}]",
        ),
        ("initial_state", lambda self, batch: (), TypeError, f"{WITH} 0"),
        ("initial_state", lambda self, batch: ones(batch, self.size), TypeError, f"{WITH} Tensor"),
        (
            "initial_state",
            lambda self, batch: (ones(batch, self.size + 4),),
            ValueError,
            f"controller state 0 has controller_size = {CONTROLLER + 4}",
        ),
    ],
)
def test_controller_of_ones_own_keeps_its_contract(unhooked, run, member, wrong, error, message):
    ntm = machine(unhooked, controller=type("Wrong", (Toy,), {member: wrong}))
    with raises(error, message):
        RUNS[run](ntm, ones(4, B, INPUT), ntm.initial_state(B))


def test_controller_must_remember_as_many_tensors_as_it_says(unhooked):
    ntm = machine(unhooked, controller=type("Wrong", (Toy,), {"forward": lambda self, x, state: (self.layer(x), ())}))
    with raises(TypeError, f"{WITH} 0"):
        ntm(ones(4, B, INPUT))


@pytest.mark.parametrize("run", RUNS)
def test_state_of_another_type(unhooked, run):
    with raises(TypeError, "state must be an NTMState of a machine with a LSTMController, got tuple"):
        RUNS[run](machine(unhooked), ones(4, B, INPUT), (ones(B, N, M),))


def test_state_without_a_controllers_part(unhooked):
    ntm = machine(unhooked)
    with pytest.raises(TypeError, match="state must .*LSTMController.*None"):
        ntm(ones(4, B, INPUT), replace(ntm.initial_state(B), controller=None))
