"""The page where a trained machine runs: the same machine as in Python, driven in Chromium as a reader would do."""

import doctest
import importlib
import json
import re
import time
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import torch
from browsing import PHONE, SITE, Visit, skip_or_fail
from bs4 import BeautifulSoup
from torch.testing import assert_close

from course.pretrained import available, load, manifest, record
from course.tasks import AssociativeRecallTask, CopyTask, PrioritySortTask, RepeatCopyTask
from course.tasks.base import Batch, wrong_bits
from implementation import NTM

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "book" / "_static"
PAGE = "book/machine.html"
LIMIT = 400_000  # bytes of a machine's file
DONE = "() => window.ntm?.run && document.querySelector('#machine').getAttribute('aria-busy') === 'false'"
SETTLED = 400  # milliseconds, after which the address says what was chosen

# What is asked of the machines of a task: a run of about 41 steps, and a longer one.
RUNS = {
    "copy": [({"length": 20}, 32, 41), ({"length": 120}, 128, 241)],
    "repeat-copy": [({"length": 3, "repeats": 12}, 32, 41), ({"length": 10, "repeats": 10}, 128, 112)],
    "associative-recall": [({"items": 9, "query": 4}, 32, 44), ({"items": 20, "query": 7}, 128, 88)],
    "priority-sort": [({"items": 24, "answers": 16}, 32, 41), ({"items": 30, "answers": 24}, 128, 55)],
}


