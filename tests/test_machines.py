"""All machines of the course under one contract, and the registry that knows them."""

import json

import contract
import pytest
import torch
from toys import GRU, GRUController

from course.machines import MACHINES, tensors_of
from course.machines.lstm import LSTM
from course.recipes import RECIPES
from implementation import NTM

SIZES = {"input_size": 5, "output_size": 4, "controller_size": 11, "N": 13, "M": 6}
SMALL = {
    "ntm-lstm": lambda NTM: NTM(**SIZES),
    "ntm-feedforward": lambda NTM: NTM(**SIZES, controller="feedforward"),
    "ntm, several heads": lambda NTM: NTM(**SIZES, num_reads=2, num_writes=3, shift_range=2, controller="feedforward"),
    "ntm, no shift": lambda NTM: NTM(**SIZES, shift_range=0),
    "ntm, writes first": lambda NTM: NTM(**SIZES, read_first=False, num_reads=2),
    "ntm, random memory": lambda NTM: NTM(**SIZES, memory_start="random", seed=3),
    "ntm, learned memory": lambda NTM: NTM(**SIZES, memory_start="learned", controller="feedforward"),
    "ntm, learned heads": lambda NTM: NTM(**SIZES, head_start="learned", memory_start="random"),
    "ntm, a controller of one's own": lambda NTM: NTM(**SIZES, num_reads=2, controller=GRUController),
    "lstm": lambda NTM: LSTM(input_size=5, output_size=4, hidden_size=11),
    "lstm, one layer": lambda NTM: LSTM(input_size=5, output_size=4, hidden_size=11, layers=1),
    "gru": lambda NTM: GRU(input_size=5, output_size=4, hidden_size=11),
}


def made(name, NTM):
    torch.manual_seed(1)
    machine = SMALL[name](NTM).double()
    with torch.no_grad():
        for parameter in machine.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return machine


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("clause", contract.CLAUSES, ids=lambda clause: clause.__name__)
def test_every_machine_keeps_the_contract(clause, name, unhooked):
    clause(made(name, unhooked.NTM))


def test_every_machine_of_the_registry_is_tried():
    assert MACHINES.keys() <= SMALL.keys()
    for name, kind in MACHINES.items():
        assert isinstance(kind.make(5, 4), type(SMALL[name](NTM))), (
            "the registry and the test speak of the same machine"
        )


class Forgetful(GRU):
    """Breaks the contract where it is told to."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.spare = torch.nn.Parameter(torch.ones(2))  # no gradient reaches it

    def step(self, x, state):
        output, state = super().step(x, state)
        self.last = state  # kept on the module
        return output + state.mean(), state - state.mean(dim=0, keepdim=True)  # neighbours matter

    def forward(self, inputs, state=None):
        return super().forward(inputs)  # a state that is given is not used

    def trace(self, inputs, state=None):
        trace = super().trace(inputs, state)
        return type(trace)(trace.outputs + 1, trace.hidden, trace.state)


@pytest.mark.parametrize(
    "clause",
    [
        contract.two_parts_are_the_whole,
        contract.a_call_its_steps_and_its_trace_agree,
        contract.neighbours_do_not_matter,
        contract.gradients_reach_every_parameter,
        contract.it_is_the_same_again,
    ],
)
def test_a_machine_that_breaks_the_contract_is_found(clause):
    torch.manual_seed(0)
    with pytest.raises(AssertionError):
        clause(Forgetful(input_size=5, output_size=4, hidden_size=11).double())


def test_the_sizes_of_a_machine_in_words():
    assert MACHINES["lstm"].sizes_of(SMALL["lstm"](NTM)) == "3 x 11 units"
    assert MACHINES["ntm-lstm"].sizes_of(SMALL["ntm, several heads"](NTM)) == "2 + 3 heads, 11 units, 13 x 6 memory"
    given = {"N": 8, "memory_start": "learned", "num_reads": 2}
    assert MACHINES["ntm-lstm"].other_keywords(given) == {"memory_start": "learned"}


def test_titles_tell_machines_apart():
    assert len({kind.title for kind in MACHINES.values()}) == len(MACHINES)


def test_all_tensors_of_a_state_are_found():
    state = SMALL["ntm-lstm"](NTM).initial_state(2)
    found = list(tensors_of(state))
    assert len(found) == 5 and found[0] is state.memory and found[-1] is state.controller[1]
    assert len(list(tensors_of(SMALL["lstm"](NTM).initial_state(2)))) == 2


def test_every_recipe_makes_a_machine_that_fits_its_task():
    for (task, machine), recipe in RECIPES.items():
        assert recipe.name == f"{task}-{machine}"
        config = recipe.make().config
        assert (config["input_size"], config["output_size"]) == (recipe.task.input_size, recipe.task.output_size)
        assert {**config, **recipe.config} == config, "the recipe's keywords are the machine's"
        assert json.loads(json.dumps(recipe.settings())) == recipe.settings()
