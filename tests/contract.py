"""What every machine must do, whatever it is made of: see ``course.machines.Machine``.

Each clause takes a small machine in double precision, freshly made, whose parameters are none of them zero. A clause
raises an ``AssertionError`` if the machine breaks it. ``test_machines.py`` runs all of them on all machines.
"""

import copy
import dataclasses
import inspect
import json

import pytest
import torch

from course.machines import tensors_of

T, B = 7, 3  # steps and sequences, different from every size of the machines


def inputs_for(machine, steps=T, batch=B, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(steps, batch, machine.config["input_size"], generator=generator, dtype=torch.float64)


def same(got, expected, **tolerance):
    """Raise unless two outputs, states or traces agree, tensor by tensor."""
    got, expected = list(tensors_of(got)), list(tensors_of(expected))
    assert len(got) == len(expected) > 0
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, **tolerance)


def two_parts_are_the_whole(machine):
    inputs = inputs_for(machine)
    outputs, state = machine(inputs)
    assert outputs.shape == (T, B, machine.config["output_size"])
    first, between = machine(inputs[:4])
    second, last = machine(inputs[4:], between)
    same((torch.cat([first, second]), last), (outputs, state))
    assert (machine(inputs[4:])[0] - second).abs().max() > 1e-4, "the state must matter"


def a_call_its_steps_and_its_trace_agree(machine):
    inputs = inputs_for(machine)
    outputs, last = machine(inputs)
    state, stepped = machine.initial_state(B), []
    for x in inputs:
        output, state = machine.step(x, state)
        stepped.append(output)
    same((torch.stack(stepped), state), (outputs, last))
    trace = machine.trace(inputs)
    same((trace.outputs, trace.state), (outputs, last))
    series = {entry.name for entry in dataclasses.fields(trace)} - {"outputs", "state"}
    assert series, "a trace shows more than the outputs"
    for name in series:
        assert getattr(trace, name).shape[:2] == (T, B), f"{name} must begin with time and batch"
    _, between = machine(inputs[:4])
    same(machine.trace(inputs[4:], between).outputs, outputs[4:])


def neighbours_do_not_matter(machine):
    inputs, changed = inputs_for(machine), inputs_for(machine)
    changed[:, 1:] = inputs_for(machine, seed=1)[:, 1:]
    outputs = machine(inputs)[0]
    same(machine(changed)[0][:, 0], outputs[:, 0])
    same(machine(inputs[:, :1])[0], outputs[:, :1])
    order = torch.tensor([2, 0, 1])
    same(machine(inputs[:, order])[0], outputs[:, order])


def the_future_does_not_matter(machine):
    inputs, changed = inputs_for(machine), inputs_for(machine)
    changed[4:] += 1
    outputs, others = machine(inputs)[0], machine(changed)[0]
    same(others[:4], outputs[:4])
    assert (others[4:] - outputs[4:]).abs().max() > 1e-4


def gradients_reach_every_parameter(machine):
    machine(inputs_for(machine))[0].square().sum().backward()
    for name, parameter in machine.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, f"no gradient reaches {name}"
        assert parameter.grad.isfinite().all(), f"the gradient of {name} is not finite"


def gradients_of_a_step_equal_finite_differences(machine):
    with torch.no_grad():
        _, state = machine(inputs_for(machine, steps=2))
    x, tensors = inputs_for(machine, steps=1, seed=1)[0], list(tensors_of(state))
    names, weights = zip(*machine.named_parameters(), strict=True)

    def step(x, *values):
        made = dict(zip(names, values, strict=True))
        output, after = torch.func.functional_call(copy.deepcopy(machine), made, (x.unsqueeze(0), state))
        return output, *tensors_of(after)

    assert tensors and torch.autograd.gradcheck(step, (x.requires_grad_(), *weights), fast_mode=True)


def it_is_the_same_again(machine):
    before = {name: value.clone() for name, value in machine.state_dict().items()}
    attributes = set(vars(machine))
    inputs = inputs_for(machine)
    first, again = machine(inputs), machine(inputs)
    same(first, again, rtol=0, atol=0)
    assert set(vars(machine)) == attributes, "a state is never kept on the module"
    same(tuple(machine.state_dict().values()), tuple(before.values()), rtol=0, atol=0)


def its_config_makes_it_again(machine):
    config, parameters = machine.config, inspect.signature(type(machine)).parameters
    assert list(config) == list(parameters), "config has all keywords of the machine, in their order"
    made = []
    for _ in range(2):
        torch.manual_seed(5)
        made.append(type(machine)(**config))
    same(tuple(made[0].parameters()), tuple(made[1].parameters()), rtol=0, atol=0)  # deterministic under a seed
    assert made[0].config == config and made[0].resizable == machine.resizable
    made[0].double().load_state_dict(machine.state_dict())
    inputs = inputs_for(machine)
    same(made[0](inputs), machine(inputs), rtol=0, atol=0)
    if all(isinstance(value, str | int | bool) for value in config.values()):
        assert json.loads(json.dumps(config)) == config


def it_can_be_copied_and_moved(machine):
    inputs = inputs_for(machine)
    expected = machine(inputs)
    same(copy.deepcopy(machine)(inputs), expected, rtol=0, atol=0)
    single, state = copy.deepcopy(machine).float()(inputs.float())
    assert {part.dtype for part in tensors_of((single, state))} == {torch.float32}
    same(single.double(), expected[0], rtol=1e-3, atol=1e-3)
    if torch.cuda.is_available():
        moved, state = copy.deepcopy(machine).cuda()(inputs.cuda())
        assert {part.device.type for part in tensors_of((moved, state))} == {"cuda"}
        same(moved.cpu(), expected[0], rtol=1e-9, atol=1e-9)


def only_a_resizable_memory_changes_its_size(machine):
    inputs = inputs_for(machine)
    if machine.resizable:
        outputs, state = machine(inputs, machine.initial_state(B, N=23))
        assert outputs.shape == machine(inputs)[0].shape
        assert any(23 in part.shape for part in tensors_of(state))
    else:
        with pytest.raises((TypeError, ValueError)):
            machine.initial_state(B, N=23)


def what_does_not_fit_is_refused(machine):
    inputs, state = inputs_for(machine), machine.initial_state(B)
    for wrong, error in [(inputs[..., 1:], ValueError), (inputs[0], ValueError), (inputs.long(), TypeError)]:
        for call in (machine, machine.trace):
            with pytest.raises(error):
                call(wrong)
    for x in (inputs[0, :2], inputs[0, :, 1:], inputs):
        with pytest.raises(ValueError, match="shape|batch|input_size"):
            machine.step(x, state)
    with pytest.raises(TypeError):
        machine(inputs.float())
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        machine.initial_state(0)


CLAUSES = [
    two_parts_are_the_whole,
    a_call_its_steps_and_its_trace_agree,
    neighbours_do_not_matter,
    the_future_does_not_matter,
    gradients_reach_every_parameter,
    gradients_of_a_step_equal_finite_differences,
    it_is_the_same_again,
    its_config_makes_it_again,
    it_can_be_copied_and_moved,
    only_a_resizable_memory_changes_its_size,
    what_does_not_fit_is_refused,
]