@pytest.fixture(scope="module")
def extension():
    """A module of book/_ext by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "book" / "_ext"))
        yield importlib.import_module


@pytest.fixture(scope="module")
def machine_files(extension):
    return extension("machine_files")


@pytest.fixture(scope="module")
def signals(extension):
    return extension("machine_signals").signals


@cache
def good_machines():
    """The machines that the page has to offer, found without its own code: NTMs with few wrong bits, small enough.

    By their names; the values are task and machine.
    """
    found = {}
    for task, machine in available():
        entry = record(task, machine)
        trained_on = entry["scores"][0]
        assert trained_on["sizes"] == {}
        few = "ratio" not in trained_on and trained_on["wrong"] / trained_on["asked"] <= 0.05
        if few and isinstance(load(task, machine), NTM) and entry["bytes"] < LIMIT - 10_000:
            found[f"{task}-{machine}"] = (task, machine)
    return found


GOOD = good_machines()


@pytest.mark.parametrize("module", ["machine_files", "machine_signals"])
def test_doctests_of_the_extensions(extension, module):
    result = doctest.testmod(extension(module))
    assert result.attempted > 0
    assert result.failed == 0


# --- Weights as text


def unpack(text, exponents):
    """The inverse of ``pack``, here once more."""
    high, low = np.array([ord(c) - 0x3400 for c in text], dtype=np.uint32).reshape(-1, 2).T
    exponent = np.array(exponents, dtype=np.uint32)[high >> 8 & 63]
    return ((high >> 14) << 31 | exponent << 23 | (high & 255) << 15 | low).astype(np.uint32).view(np.float32)


def test_packing_loses_nothing(machine_files):
    generator = np.random.default_rng(0)
    drawn = generator.standard_normal(10_000).astype(np.float32)
    hard = np.array([0.0, -0.0, 1e-45, -1e-39, 1.0, -1.0, 3.4e38, np.nextafter(1, 2, dtype=np.float32)], np.float32)
    for weights in (drawn, hard, hard[:1]):
        text, exponents = machine_files.pack(weights)
        assert unpack(text, exponents).tobytes() == weights.tobytes()
        assert len(text.encode("utf-16-le")) == weights.nbytes


@pytest.mark.parametrize(
    ("weights", "complaint"),
    [
        ([np.inf], "finite"),
        ([0.0, np.nan], "finite"),
        (2.0 ** np.arange(-40, 25), "at most 64 different exponents, got 65"),
    ],
)
def test_what_cannot_be_packed_is_refused(machine_files, weights, complaint):
    with pytest.raises(ValueError, match=complaint):
        machine_files.pack(np.array(weights, dtype=np.float32))


def test_machines_that_do_well_are_offered(machine_files):
    assert [listed["name"] for listed, _ in machine_files.offered()] == list(GOOD)
    assert {task for task, _ in GOOD.values()} >= {"copy", "repeat-copy", "associative-recall"}


def test_a_task_that_the_page_does_not_know_is_left_out_and_named_in_the_log(machine_files, monkeypatch, capsys):
    known = machine_files.tasks_of_the_page()
    monkeypatch.setattr(machine_files, "tasks_of_the_page", lambda: [task for task in known if task != "copy"])
    listed = [listed["name"] for listed, _ in machine_files.offered()]
    assert listed == [name for name, (task, _) in GOOD.items() if task != "copy"]
    log = capsys.readouterr().out.splitlines()
    for task, machine in available():
        if task == "copy":
            assert f"Not offered in the browser: {task}-{machine}. Reason: tasks.js does not have its task." in log


def test_a_machine_without_signals_is_left_out_and_named_in_the_log(machine_files, monkeypatch, capsys):
    monkeypatch.setattr(machine_files, "signals", lambda machine: [])
    assert list(machine_files.offered()) == []
    log = capsys.readouterr().out
    for name in GOOD:
        assert f"Not offered in the browser: {name}. Reason: it has no signals to show." in log


def test_a_machine_that_is_too_large_is_named_in_the_log(machine_files, monkeypatch, capsys):
    monkeypatch.setattr(machine_files, "MOST_BYTES", 100_000)
    assert 0 < len(list(machine_files.offered())) < len(GOOD)
    assert "copy-ntm-lstm. Reason: its file is too large: " in capsys.readouterr().out


def small_ntm(**options):
    return NTM(input_size=3, output_size=2, controller_size=4, N=5, M=3, **options)


def test_only_kinds_with_signals_have_some_and_a_random_start_has_none(signals):
    assert signals(torch.nn.LSTM(3, 4)) == []
    assert signals(small_ntm(memory_start="learned")) != []
    assert signals(small_ntm(memory_start="random")) == []


def test_signals_of_an_ntm(signals):
    listed = signals(small_ntm(num_writes=2, shift_range=2))
    titles = [signal.title for signal in listed]
    heads = ["write head 1", "write head 2", "read head"]
    names = ["strength", "gate", "shift", "gamma"]
    assert titles == ["memory", *(title for head in heads for title in (head, *(f"{head}: {name}" for name in names)))]
    by_title = dict(zip(titles, listed, strict=True))
    assert [by_title[head].at for head in heads] == [("heads", i, "weighting") for i in (1, 2, 0)]  # it reads first
    assert [by_title[head].edge for head in heads] == ["above", "above", "below"]
    assert by_title["read head: shift"].rows == ("-2", "-1", "0", "+1", "+2")
    assert {by_title[f"{head}: gate"].most for head in heads} == {1}
    assert {by_title[f"{head}: gamma"].most for head in heads} == {None}


def test_one_wrong_bit_in_twenty_is_the_most(machine_files):
    scores = [{"sizes": {"length": 9}, "wrong": 50, "asked": 100}, {"sizes": {}, "wrong": 5, "asked": 100}]
    assert machine_files.solved_well({"scores": scores})
    scores[1]["wrong"] = 5.1
    assert not machine_files.solved_well({"scores": scores})


@pytest.fixture(scope="module")
def built():
    if not (SITE / PAGE).exists():
        skip_or_fail("NO PAGE WAS TESTED: there is none in _build/html; build it with `make site`")


def test_files_are_small(built):
    files = {path.stem: path.stat().st_size for path in (SITE / "_static" / "machines").glob("*.js")}
    assert files.pop("index") < 20_000
    assert set(files) >= set(GOOD)
    assert all(size <= LIMIT for size in files.values()), files


# --- The questions, without the page


@pytest.fixture(scope="module")
def tasks(browser):
    page = browser.new_page()
    for script in ("page.js", "ntm.js", "tasks.js"):
        page.add_script_tag(path=SCRIPTS / script)
    yield page
    page.close()


def test_the_build_finds_the_tasks_of_the_page(tasks, machine_files):
    assert tasks.evaluate("Object.keys(ntm.tasks)") == machine_files.tasks_of_the_page()


def question_of(task, batch, i, sizes):
    """What the page would have to be told to ask the same: vectors, and whatever a task has besides."""
    inputs, bits = batch.inputs[:, i], task.bits
    if isinstance(task, AssociativeRecallTask):
        span = 1 + task.item_length
        items = inputs[: sizes["items"] * span].unflatten(0, (-1, span))[:, 1:, :bits]
        query = inputs[sizes["items"] * span + 1 : (sizes["items"] + 1) * span, :bits]
        answer = batch.targets[-task.item_length :, i]
        places = [j + 1 for j in range(len(items) - 1) if (items[j] == query).all() and (items[j + 1] == answer).all()]
        return {"vectors": items.flatten(0, 1).tolist(), "query": places[0]}
    if isinstance(task, PrioritySortTask):
        shown = inputs[: sizes["items"]]
        return {"vectors": shown[:, :bits].tolist(), "priorities": shown[:, bits].tolist(), "answers": sizes["answers"]}
    return {"vectors": inputs[: sizes["length"], :bits].tolist(), "repeats": sizes.get("repeats")}


QUESTIONS = [
    ("copy", CopyTask(), {"length": 1}),
    ("copy", CopyTask(bits=3), {"length": 120}),
    ("repeat-copy", RepeatCopyTask(), {"length": 1, "repeats": 1}),
    ("repeat-copy", RepeatCopyTask(bits=5, min_repeats=2, max_repeats=7), {"length": 4, "repeats": 20}),
    ("associative-recall", AssociativeRecallTask(), {"items": 2}),
    ("associative-recall", AssociativeRecallTask(bits=7, item_length=2), {"items": 20}),
    ("priority-sort", PrioritySortTask(), {"items": 20, "answers": 16}),
    ("priority-sort", PrioritySortTask(bits=5), {"items": 30, "answers": 1}),
    ("priority-sort", PrioritySortTask(), {"items": 1, "answers": 1}),
]


@pytest.mark.parametrize(("name", "task", "sizes"), QUESTIONS, ids=lambda value: getattr(value, "bits", str(value)))
def test_the_same_question_gives_the_same_inputs_targets_and_mask(tasks, name, task, sizes):
    batch = task.sample(batch_size=3, seed=11, **sizes)
    for i in range(3):
        question = question_of(task, batch, i, sizes)
        made = tasks.evaluate(
            "([name, settings, question]) => ntm.tasks[name].encode(settings, question)", [name, vars(task), question]
        )
        assert torch.equal(torch.tensor(made["inputs"], dtype=torch.float32), batch.inputs[:, i])
        assert torch.equal(torch.tensor(made["targets"], dtype=torch.float32), batch.targets[:, i])
        assert made["mask"] == batch.mask[:, i].all(-1).tolist() == batch.mask[:, i].any(-1).tolist()
        assert len(made["labels"]) == len(made["vector_at"]) == len(made["inputs"])
        shown = [made["inputs"][step][: task.bits] for step, place in enumerate(made["vector_at"]) if place >= 0]
        assert shown == question["vectors"]


def scramble(seed, count):
    """The page's random numbers, here once more."""
    numbers, mask = [], 2**32 - 1
    for i in range(1, count + 1):
        bits = (seed + i * 0x9E3779B9) & mask
        for factor in (0x85EBCA6B, 0xC2B2AE35):
            bits = ((bits ^ bits >> 16) * factor) & mask
        numbers.append((bits ^ bits >> 16) / 2**32)
    return numbers


