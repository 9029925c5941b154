"""The machine: against the oracle, its starts, its state, and what torch does with it."""

import copy
import inspect
import json
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from oracles import ntm as oracle
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.testing import assert_close

from implementation import NTM, LSTMController, NTMMemory, NTMState

T, B, N, M, INPUT, OUTPUT, CONTROLLER = 4, 2, 11, 7, 19, 17, 13  # all different: mixed-up axes cannot pass
CONTROLLERS = ["lstm", "feedforward"]
HEADS = [(1, 1), (2, 1), (1, 3)]
MEMORY_STARTS = ["constant", "learned", "random"]
HEAD_STARTS = ["onehot", "learned"]


class GRUController(nn.Module):
    """A controller of one's own that remembers one tensor."""

    state_tensors = 1

    def __init__(self, input_size, controller_size):
        super().__init__()
        self.cell = nn.GRUCell(input_size, controller_size)

    def initial_state(self, batch_size):
        return (self.cell.weight_hh.new_zeros(batch_size, self.cell.hidden_size),)

    def forward(self, x, state):
        hidden = self.cell(x, *state)
        return hidden, (hidden,)


class DeepController(nn.Module):
    """A controller of one's own that remembers nothing, and counts its state when it is made."""

    def __init__(self, input_size, controller_size):
        super().__init__()
        self.state_tensors = 0
        self.layers = nn.Sequential(
            nn.Linear(input_size, controller_size), nn.Tanh(), nn.Linear(controller_size, controller_size), nn.Tanh()
        )

    def initial_state(self, batch_size):
        return ()

    def forward(self, x, state):
        return self.layers(x), ()


ALL_CONTROLLERS = [*CONTROLLERS, GRUController, DeepController]
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")


def machine(dtype=torch.float64, **options):
    """A small machine with weights large enough for every part of it to matter."""
    ntm = NTM(INPUT, OUTPUT, CONTROLLER, **{"N": N, "M": M} | options)
    for parameter in ntm.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return ntm.to(dtype)


def inputs(*shape, dtype=torch.float64):
    return torch.randn(*(shape or (T, B, INPUT)), dtype=dtype)


def tensors(state):
    return [state.memory, state.weightings, state.reads, *state.controller]


def assert_same(left, right):
    """Two states are equal to the last bit."""
    assert all(torch.equal(a, b) for a, b in zip(tensors(left), tensors(right), strict=True))


def starts(ntm, N):
    """The memory and the weightings that each sequence starts with, as arrays."""
    weights, heads = ntm.state_dict(), ntm.heads.num_reads + ntm.heads.num_writes
    seeded = torch.randn(N, M, generator=torch.Generator().manual_seed(0))
    memory = {"constant": torch.full((N, M), 1e-6), "random": 0.5 * seeded, "learned": weights.get("memory.learned")}
    at_zero, learned = np.eye(N)[[0] * heads], weights.get("head_start")
    weightings = at_zero if learned is None else np.array([oracle.softmax(row) for row in learned.numpy()])
    return memory[ntm.memory.start].double().numpy(), weightings


def assert_equals_the_oracle(ntm, N=N):
    weights, x = {name: value.numpy() for name, value in ntm.state_dict().items()}, inputs()
    expected = oracle.unroll(weights, x.numpy(), *starts(ntm, N), ntm.heads.num_reads, ntm.read_first)
    trace = ntm.trace(x, ntm.initial_state(B, N))
    for name, series in expected.items():
        np.testing.assert_allclose(getattr(trace, name).detach(), series, rtol=1e-10, atol=1e-10, err_msg=name)


# --- Against the oracle


@pytest.mark.parametrize("head_start", HEAD_STARTS)
@pytest.mark.parametrize("memory_start", MEMORY_STARTS)
@pytest.mark.parametrize("read_first", [True, False], ids=["read first", "write first"])
@pytest.mark.parametrize("shift_range", [0, 1, 2])
@pytest.mark.parametrize(("num_reads", "num_writes"), HEADS)
@pytest.mark.parametrize("controller", CONTROLLERS)
def test_machine_equals_the_oracle(
    controller, num_reads, num_writes, shift_range, read_first, memory_start, head_start
):
    ntm = machine(
        controller=controller,
        num_reads=num_reads,
        num_writes=num_writes,
        shift_range=shift_range,
        read_first=read_first,
        memory_start=memory_start,
        head_start=head_start,
    )
    assert_equals_the_oracle(ntm)


