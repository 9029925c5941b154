"""book/_static/ntm.js in Chromium: every equation and whole runs, against values that implementation.py gives here."""

import json
from pathlib import Path

import pytest
import torch
from oracles import ntm as oracle
from playwright.sync_api import Error as PlaywrightError
from test_equations import EQUATIONS, draw
from torch.testing import assert_close

import implementation
from course import pretrained
from course.tasks import TASKS
from implementation import NTM

SCRIPT = Path(__file__).parents[2] / "book" / "_static" / "ntm.js"
MOST_OF_ITS_ARITHMETIC = 15  # times; 1.3 to 5 were seen
SHIPPED = [names for names in pretrained.available() if isinstance(pretrained.load(*names), NTM)]
SIZES = {  # of n, m, s and w; with the leading dimensions
    "primes": ({"n": 11, "m": 5, "s": 3, "w": 2}, (7,)),
    "two leading dimensions": ({"n": 13, "m": 3, "s": 5, "w": 2}, (2, 5)),
    "the paper's": ({"n": 128, "m": 20, "s": 3, "w": 1}, ()),
    "one of each": ({"n": 1, "m": 1, "s": 1, "w": 1}, (3,)),
    "a shift wider than the memory": ({"n": 3, "m": 2, "s": 7, "w": 3}, (5,)),
}
ASK = "([name, calls]) => calls.map((inputs) => ntm[name](...inputs))"
MACHINE = """({config, tensors}) => {
  const typed = Object.entries(tensors).map(([name, {shape, data}]) => [name, {shape, data: Float32Array.from(data)}]);
  return new ntm.NTM({config, tensors: Object.fromEntries(typed)});
}"""
RUN = f"""({{weights, inputs, N}}) => {{
  const machine = ({MACHINE})(weights);
  const start = machine.initial_state(N);
  let state = start;
  const steps = inputs.map((x) => {{
    const step = machine.step(x, state);
    state = step.state;
    return step;
  }});
  return {{start, steps}};
}}"""
# How many times as long a step takes as a loop in the same page over as many products as its weights and memory need.
TIME = f"""({{weights, x, N, steps}}) => {{
  const machine = ({MACHINE})(weights);
  let state = machine.initial_state(N);
  const {{ num_reads = 1, num_writes = 1, M }} = machine.config;
  let products = (num_reads + num_writes) * N * M * 4;
  for (const {{ data }} of Object.values(weights.tensors)) products += data.length;
  const numbers = Float64Array.from({{ length: 1024 }}, (_, i) => 1 / (1 + i));
  let [stepping, multiplying, sum] = [0, 0, 0];
  for (let t = 0; t < steps; t++) {{
    const began = performance.now();
    state = machine.step(x, state).state;
    const between = performance.now();
    for (let i = 0; i < products; i++) sum += numbers[i & 1023] * numbers[(i + t) & 1023];
    stepping += between - began;
    multiplying += performance.now() - between;
  }}
  return sum > 0 ? stepping / multiplying : 0;
}}"""


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page()
    page.set_default_timeout(120_000)
    page.add_script_tag(path=SCRIPT)
    yield page
    page.close()


def call(page, function, argument):
    """A function of the page, called; all travels as JSON text, in which a double keeps its digits."""
    return json.loads(page.evaluate(f"(text) => JSON.stringify(({function})(JSON.parse(text)))", json.dumps(argument)))


# --- Equations


def ask(page, name, inputs):
    """What the page's function gives for these arguments; it is called once for each leading case."""
    cores = [x.shape[x.ndim - len(dims) :] for x, dims in zip(inputs, oracle.arguments(name).values(), strict=True)]
    leading = inputs[-1].shape[: inputs[-1].ndim - len(cores[-1])]
    flat = [x.expand(leading + core).reshape((-1, *core)) for x, core in zip(inputs, cores, strict=True)]
    results = call(page, ASK, [name, [[x.tolist() for x in case] for case in zip(*flat, strict=True)]])
    result = torch.tensor(results, dtype=torch.float64)
    return result.reshape(*leading, *result.shape[1:])