@pytest.mark.parametrize("seed", [0, 1, 999_999])
def test_random_numbers_follow_from_the_seed(tasks, seed):
    ask = "([seed, count]) => { const random = ntm.random(seed); return Array.from({length: count}, random); }"
    drawn = tasks.evaluate(ask, [seed, 4000])
    assert drawn == scramble(seed, 4000)
    assert np.histogram(drawn, bins=8, range=(0, 1))[0] == pytest.approx(500, abs=100)
    bits = np.array(drawn) < 0.5
    assert (bits[1:] == bits[:-1]).mean() == pytest.approx(0.5, abs=0.05)


# --- The page, as a reader uses it


class Reader(Visit):
    """Somebody with the page open."""

    def __init__(self, browser, address="", **options):
        super().__init__(browser, PAGE + address, **options)
        self.wait()

    def leave(self):
        self.page.close()
        assert self.complaints == []
        assert [url for url in self.requests if not url.startswith(("file:", "data:"))] == []

    def wait(self):
        self.page.wait_for_function(DONE)

    def part(self, name):
        return self.page.locator(f"#machine [data-part='{name}']")

    def control(self, name):
        return self.page.locator(f"#machine [name='{name}']")

    def type(self, name, value):
        """With the keyboard: mark all, write, leave the field."""
        self.control(name).focus()
        for keys in ("Control+A", *str(value), "Tab"):
            self.page.keyboard.press(keys)
        self.wait()

    def choose(self, name):
        task, machine = GOOD[name]
        self.control("task").select_option(task)
        self.wait()
        self.control("machine").select_option(machine)
        self.wait()

    def run(self):
        return self.ask(
            "(({ batch, steps, length, ...run }) => ({ batch, outputs: steps.map(({ output }) => output), signals: "
            "steps.map(({ signals }) => Object.fromEntries(Object.entries(signals).map(([k, v]) => [k, [...v]]))), "
            "memory: ntm.run.tape_at(length - 1, ntm.run.drawn_as('tape')[0]) }))(ntm.run)"
        )

    def step(self):
        return int(self.part("at").inner_text().replace(",", ""))

    def address(self):
        self.page.wait_for_timeout(SETTLED)
        return {key: values[0] for key, values in parse_qs(self.ask("location.hash").removeprefix("#")).items()}


@pytest.fixture(scope="module")
def regular(built, browser):
    """A reader who goes from machine to machine, without opening the page anew."""
    reader = Reader(browser)
    yield reader
    reader.leave()


@pytest.fixture
def read(built, browser):
    readers = []

    def open_page(*args, **options):
        readers.append(Reader(browser, *args, **options))
        return readers[-1]

    yield open_page
    for reader in readers:
        reader.leave()


def heads_of(machine):
    """The names of a machine's heads: those that read, those that write."""
    counts = {"read": machine.heads.num_reads, "write": machine.heads.num_writes}
    return [
        [f"{kind} head {i + 1}" if count > 1 else f"{kind} head" for i in range(count)]
        for kind, count in counts.items()
    ]


def stack(run, titles):
    """The signals with these titles: step, title, number."""
    return torch.tensor([[signals[title] for title in titles] for signals in run["signals"]], dtype=torch.float64)