@pytest.mark.parametrize("memory_start", ["constant", "random"])
@pytest.mark.parametrize("run_N", [1, 2, 29])
def test_machine_of_one_N_runs_with_another(run_N, memory_start):
    assert_equals_the_oracle(machine(memory_start=memory_start, num_reads=2), run_N)


# --- One computation


@pytest.mark.parametrize("controller", ALL_CONTROLLERS)
def test_forward_step_and_trace_are_the_same_to_the_last_bit(controller):
    ntm, x = machine(controller=controller, num_reads=2, num_writes=3), inputs()
    outputs, last = ntm(x)
    trace = ntm.trace(x)
    state = ntm.initial_state(B)
    for t in range(T):
        output, state = ntm.step(x[t], state)
        assert torch.equal(output, outputs[t])
        assert torch.equal(output, trace.outputs[t])
        assert torch.equal(state.memory, trace.memory[t])
        assert torch.equal(state.reads, trace.reads[t])
        assert torch.equal(state.weightings, torch.cat([trace.read_weightings[t], trace.write_weightings[t]], dim=1))
    assert_same(last, state)
    assert_same(trace.state, state)


@pytest.mark.parametrize("controller", ALL_CONTROLLERS)
def test_run_continues_from_a_state(controller):
    ntm, x = machine(controller=controller), inputs()
    outputs, last = ntm(x)
    first, state = ntm(x[:1])
    second, state = ntm(x[1:], state)
    assert torch.equal(torch.cat([first, second]), outputs)
    assert_same(last, state)
    assert_same(last, ntm.trace(x[1:], ntm(x[:1])[1]).state)


def test_trace_has_the_documented_shapes():
    R, W, S = 2, 3, 5
    trace = machine(num_reads=R, num_writes=W, shift_range=2).trace(inputs())
    shapes = {name: tuple(series.shape) for name, series in vars(trace).items() if name != "state"}
    assert shapes == {
        "outputs": (T, B, OUTPUT),
        "key": (T, B, R + W, M),
        "strength": (T, B, R + W),
        "gate": (T, B, R + W),
        "shift": (T, B, R + W, S),
        "gamma": (T, B, R + W),
        "erase": (T, B, W, M),
        "add": (T, B, W, M),
        "read_weightings": (T, B, R, N),
        "write_weightings": (T, B, W, N),
        "reads": (T, B, R, M),
        "memory": (T, B, N, M),
    }


@pytest.mark.parametrize(
    ("controller", "remembered"),
    [
        ("lstm", [(B, CONTROLLER), (B, CONTROLLER)]),
        ("feedforward", []),
        (GRUController, [(B, CONTROLLER)]),
        (DeepController, []),
    ],
)
def test_state_has_the_documented_shapes(controller, remembered):
    ntm = machine(controller=controller, num_reads=2, num_writes=3)
    shapes = [(B, N, M), (B, 5, N), (B, 2, M), *remembered]
    for state in (ntm.initial_state(B), ntm(inputs())[1]):
        assert [tuple(tensor.shape) for tensor in tensors(state)] == shapes


def test_defaults_are_the_documented_ones():
    sizes = {"controller_size": 100, "N": 128, "M": 20, "num_reads": 1, "num_writes": 1, "shift_range": 1}
    kinds = {"controller": "lstm", "memory_start": "constant", "head_start": "onehot", "read_first": True}
    default, written_out, x = NTM(INPUT, OUTPUT), NTM(INPUT, OUTPUT, **sizes, **kinds), inputs(dtype=torch.float32)
    written_out.load_state_dict(default.state_dict())
    (outputs, last), (expected, same) = default(x), written_out(x)
    assert torch.equal(outputs, expected)
    assert_same(last, same)