def assert_same(page, name, *inputs, tolerance=1e-12):
    inputs = [torch.as_tensor(x, dtype=torch.float64) for x in inputs]
    expected = getattr(implementation, name)(*inputs)
    assert_close(ask(page, name, inputs), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", EQUATIONS)
def test_equation(page, name, sizes):
    sizes, leading = SIZES[sizes]
    for _ in range(5):
        arguments = oracle.arguments(name).items()
        assert_same(
            page, name, *(draw(argument, *leading, *(sizes[dim] for dim in dims)) for argument, dims in arguments)
        )


def test_zero_rows_and_zero_keys_have_similarity_zero(page):
    memory = draw("memory", 5, 3)
    memory[[1, 4]] = 0
    for key in (draw("key", 3), torch.zeros(3)):
        assert_same(page, "cosine_similarity", memory, key)
        assert_same(page, "content_addressing", memory, key, 5.0)
    assert page.evaluate("ntm.cosine_similarity([[0, 0], [3, 4]], [0, 1])") == [0, 0.8]


@pytest.mark.parametrize("scale", [1e-12, 1e-9, 1e-8, 1e-6, 1e150])
def test_similarity_of_very_short_and_very_long_vectors(page, scale):
    assert_same(page, "cosine_similarity", scale * draw("memory", 7, 3), draw("key", 3))
    assert_same(page, "cosine_similarity", draw("memory", 7, 3), scale * draw("key", 3))


@pytest.mark.parametrize("strength", [0, 1e-9, 50, 1e4])
def test_content_addressing_at_extreme_strengths(page, strength):
    # A similarity's last digit, 1e-16, counts 1e4 times as much in the exponent.
    assert_same(page, "content_addressing", draw("memory", 11, 5), draw("key", 5), strength, tolerance=1e-10)


@pytest.mark.parametrize("gate", [0, 1e-17, 0.25, 0.5, 1 - 1e-16, 1])
def test_interpolation_is_exact_at_both_ends(page, gate):
    content, previous = draw("content", 11), draw("previous", 11)
    assert_same(page, "interpolate", content, previous, gate, tolerance=1e-16)


@pytest.mark.parametrize("N", [1, 2, 5, 11])
@pytest.mark.parametrize("S", [1, 3, 5, 7])
def test_shift_on_any_memory(page, N, S):
    assert_same(page, "circular_shift", draw("weighting", N), draw("shift", S))
    assert_same(page, "circular_shift", torch.eye(N)[0], torch.eye(S)[-1], tolerance=0)


@pytest.mark.parametrize("gamma", [1, 1.5, 20, 1e3])
def test_sharpening_at_extremes(page, gamma):
    tiny = torch.full((4,), 1e-300, dtype=torch.float64)
    zeros = torch.tensor([0.0, 0.3, 0.0, 0.7])
    for weighting in (draw("weighting", 11), torch.eye(5)[2], torch.ones(4) / 4, zeros, tiny):
        assert_same(page, "sharpen", weighting, gamma, tolerance=1e-11)


def test_addressing_with_all_extremes_at_once(page):
    memory = torch.eye(5, dtype=torch.float64)
    memory[3] = 0
    inputs = (torch.eye(5)[0], memory[1], 1e4, 1, torch.eye(3)[2], 1e3)
    assert_same(page, "address", memory, *inputs)
    assert_close(ask(page, "address", [memory, *map(torch.as_tensor, inputs)]), torch.eye(5, dtype=torch.float64)[2])


def test_nothing_is_changed_in_place(page):
    arguments = oracle.arguments("address").items()
    inputs = [draw(name, *({"n": 7, "m": 3, "s": 3}[dim] for dim in dims)).tolist() for name, dims in arguments]
    script = (
        "(inputs) => { ntm.address(...inputs); ntm.write(inputs[0], inputs[1], inputs[2], inputs[2]); return inputs; }"
    )
    assert call(page, script, inputs) == inputs


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("ntm.read([[1], [2]], [1])", "weighting has length 1, but the memory needs 2"),
        ("ntm.content_addressing([[1, 2]], [1], 1)", "key has length 1"),
        ("ntm.erase([[1, 2]], [1], [1])", "erase_vector has length 1"),
        ("ntm.add([[1, 2]], [1], [1, 2, 3])", "add_vector has length 3"),
        ("ntm.interpolate([1, 0], [1], 0.5)", "previous has length 1"),
        ("ntm.circular_shift([1, 0], [0.5, 0.5])", "odd length, got 2"),
    ],
)
def test_wrong_sizes_are_refused(page, wrong, message):
    with pytest.raises(PlaywrightError, match=message):
        page.evaluate(wrong)