@pytest.mark.parametrize("which", [0, 1], ids=["41 steps", "longer"])
@pytest.mark.parametrize("name", GOOD)
def test_the_page_runs_the_machine_of_python(regular, name, which):
    task, machine_name = GOOD[name]
    sizes, N, least = RUNS[task][which]
    reader = regular
    reader.choose(name)
    for field, value in {**sizes, "N": N, "seed": 5}.items():
        if field != "query":
            reader.type(field, value)
    if "query" in sizes:
        reader.type("query", sizes["query"])  # drawn anew with every seed, so last
    run = reader.run()
    assert len(run["outputs"]) >= least
    assert {key: int(reader.address()[key]) for key in sizes} == sizes

    batch = run["batch"]
    inputs, targets = (torch.tensor(batch[key], dtype=torch.float32).unsqueeze(1) for key in ("inputs", "targets"))
    assert torch.equal(inputs.double().squeeze(1), torch.tensor(batch["inputs"], dtype=torch.float64)), "not float32"
    machine = load(task, machine_name)
    with torch.no_grad():
        trace = machine.trace(inputs, machine.initial_state(1, N))

    outputs = torch.tensor(run["outputs"], dtype=torch.float64)
    assert torch.equal(outputs > 0, trace.outputs[:, 0] > 0), "a bit differs"
    close = {"rtol": 0, "atol": 1e-4, "check_dtype": False}
    readers, writers = heads_of(machine)
    assert_close(stack(run, readers), trace.read_weightings[:, 0], **close)
    assert_close(stack(run, writers), trace.write_weightings[:, 0], **close)
    for key, tolerance in (("gate", 1e-4), ("shift", 1e-4), ("strength", 1e-3), ("gamma", 1e-3)):
        shown = stack(run, [f"{head}: {key}" for head in readers + writers])
        expected = getattr(trace, key)[:, 0].reshape(shown.shape)
        assert_close(shown, expected, rtol=tolerance if tolerance > 1e-4 else 0, atol=tolerance, check_dtype=False)
    assert_close(torch.tensor(run["memory"]), trace.memory[-1, 0], rtol=1e-3, atol=1e-3, check_dtype=False)

    mask = torch.tensor(batch["mask"]).reshape(-1, 1, 1).expand_as(targets)
    wrong = int(wrong_bits(trace.outputs, Batch(inputs, targets, mask)).item())
    said = reader.part("verdict").inner_text()
    assert said == (f"{wrong:,} of {mask.sum():,} bits wrong" if wrong else f"All {mask.sum():,} bits right")
    assert reader.part("next-wrong").is_visible() == bool(wrong)


@pytest.mark.parametrize("name", GOOD)
def test_weights_arrive_bit_for_bit(regular, name):
    regular.choose(name)
    tensors = regular.ask(f"""() => {{
        const {{ NTM }} = ntm.kinds;
        let given;
        ntm.kinds.NTM = class {{ constructor({{ tensors }}) {{ given = tensors; }} }};
        ntm.build_machine(ntm.machines["{name}"]);
        ntm.kinds.NTM = NTM;
        const bits = (data) => [...new Int32Array(data.slice().buffer)];
        return Object.fromEntries(Object.entries(given).map(([key, {{ shape, data }}]) => [key, [shape, bits(data)]]));
    }}""")
    expected = load(*GOOD[name]).state_dict()
    assert tensors.keys() == expected.keys()
    for key, (shape, bits) in tensors.items():
        assert shape == list(expected[key].shape)
        assert bits == expected[key].flatten().view(torch.int32).tolist()


def test_only_the_chosen_machine_is_loaded(read):
    reader = read("#task=copy&machine=ntm-lstm")
    loaded = [Path(url).name for url in reader.requests if "/machines/" in url]
    assert loaded == ["index.js", "copy-ntm-lstm.js"]
    scripts = {Path(urlsplit(url).path).name for url in reader.requests}  # some say a version after a question mark
    own = [SITE / PAGE, *(path for path in SCRIPTS.glob("*.js") if path.name in scripts)]
    assert {path.name for path in own} >= {"ntm.js", "run.js", "tasks.js", "choosing.js", "drawing.js", "machine.js"}
    assert sum(path.stat().st_size for path in own) < 200_000
    reader.control("task").select_option("associative-recall")
    reader.wait()
    assert sum("/machines/" in url for url in reader.requests) == 3


def test_scrub_and_step_with_keys_and_mouse(read):
    reader = read("#task=copy&machine=ntm-lstm&length=20&N=32&seed=3")
    assert reader.step() == 1
    slider = reader.control("step")
    slider.focus()
    for key, step in [("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", 41), ("Home", 1)]:
        reader.page.keyboard.press(key)
        assert reader.step() == step
    for part, step in [("forward", 2), ("forward", 3), ("back", 2)]:
        reader.part(part).focus()
        reader.page.keyboard.press("Enter")
        assert reader.step() == step
    assert slider.input_value() == "2"
    assert "vector 2" in slider.get_attribute("aria-valuetext")
    box = reader.part("maps").locator(".machine-box").first
    width = box.bounding_box()["width"]
    box.click(position={"x": width * 30.5 / 41, "y": 10})
    assert reader.step() == 31
    assert reader.part("sentence").inner_text() == "Step 31: answer: vector 10"
    assert reader.address()["step"] == "31"


@pytest.mark.parametrize("name", [list(GOOD)[0], list(GOOD)[-1]])
def test_the_numbers_of_a_step_are_those_of_python(read, name):
    task, machine_name = GOOD[name]
    reader = read(f"#task={task}&machine={machine_name}&step=17")
    machine = load(task, machine_name)
    inputs = torch.tensor(reader.run()["batch"]["inputs"], dtype=torch.float32).unsqueeze(1)
    with torch.no_grad():
        trace = machine.trace(inputs)
    reads, writes = machine.heads.num_reads, machine.heads.num_writes
    rows = [
        [cell.inner_text() for cell in row.locator("th, td").all()]
        for row in reader.part("numbers").locator("tbody tr").all()
    ]
    titles = reader.part("numbers").locator("thead tr").locator("th, td").all_inner_texts()
    assert titles == ["", "strength", "gate", "shift -1, 0, +1", "gamma"]
    assert len(rows) == reads + writes
    weightings = torch.cat([trace.read_weightings, trace.write_weightings], dim=2)[16, 0]
    order = [*range(reads, reads + writes), *range(reads)]  # those that write first
    said = [text for text in reader.part("tape").inner_text().splitlines() if text]
    for row, head, focus in zip(rows, order, said, strict=True):
        assert row[0].startswith("read" if head < reads else "write")
        wanted = [trace.strength[16, 0, head], trace.gate[16, 0, head], trace.gamma[16, 0, head]]
        assert [float(row[1]), float(row[2]), float(row[4])] == pytest.approx([float(w) for w in wanted], abs=0.006)
        assert list(map(float, row[3].split())) == pytest.approx(trace.shift[16, 0, head].tolist(), abs=0.006)
        place, weight = re.search(r"location (\d+) \((\d\.\d\d)\)", focus).groups()
        assert weightings[head, int(place)] == pytest.approx(
            weightings[head].max().item(), abs=1e-4
        )  # many may be equal
        assert float(weight) == pytest.approx(weightings[head].max().item(), abs=0.006)