def test_machine_is_built_by_keywords_and_brings_its_memory():
    ntm = NTM(input_size=5, output_size=5, controller_size=32, N=16, M=8)
    assert isinstance(ntm.memory, NTMMemory)
    assert ntm(torch.zeros(1, 1, 5))[1].memory.shape == (1, 16, 8)


# --- What a machine knows of itself

GIVEN = {"num_reads": 2, "num_writes": 3, "shift_range": 2, "seed": 5, "read_first": False}
GIVEN |= {"controller": "feedforward", "memory_start": "random", "head_start": "learned"}


def test_config_holds_every_argument():
    ntm = machine(**GIVEN)
    sizes = {"input_size": INPUT, "output_size": OUTPUT, "controller_size": CONTROLLER, "N": N, "M": M}
    assert ntm.config == sizes | GIVEN
    assert list(ntm.config) == list(inspect.signature(NTM).parameters)
    defaults = {name: given.default for name, given in inspect.signature(NTM).parameters.items()}
    assert NTM(INPUT, OUTPUT).config == defaults | {"input_size": INPUT, "output_size": OUTPUT}


@pytest.mark.parametrize("options", [{}, GIVEN, {"controller": GRUController, "memory_start": "learned"}])
def test_config_makes_the_machine_again(options):
    ntm, x = machine(**options), inputs()
    again = NTM(**ntm.config).double()
    again.load_state_dict(ntm.state_dict())
    assert again.config == ntm.config
    (outputs, last), (expected, same) = again(x), ntm(x)
    assert torch.equal(outputs, expected)
    assert_same(last, same)


def test_config_survives_json_if_the_controller_has_a_name():
    config = machine(**GIVEN).config
    assert json.loads(json.dumps(config)) == config
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps(machine(controller=GRUController).config)


def test_machine_knows_its_sizes():
    ntm = machine(num_reads=2, num_writes=3)
    assert (ntm.input_size, ntm.output_size, ntm.controller_size) == (INPUT, OUTPUT, CONTROLLER)
    assert (ntm.N, ntm.M, ntm.num_reads, ntm.num_writes) == (N, M, 2, 3)


@pytest.mark.parametrize("memory_start", MEMORY_STARTS)
@pytest.mark.parametrize("head_start", HEAD_STARTS)
def test_resizable_machines_are_those_that_run_with_another_N(memory_start, head_start):
    ntm = machine(memory_start=memory_start, head_start=head_start)
    try:
        ntm(inputs(), ntm.initial_state(B, N=29))
    except ValueError:
        assert ntm.resizable is False
    else:
        assert ntm.resizable is True


def test_repr_shows_the_config():
    shown = repr(machine(**GIVEN))
    assert all(f"{name}={given!r}" in shown for name, given in machine(**GIVEN).config.items())
    assert max(map(len, shown.splitlines())) <= 88  # a page of the book is no wider
    assert f"NTMMemory(N={N}, M={M}, start='random')" in shown
    assert f"num_reads=2, num_writes=3, M={M}, shift_width=5" in repr(machine(**GIVEN).heads)
    assert "GRUController" in machine(controller=GRUController).extra_repr()


def test_controller_by_class_is_the_one_by_name():
    torch.manual_seed(5)
    named = NTM(INPUT, OUTPUT, CONTROLLER, N, M, controller="lstm")
    torch.manual_seed(5)
    given = NTM(INPUT, OUTPUT, CONTROLLER, N, M, controller=LSTMController)
    x = inputs(dtype=torch.float32)
    assert torch.equal(named(x)[0], given(x)[0])
    assert named.state_dict().keys() == given.state_dict().keys()


def test_controller_may_come_from_a_factory():
    asked = []

    def factory(*sizes):
        asked.append(sizes)
        return GRUController(*sizes)

    ntm = machine(controller=factory, num_reads=3)
    assert asked == [(INPUT + 3 * M, CONTROLLER)]
    assert isinstance(ntm.controller, GRUController)
    assert ntm.config["controller"] is factory


# --- Starts


def test_constant_start_is_small_and_the_same_everywhere():
    assert torch.equal(NTMMemory(N, M)(B), torch.full((B, N, M), 1e-6))