# --- The machine


def packed(machine, config):
    tensors = {name: {"shape": [*x.shape], "data": x.flatten().tolist()} for name, x in machine.state_dict().items()}
    return {"config": config, "tensors": tensors}


def shipped(task, name):
    """A trained machine, and its packed form."""
    machine = pretrained.load(task, name)
    return machine, packed(machine, machine.config)


def invented(**settings):
    """An untrained machine, and its packed form."""
    settings = {"input_size": 5, "output_size": 4, "controller_size": 30, "N": 16, "M": 6} | settings
    machine = NTM(**settings)
    return machine, packed(machine, settings)


def run(page, machine, inputs, N=None):
    """A run in the page, and the same in Python."""
    shown = call(page, RUN, {"weights": machine[1], "inputs": inputs.tolist(), "N": N or machine[1]["config"]["N"]})
    with torch.no_grad():
        trace = machine[0].trace(inputs[:, None], machine[0].initial_state(1, N))
    return shown, trace


def stack(steps, get):
    return torch.tensor([get(step) for step in steps], dtype=torch.float64)


def assert_same_run(shown, trace, tolerance):
    """Every number of every step: outputs, what the heads emit and where they point, reads, memory."""
    steps, R = shown["steps"], trace.read_weightings.shape[2]

    def same(get, expected):
        assert_close(stack(steps, get), expected[:, 0].double(), rtol=tolerance, atol=tolerance)

    same(lambda step: step["output"], trace.outputs)
    same(lambda step: step["state"]["memory"], trace.memory)
    same(lambda step: step["state"]["reads"], trace.reads)
    same(lambda step: step["state"]["weightings"]["read"], trace.read_weightings)
    same(lambda step: step["state"]["weightings"]["write"], trace.write_weightings)
    for name in ("key", "strength", "gate", "shift", "gamma"):
        same(lambda step, name=name: [head[name] for head in step["heads"]], getattr(trace, name))
    same(lambda step: [head["weighting"] for head in step["heads"][:R]], trace.read_weightings)
    same(lambda step: [head["weighting"] for head in step["heads"][R:]], trace.write_weightings)
    same(lambda step: [head["erase_vector"] for head in step["heads"][R:]], trace.erase)
    same(lambda step: [head["add_vector"] for head in step["heads"][R:]], trace.add)
    kinds = [[head["kind"] for head in step["heads"]] for step in steps]
    assert kinds == [["read"] * R + ["write"] * (len(kinds[0]) - R)] * len(steps)


def task_of_41_steps(task):
    """Inputs of a task, and which outputs count: the copy of 20 vectors, and up to 41 steps of the others."""
    batch = TASKS[task].sample(1, seed=4, **({"length": 20} if task == "copy" else {}))
    assert task != "copy" or len(batch.inputs) == 41
    return batch.inputs[:41, 0], batch.mask[:41, 0]


@pytest.mark.parametrize("N", [None, 128], ids=["its own N", "N=128"])
@pytest.mark.parametrize(("task", "name"), SHIPPED)
def test_shipped_machine_runs_the_same(page, task, name, N):
    machine = shipped(task, name)
    if machine[0].memory.learned is not None and N is not None:
        pytest.skip("a learned start fits one N only")
    inputs, counts = task_of_41_steps(task)
    shown, trace = run(page, machine, inputs, N)
    outputs = stack(shown["steps"], lambda step: step["output"])
    assert_close(outputs, trace.outputs[:, 0].double(), rtol=1e-4, atol=1e-4)
    assert torch.equal(outputs[counts] > 0, trace.outputs[:, 0][counts] > 0)
    machine[0].double()
    assert_same_run(*run(page, machine, inputs.double(), N), tolerance=1e-8)