def test_memory_is_drawn_where_it_is(read):
    """The colour of each cell after a step: green above zero, purple below, as strong as its number is large."""
    reader = read("#task=copy&machine=ntm-lstm&length=20&N=32&seed=3&step=25")
    machine = load("copy", "ntm-lstm")
    inputs = torch.tensor(reader.run()["batch"]["inputs"], dtype=torch.float32).unsqueeze(1)
    with torch.no_grad():
        memory = machine.trace(inputs).memory[24, 0]
    N, M = memory.shape
    width, height, pixels = reader.ask("""() => {
        const canvas = document.querySelector(".machine-memory canvas");
        const { width, height } = canvas;
        return [width, height, [...canvas.getContext("2d").getImageData(0, 0, width, height).data]];
    }""")
    across, down = ((torch.arange(n) + 0.5) * size / n for n, size in ((N, width), (M, height)))
    pixels = torch.tensor(pixels).reshape(height, width, 4)[..., :3]
    colours = pixels[down.long()][:, across.long()].transpose(0, 1)  # location, number, colour
    green = colours[..., 1] > colours[..., 0]
    clear = memory.abs() > 0.3
    assert clear.sum() > 100
    assert torch.equal(green[clear], memory[clear] > 0)
    strength = (255 - colours.min(dim=-1).values).float()
    assert torch.corrcoef(torch.stack([strength.flatten(), memory.abs().clamp(max=1).flatten()]))[0, 1] > 0.95


def test_play_goes_on_and_pauses(read):
    reader = read("#task=copy&machine=ntm-lstm&length=120&N=32&step=30")
    reader.type("speed", 20)
    play = reader.part("play")
    play.click()
    assert play.inner_text() == "Pause"
    reader.page.wait_for_function("Number(document.querySelector('[data-part=at]').textContent) > 32")
    play.click()
    assert play.inner_text() == "Play"
    held = reader.step()
    reader.page.wait_for_timeout(200)
    assert reader.step() == held < 241
    reader.control("step").focus()
    for key in ("End", "ArrowLeft", "ArrowLeft"):
        reader.page.keyboard.press(key)
    play.click()
    reader.page.wait_for_function("document.querySelector('[data-part=at]').textContent === '241'")
    assert play.inner_text() == "Play"
    play.click()  # from the beginning
    reader.page.wait_for_function("Number(document.querySelector('[data-part=at]').textContent) < 200")


def test_nothing_plays_for_who_wants_no_motion(read):
    reader = read("#task=copy&machine=ntm-lstm", reduced_motion="reduce")
    assert not reader.part("play").is_visible()
    assert reader.part("still").is_visible()
    reader.part("forward").click()
    assert reader.step() == 2
    reader.page.emulate_media(reduced_motion="no-preference")
    reader.part("play").click()
    reader.page.emulate_media(reduced_motion="reduce")
    held = reader.step()
    reader.page.wait_for_timeout(400)
    assert reader.step() == held


def test_bits_turn_by_key_and_by_mouse(read):
    reader = read("#task=copy&machine=ntm-lstm&length=20&N=32&seed=3&step=5")
    before = reader.run()["batch"]
    toggle = reader.part("bits").locator("button").nth(2)
    toggle.focus()
    reader.page.keyboard.press("Space")
    reader.wait()
    after = reader.run()["batch"]
    assert after["inputs"][4][2] == 1 - before["inputs"][4][2] == after["targets"][25][2]
    assert np.sum(np.array(after["inputs"]) != before["inputs"]) == 1
    assert toggle.get_attribute("aria-pressed") == ("true" if after["inputs"][4][2] else "false")
    assert toggle.evaluate("button => button === document.activeElement"), "the focus was lost"

    reader.page.keyboard.press("ArrowRight")
    reader.page.keyboard.press("ArrowDown")
    assert reader.step() == 6
    reader.page.keyboard.press("Enter")
    reader.wait()
    assert reader.address()["flips"] == "5.3,6.4"

    reader.part("blank").click()
    reader.wait()
    box = reader.part("batch").locator(".machine-drawable")
    box.scroll_into_view_if_needed()
    place = box.bounding_box()
    cell = [place["width"] / 41, place["height"] / 8]
    assert not np.array(reader.run()["batch"]["inputs"])[:20].any()
    reader.page.mouse.move(place["x"] + 2.5 * cell[0], place["y"] + 1.5 * cell[1])
    reader.page.mouse.down()
    reader.page.mouse.move(place["x"] + 5.5 * cell[0], place["y"] + 1.5 * cell[1], steps=12)
    reader.page.mouse.up()
    reader.page.mouse.move(place["x"] + 9.5 * cell[0], place["y"] + 1.5 * cell[1])
    reader.wait()
    drawn = np.argwhere(np.array(reader.run()["batch"]["inputs"])[:20])
    assert drawn.tolist() == [[2, 1], [3, 1], [4, 1], [5, 1]]
    assert reader.step() == 6, "the step on show is not the one where the drawing ended"

    reader.page.mouse.click(place["x"] + 8.5 * cell[0], place["y"] + 0.5 * cell[1])
    reader.wait()
    assert reader.run()["batch"]["inputs"][8][0] == 1
    assert reader.step() == 9, "the step on show is not the one whose bit was pressed"