@pytest.mark.parametrize("start", ["learned", "random"])
def test_other_starts_are_normal_with_deviation_one_half(start):
    memory = NTMMemory(200, 100, start)(B)
    assert torch.equal(memory[0], memory[1])
    assert memory.mean().item() == pytest.approx(0, abs=0.02)
    assert memory.std().item() == pytest.approx(0.5, abs=0.02)


def test_random_start_depends_on_the_seed_alone():
    def start(seed, dtype=torch.float32):
        return machine(dtype, memory_start="random", seed=seed).initial_state(B).memory

    assert torch.equal(start(3), start(3))
    assert torch.equal(start(3).double(), start(3, torch.float64))
    assert not torch.equal(start(3), start(4))


def test_starting_leaves_the_global_generator_alone():
    ntm, x = machine(memory_start="random"), inputs()
    before = torch.get_rng_state()
    ntm(x)
    assert torch.equal(torch.get_rng_state(), before)


def test_heads_start_at_location_zero():
    weightings = machine(num_reads=2).initial_state(B).weightings
    assert torch.equal(weightings, torch.eye(N, dtype=torch.float64)[0].expand(B, 3, N))


@pytest.mark.parametrize("memory_start", MEMORY_STARTS)
@pytest.mark.parametrize("head_start", HEAD_STARTS)
def test_only_learned_starts_tie_parameters_to_N(memory_start, head_start):
    options = {"memory_start": memory_start, "head_start": head_start, "num_reads": 2}
    ntm = machine(**options)
    shapes = {name: tuple(parameter.shape) for name, parameter in ntm.named_parameters()}
    other = {name: tuple(parameter.shape) for name, parameter in machine(N=29, **options).named_parameters()}
    tied = {"memory.learned": (N, M)} if memory_start == "learned" else {}
    tied |= {"head_start": (3, N)} if head_start == "learned" else {}
    assert shapes.items() - other.items() == tied.items()
    assert ntm.state_dict().keys() == shapes.keys()


@pytest.mark.parametrize("controller", ALL_CONTROLLERS)
def test_every_parameter_gets_a_finite_gradient_through_fifty_steps(controller):
    ntm = machine(torch.float32, controller=controller, memory_start="learned", head_start="learned")
    ntm(inputs(50, B, INPUT, dtype=torch.float32))[0].square().sum().backward()
    for name, parameter in ntm.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("read_first", [True, False], ids=["read first", "write first"])
@pytest.mark.parametrize("controller", ALL_CONTROLLERS)
def test_gradients_of_a_step_equal_finite_differences(controller, read_first):
    ntm = NTM(2, 2, 3, N=5, M=2, controller=controller, read_first=read_first).double()
    names, parameters = zip(*ntm.named_parameters(), strict=True)
    state = [torch.rand_like(tensor) for tensor in tensors(ntm.initial_state(1))]

    def step(x, memory, weightings, reads, *others):
        remembered, values = others[: len(state) - 3], others[len(state) - 3 :]
        start = NTMState(memory, weightings, reads, remembered)
        outputs, end = functional_call(ntm, dict(zip(names, values, strict=True)), (x, start))
        return outputs, *tensors(end)

    arguments = [inputs(1, 1, 2), *state, *parameters]
    assert torch.autograd.gradcheck(step, [x.detach().requires_grad_() for x in arguments])


# --- State


def test_state_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        machine().initial_state(B).memory = torch.zeros(B, N, M, dtype=torch.float64)


def test_run_changes_nothing_on_the_machine():
    ntm = machine(memory_start="learned", head_start="learned")
    before = pickle.dumps(ntm)
    ntm(inputs())[0].sum().backward()
    ntm.trace(inputs(), ntm.initial_state(B))
    assert pickle.dumps(ntm) == before


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda ntm: pickle.loads(pickle.dumps(ntm))], ids=["copy", "pickle"])
def test_copy_after_a_run_is_the_same_machine(copied):
    ntm, x = machine(memory_start="random"), inputs()
    outputs, last = ntm(x)
    again, same = copied(ntm)(x)
    assert torch.equal(again, outputs)
    assert_same(same, last)