INVENTED = {
    "feedforward": {"controller": "feedforward"},
    "LSTM": {"controller": "lstm"},
    "several heads": {"controller": "feedforward", "num_reads": 3, "num_writes": 2},
    "several heads, LSTM": {"controller": "lstm", "num_reads": 2, "num_writes": 3, "shift_range": 2},
    "no shift": {"shift_range": 0},
    "write first": {"read_first": False, "num_reads": 2},
    "learned starts": {"memory_start": "learned", "head_start": "learned", "num_writes": 2},
    "a single cell": {"N": 1, "M": 1, "controller_size": 1},
}


@pytest.mark.parametrize("N", [None, 37], ids=["its own N", "another N"])
@pytest.mark.parametrize("kind", INVENTED)
def test_untrained_machine_runs_the_same(page, kind, N):
    machine = invented(**INVENTED[kind])
    if N and "learned" in kind:
        pytest.skip("a learned start fits one N only")
    with torch.no_grad():
        for parameter in machine[0].parameters():
            parameter.mul_(3)  # so that the heads do something
    machine = machine[0], packed(machine[0], machine[1]["config"])
    inputs = torch.randn(41, 5)
    shown, trace = run(page, machine, inputs, N)
    assert_same_run(shown, trace, tolerance=1e-4)
    start = machine[0].initial_state(1, N)
    assert_close(torch.tensor(shown["start"]["memory"]), start.memory[0], rtol=1e-6, atol=1e-6)
    machine[0].double()
    assert_same_run(*run(page, machine, inputs.double(), N), tolerance=1e-10)


def test_defaults_are_those_of_python(page):
    machine = NTM(input_size=2, output_size=2, controller_size=5, N=4, M=3)
    sizes = {"input_size": 2, "output_size": 2, "controller_size": 5, "N": 4, "M": 3}
    assert_same_run(*run(page, (machine, packed(machine, sizes)), torch.randn(3, 2)), tolerance=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"M": 7}, r"tensor .* must have shape"),
        ({"num_reads": 2}, r"tensor .* must have shape"),
        ({"controller": "feedforward"}, r"controller.hidden.weight must have shape \[30,11\], got none"),
        ({"controller": "gru"}, "controller must be feedforward or lstm, got gru"),
        ({"memory_start": "random"}, "memory_start must be constant or learned, got random"),
        ({"memory_start": "learned"}, r"memory.learned must have shape \[16,6\], got none"),
    ],
)
def test_weights_of_another_machine_are_refused(page, change, message):
    machine, weights = invented()
    weights["config"] |= change
    with pytest.raises(PlaywrightError, match=message):
        run(page, (machine, weights), torch.zeros(1, 5))


def test_learned_start_refuses_another_size(page):
    machine = invented(memory_start="learned")
    with pytest.raises(PlaywrightError, match="N must be 16, the size of the learned start, got 17"):
        call(page, RUN, {"weights": machine[1], "inputs": [], "N": 17})


@pytest.mark.parametrize("names", SHIPPED, ids="-".join)
def test_a_step_costs_no_more_than_its_arithmetic(page, names):
    """Compared on the spot, so that it says the same on a slow computer as on a fast one."""
    weights = shipped(*names)[1]
    x = [1.0] * weights["config"]["input_size"]
    for N in {128, weights["config"]["N"]} if pretrained.load(*names).resizable else {weights["config"]["N"]}:
        took = call(page, TIME, {"weights": weights, "x": x, "N": N, "steps": 300})
        assert took < MOST_OF_ITS_ARITHMETIC


def test_the_script_adds_one_name(browser):
    page = browser.new_page()
    before = set(page.evaluate("Object.getOwnPropertyNames(window)"))
    page.add_script_tag(path=SCRIPT)
    assert set(page.evaluate("Object.getOwnPropertyNames(window)")) - before == {"ntm"}
    assert set(EQUATIONS) < set(json.loads(page.evaluate("JSON.stringify(Object.keys(ntm))")))
    page.close()