@pytest.mark.skipif("priority-sort-ntm-lstm" not in GOOD, reason="no machine sorts well enough")
def test_a_priority_can_be_set(read):
    reader = read("#task=priority-sort&machine=ntm-lstm&seed=2&step=3")
    reader.type("priority", "0.99")
    reader.wait()
    batch = reader.run()["batch"]
    assert batch["inputs"][2][8] == np.float32(0.99)
    assert batch["targets"][21] == batch["inputs"][2][:8], "the highest priority comes first"
    assert reader.address()["priorities"] == "3:0.99"


def test_a_link_shows_the_same_run(read):
    first = read("#task=repeat-copy&machine=ntm-feedforward&length=4&repeats=3&N=64&seed=77&step=9&flips=2.5")
    assert first.step() == 9
    again = read("#" + "&".join(f"{key}={value}" for key, value in first.address().items()))
    assert again.run() == first.run()
    assert again.address() == first.address()
    assert read("#task=repeat-copy&machine=ntm-feedforward&length=4&repeats=3&N=64&seed=78").run() != first.run()


@pytest.mark.parametrize(
    "address", ["#task=nothing&N=many", "#task=copy&length=-3&N=1e9&step=999&flips=a,9.99&seed=-1"]
)
def test_an_address_that_makes_no_sense_still_runs(read, address):
    reader = read(address)
    assert reader.part("verdict").inner_text()
    assert reader.ask("ntm.run.steps.length === ntm.run.length")


@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
def test_links_that_name_a_controller_still_lead_to_its_machine(read, controller):
    reader = read(f"#task=repeat-copy&controller={controller}&length=4&repeats=3")
    assert reader.ask("ntm.run.machine.config.controller") == controller
    assert (reader.address()["task"], reader.address()["machine"]) in GOOD.values()
    assert "controller" not in reader.address()


def links():
    page = BeautifulSoup((ROOT / "book" / "machine.md").read_text(encoding="utf-8"), "html.parser")
    return [link["href"] for link in page.select('a[href^="#task="]')]


def test_links_to_runs_exist():
    assert len(links()) >= 6


@pytest.mark.parametrize("link", links())
def test_links_of_the_page_lead_to_what_they_say(read, link):
    said = {key: values[0] for key, values in parse_qs(link.removeprefix("#")).items()}
    if (said["task"], said["machine"]) not in GOOD.values():
        pytest.skip("no such machine is good enough to be offered")
    reader = read()
    reader.page.locator(f'a[href="{link}"]').click()
    reader.page.wait_for_function("hash => location.hash.includes(hash.slice(1))", arg=link)
    reader.wait()
    assert {key: reader.address().get(key) for key in said} == said
    assert reader.page.locator("#machine").bounding_box()["y"] < 200, "the machine is not in sight"


def test_a_long_run_does_not_freeze_the_page(read):
    reader = read("#task=copy&machine=ntm-lstm&length=20")
    reader.ask("""() => {
        window.gaps = []; window.progressed = new Set();
        let last = performance.now();
        window.pulse = setInterval(() => {
            window.gaps.push(performance.now() - last);
            last = performance.now();
            const bar = document.querySelector("#machine progress");
            if (bar.checkVisibility()) window.progressed.add(bar.value);
        }, 5);
    }""")
    began = time.perf_counter()
    reader.ask("location.hash = '#task=copy&machine=ntm-lstm&length=500&N=1024&seed=4'")
    reader.page.wait_for_function("ntm.run.length === 1001")
    whole = time.perf_counter() - began
    gaps = sorted(reader.ask("clearInterval(window.pulse), window.gaps"))
    assert len(reader.ask("[...window.progressed]")) > 10, "no progress was shown"
    assert len(gaps) > 30 and gaps[int(0.9 * len(gaps))] < 250, f"of {whole:.1f} s the page slept in {gaps[-3:]}"
    assert gaps[-1] < 0.2 * 1000 * whole, f"of {whole:.1f} s the page slept {gaps[-1]:.0f} ms at a time"
    reader.part("forward").click()
    assert reader.step() == 2


def test_next_wrong_bit(read):
    reader = read("#task=copy&machine=ntm-lstm&length=40&N=16&seed=1")
    wrong = reader.ask("ntm.run.steps.map((_, step) => ntm.run.wrong_at(step))")
    places = [step + 1 for step, count in enumerate(wrong) if count]
    assert places, "more vectors than locations, and nothing went wrong"
    seen = []
    for _ in range(len(places) + 1):
        reader.part("next-wrong").click()
        seen.append(reader.step())
    assert seen == [*places, places[0]]
    assert str(sum(wrong)) in reader.part("verdict").inner_text()