@pytest.mark.parametrize("memory_start", ["constant", "random"])
def test_weights_load_into_a_machine_of_another_N(memory_start):
    ntm, large, x = machine(memory_start=memory_start), machine(memory_start=memory_start, N=29), inputs()
    large.load_state_dict(ntm.state_dict())
    assert torch.equal(large(x)[0], ntm(x, ntm.initial_state(B, N=29))[0])


def test_same_torch_seed_same_machine():
    torch.manual_seed(5)
    one = NTM(INPUT, OUTPUT, memory_start="learned", head_start="learned")
    torch.manual_seed(5)
    other = NTM(INPUT, OUTPUT, memory_start="learned", head_start="learned")
    x = inputs(dtype=torch.float32)
    assert torch.equal(one(x)[0], other(x)[0])


@pytest.mark.parametrize("controller", ALL_CONTROLLERS)
def test_sequences_of_a_batch_do_not_touch(controller):
    ntm, x = machine(controller=controller), inputs(T, 5, INPUT)
    alone = [ntm(x[:, b : b + 1])[0] for b in range(5)]
    assert_close(torch.cat(alone, dim=1), ntm(x)[0], rtol=1e-12, atol=1e-12)


# --- What torch does with it


@pytest.mark.parametrize("controller", CONTROLLERS)
@pytest.mark.parametrize("memory_start", MEMORY_STARTS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_to_moves_everything(dtype, memory_start, controller):
    ntm = machine(torch.float32, controller=controller, memory_start=memory_start, head_start="learned")
    x = inputs(dtype=torch.float32)
    expected, _ = ntm(x)
    ntm.to(dtype)
    outputs, last = ntm(x.to(dtype))
    assert {tensor.dtype for tensor in [outputs, *tensors(ntm.initial_state(B)), *tensors(last)]} == {dtype}
    assert_close(outputs.float(), expected, rtol=0, atol=0.3 if dtype == torch.bfloat16 else 1e-5)


@pytest.mark.parametrize("device", ["meta", pytest.param("cuda", marks=needs_cuda)])
@pytest.mark.parametrize("memory_start", MEMORY_STARTS)
def test_to_moves_the_starting_state_to_a_device(memory_start, device):
    ntm = machine(memory_start=memory_start, head_start="learned").to(device)
    outputs, last = ntm(inputs().to(device))
    assert {tensor.device.type for tensor in [outputs, *tensors(ntm.initial_state(B)), *tensors(last)]} == {device}


@needs_cuda
@pytest.mark.parametrize("memory_start", MEMORY_STARTS)
@pytest.mark.parametrize("controller", CONTROLLERS)
def test_cuda_gives_what_the_cpu_gives(controller, memory_start):
    ntm, x = machine(controller=controller, memory_start=memory_start), inputs()
    expected, last = ntm(x)
    outputs, moved = ntm.cuda()(x.cuda())
    assert_close(outputs.cpu(), expected, rtol=1e-10, atol=1e-10)
    assert_close([tensor.cpu() for tensor in tensors(moved)], tensors(last), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("controller", ALL_CONTROLLERS)
def test_step_compiles_without_a_graph_break(controller, unhooked):
    ntm = unhooked.NTM(INPUT, OUTPUT, CONTROLLER, N, M, controller=controller).double()
    x = inputs(B, INPUT)
    output, state = ntm.step(x, ntm.initial_state(B))
    compiled, compiled_state = torch.compile(ntm.step, fullgraph=True, backend="eager")(x, ntm.initial_state(B))
    assert torch.equal(compiled, output)
    assert_same(compiled_state, state)


@pytest.mark.parametrize("controller", CONTROLLERS)
@pytest.mark.parametrize("memory_start", MEMORY_STARTS)
def test_several_seeds_run_at_once(controller, memory_start):
    ntms, x = [machine(controller=controller, memory_start=memory_start) for _ in range(3)], inputs()

    def run(parameters, buffers):
        return functional_call(ntms[0], (parameters, buffers), (x,))[0]

    outputs = vmap(run, randomness="same")(*stack_module_state(ntms))
    assert_close(outputs, torch.stack([ntm(x)[0] for ntm in ntms]), rtol=1e-12, atol=1e-12)