def test_the_run_as_a_table_says_what_the_pictures_show(read):
    reader = read("#task=copy&machine=ntm-lstm&length=6&N=32&seed=3")
    reader.part("table-details").locator("summary").focus()
    reader.page.keyboard.press("Enter")
    rows = reader.part("table").locator("tbody tr")
    rows.first.wait_for()  # the table is made when it is opened
    assert rows.count() == 13
    run = reader.run()
    cells = rows.nth(8).locator("td").all_inner_texts()
    assert cells[:2] == ["9", "answer: vector 2"]
    assert cells[2] == "".join(str(bit) for bit in run["batch"]["targets"][8])
    assert cells[3] == "".join(str(int(value > 0)) for value in run["outputs"][8])


@pytest.mark.parametrize("name", GOOD)
def test_fits_a_phone_by_day_and_by_night(read, name):
    task, machine = GOOD[name]
    reader = read(f"#task={task}&machine={machine}&N=128", theme="dark", size=PHONE)
    reader.part("strips-details").locator("summary").click()
    assert reader.ask("document.documentElement.scrollWidth") <= 375
    assert reader.part("numbers").evaluate("box => box.scrollWidth <= box.clientWidth"), "a head's numbers are cut off"
    shown = "document.querySelector('.machine-memory canvas').toDataURL()"
    dark = reader.ask(shown)
    reader.page.emulate_media(color_scheme="light")
    reader.page.wait_for_function("document.documentElement.dataset.theme === 'light'")
    reader.page.wait_for_function(f"(before) => {shown} !== before", arg=dark)


def test_the_list_of_machines_says_what_the_manifest_says(built):
    script = (SITE / "_static" / "machines" / "index.js").read_text(encoding="utf-8")
    offered = json.loads(re.match(r"ntm\.offered = (.*);\nntm\.machines = \{\};\n$", script).group(1))
    assert list(offered) == list(GOOD)
    for name, entry in offered.items():
        known = manifest()[name]
        assert entry["settings"] == known["settings"]["task"]
        assert entry["machine"] == known["settings"]["machine"]
        assert [score["wrong"] for score in entry["scores"]] == [score["wrong"] for score in known["scores"]]
        assert known["settings"]["config"].items() <= entry["config"].items()


# --- Machines of another kind: the page draws the signals that a machine's file lists, and knows no others

ECHO = """() => {
    ntm.kinds.Echo = class {
        initial_state() { return 0; }
        step(x, state) {
            const share = state / 4; // 0 at the first step, 1 at the fifth
            return {
                output: x.slice(0, 8).map((bit) => bit - 0.5),
                state: state + 1,
                cells: [1, -share, 0.5],
                inner: { pressure: 3 * share, where: [1 - share, share] },
                slots: [[2, -2], [1, 0], [0, share]],
                focus: [share, 0, 1 - share],
            };
        }
    };
    const signal = { name: "", row: "row", rows: [], least: 0, most: 1, colours: ["one"], edge: null };
    const signed = { least: -1, colours: ["plus", "minus"] };
    const settings = { bits: 8, min_length: 1, max_length: 20 };
    const offer = { task: "copy", kind: "Echo", settings, config: {}, resizable: false, weights: 0, scores: [] };
    const file = { ...offer, shapes: {}, exponents: [], text: "" };
    ntm.offered["copy-echo"] = { ...offer, name: "copy-echo", machine: "echo", title: "An echo" };
    ntm.machines["copy-echo"] = { ...file, signals: [
        { ...signal, ...signed, title: "cells", drawn: "map", row: "unit", at: ["cells"] },
        { ...signal, title: "valve: pressure", of: "valve", name: "pressure", drawn: "strip", most: null,
          at: ["inner", "pressure"] },
        { ...signal, title: "valve: where", of: "valve", name: "where", drawn: "strip", rows: ["in", "out"],
          at: ["inner", "where"], colours: ["write"] },
        { ...signal, ...signed, title: "shelf", drawn: "tape", row: "slot", most: 2, least: -2, at: ["slots"] },
        { ...signal, title: "hand", drawn: "weighting", row: "slot", at: ["focus"], edge: "below", colours: ["read"] },
    ] };
    ntm.offered["copy-mute"] = { ...offer, name: "copy-mute", machine: "mute", title: "A mute" };
    ntm.machines["copy-mute"] = { ...file, signals: [] };
    location.hash = "#task=copy&machine=echo&length=2&seed=1&step=5";
}"""
CELLS = """([part, which, rows, columns]) => {
    const boxes = `[data-part="${part}"] .machine-box canvas, .machine-${part} canvas`;
    const canvas = document.querySelectorAll(boxes)[which];
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const pixel = (x, y) => [...data.slice(4 * (y * canvas.width + x), 4 * (y * canvas.width + x) + 3)];
    const middle = (i, cells, pixels) => Math.floor(((i + 0.5) * pixels) / cells);
    return Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) =>
        pixel(middle(column, columns, canvas.width), middle(row, rows, canvas.height))));
}"""
COLOURS = {"one": "222832", "write": "c65200", "read": "0072b2", "plus": "00805e", "minus": "a3427a"}  # by day


def shade(value, positive, negative=None):
    """The colour of a value from -1 to 1 on white."""
    full = np.array([int(COLOURS[positive if value >= 0 else negative][i : i + 2], 16) for i in (0, 2, 4)])
    return 255 + (full - 255) * abs(value)


def assert_drawn(reader, part, which, values, *colours):
    cells = reader.page.evaluate(CELLS, [part, which, len(values), len(values[0])])
    wanted = [[shade(value, *colours) for value in row] for row in values]
    assert np.abs(np.array(cells) - np.array(wanted)).max() <= 2


@pytest.fixture
def echo(read):
    """A reader who has come upon a machine of another kind."""
    reader = read()
    reader.ask(ECHO)
    reader.page.wait_for_function("ntm.run.length === 5 && ntm.run.signals.length === 5")
    reader.wait()
    reader.part("strips-details").locator("summary").click()
    reader.page.wait_for_timeout(SETTLED)
    return reader


def test_the_signals_that_are_listed_are_those_that_are_shown(echo):
    captions = {name: echo.part(name).locator(".machine-caption").all() for name in ("maps", "strips")}
    texts = {name: [line.locator("span").all_inner_texts() for line in lines] for name, lines in captions.items()}
    assert texts["maps"] == [["Cells, units 0 to 2", "unit 0 (1.00)"], ["Hand: slots 0 to 2", "slot 0 (1.00)"]]
    assert texts["strips"] == [
        ["Valve: pressure, 0 to 3", "3.00"],
        ["Valve: where, in (top) to out", "out (1.00)"],
    ]
    shares = [0, 0.25, 0.5, 0.75, 1]
    assert_drawn(echo, "maps", 0, [[1] * 5, [-share for share in shares], [0.5] * 5], "plus", "minus")
    assert_drawn(echo, "maps", 1, [np.sqrt(shares), [0] * 5, np.sqrt(shares[::-1])], "read")
    assert_drawn(echo, "strips", 0, [shares], "one")
    assert_drawn(echo, "strips", 1, [shares[::-1], shares], "write")
    assert_drawn(echo, "memory", 0, [[1, 0.5, 0], [-1, 0, 0.5]], "plus", "minus")
    assert echo.part("strips-summary").inner_text() == "Pressure and where over time"
    assert echo.part("maps-note").inner_text().startswith("Unit 0 and slot 0 are at the top.")
    assert echo.part("tape-title").inner_text() == "The shelf after this step, a column for each slot"
    assert echo.part("tape-most").inner_text() == "2"
    assert echo.part("tape").inner_text().strip() == "hand: slot 0 (1.00)"
    assert echo.part("tape").locator(".machine-below canvas").count() == 1
    assert echo.part("numbers").locator("th").all_inner_texts() == ["pressure", "where in, out", "valve"]
    assert echo.part("numbers").locator("tbody td").all_inner_texts() == ["3.00", "0.00 1.00"]
    assert echo.part("aloud").text_content() == "Hand: slot 0 (1.00)."
    assert not echo.part("N").is_visible()
    assert "N" not in echo.address()
    assert echo.control("machine").locator("option").all_inner_texts()[-2:] == ["An echo", "A mute"]
    assert echo.control("machine").input_value() == "echo"


def test_what_a_machine_does_not_list_is_not_shown(echo):
    parts = ("memory", "numbers", "strips-details", "maps-note")
    assert all(echo.part(name).is_visible() for name in parts)
    echo.control("machine").select_option("mute")
    echo.page.wait_for_function("ntm.run.signals.length === 0")
    echo.wait()
    assert not any(echo.part(name).is_visible() for name in parts)
    assert echo.part("maps").locator("canvas").count() == 0
    assert echo.part("batch").locator("canvas").count() == 5
    echo.choose("copy-ntm-lstm")
    assert all(echo.part(name).is_visible() for name in (*parts, "N"))


def test_a_machine_whose_task_or_kind_the_page_does_not_know_is_not_offered(read):
    reader = read()
    before = reader.control("task").locator("option").all_inner_texts()
    reader.ask("""() => {
        const known = Object.values(ntm.offered)[0];
        ntm.offered["riddle-sphinx"] = { ...known, name: "riddle-sphinx", task: "riddle", machine: "sphinx" };
        ntm.offered["copy-abacus"] = { ...known, name: "copy-abacus", task: "copy", machine: "abacus", kind: "Abacus" };
        location.hash = "#task=riddle&machine=sphinx";
        location.hash = "#task=copy&machine=abacus";
    }""")
    reader.page.wait_for_timeout(SETTLED)
    reader.wait()
    assert reader.control("task").locator("option").all_inner_texts() == before
    assert (reader.address()["task"], reader.address()["machine"]) in GOOD.values()
    values = reader.control("machine").evaluate("select => [...select.options].map(({ value }) => value)")
    assert values == [machine for task, machine in GOOD.values() if task == "copy"]


def test_the_page_stands_without_any_machine(built, browser):
    page = browser.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.route("**/machines/index.js", lambda route: route.fulfill(body="ntm.offered = {}; ntm.machines = {};"))
    page.goto((SITE / PAGE).as_uri())
    assert page.evaluate("[typeof drawing, Object.keys(ntm.offered).length]") == ["object", 0]
    assert not page.locator("#machine").is_visible()
    assert complaints == []
    page.close()
