"""Trained machines: each does on fresh sequences what the manifest says, and so does the page that shows it."""

import doctest
import hashlib
import importlib
import json
import math
import pickle
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from bs4 import BeautifulSoup

from course import measures, runs, shipping
from course.__main__ import main, recipe_of
from course.command_line import parse
from course.machines import MACHINES
from course.measures import MEASURE_SEED, MEASURES, Measure, bound, measures_for
from course.pretrained import (
    MANIFEST,
    SHIPPED,
    available,
    curves,
    learning_curves,
    load,
    manifest,
    record,
)
from course.recipes import OLD_NAMES, Recipe
from course.runs import CONFIG, LOG, RESULT, Run
from course.scoring import evaluate
from course.shipping import as_json, ship
from course.storage import RunError
from course.tasks import TASKS, CopyTask
from course.tasks.base import Batch
from course.tasks.ngrams import NGramsTask
from course.training import Training

ROOT = Path(__file__).parents[1]
CHECK_SEED = 3 * 10**9  # no training, no measure and no other test has seen what it draws
LIMIT = 12_000_000  # bytes of all that is shipped
ENTRIES = manifest()
WITH_FILE = [name for name, entry in ENTRIES.items() if entry["file"] is not None]
CHECKS = [
    pytest.param(name, score, id=f"{name} {score['sizes']} N={score['N']}")
    for name in WITH_FILE
    for score in ENTRIES[name]["scores"]
    if score["at_most"]
]


# --- The machines that come with the course


@cache
def shipped(name):
    settings = ENTRIES[name]["settings"]
    return load(settings["task_name"], settings["machine"]), Recipe.from_settings(settings)


def test_every_task_has_a_machine_with_each_controller():
    assert set(available()) >= {(task, controller) for task in TASKS for controller in ("ntm-feedforward", "ntm-lstm")}


@pytest.mark.parametrize(("name", "score"), CHECKS)
def test_fresh_sequences_stay_within_the_bounds(name, score):
    machine, recipe = shipped(name)
    fresh = evaluate(machine, recipe.task, score["checked_on"], seed=CHECK_SEED, N=score["N"], **score["sizes"])
    for figure, most in score["at_most"].items():
        assert getattr(fresh, figure) <= most


@pytest.mark.parametrize("name", ENTRIES)
def test_all_that_a_machine_should_be_asked_was_asked_and_is_bounded(name):
    entry = ENTRIES[name]
    recipe = Recipe.from_settings(entry["settings"])
    scores = {(*score["sizes"].items(), score["N"]): score for score in entry["scores"]}
    every = {(*measure.sizes.items(), measure.N): measure for measure in measures_for(recipe, long=True)}
    assert {key for key, measure in every.items() if not measure.long} <= scores.keys() <= every.keys()
    for key, score in scores.items():
        measure, figure = every[key], "ratio" if isinstance(recipe.task, NGramsTask) else "wrong"
        assert (score["sequences"], score["checked_on"]) == (measure.sequences, measure.checked_on)
        assert score["seed"] == MEASURE_SEED
        if measure.checked_on:
            assert score["at_most"].keys() == {figure} and score[figure] <= score["at_most"][figure]
            assert score[figure] > measure.bar or score["at_most"][figure] <= measure.bar


@pytest.mark.parametrize("name", ENTRIES)
def test_the_command_trains_this_machine(name):
    entry = ENTRIES[name]
    assert shlex.split(entry["command"])[:3] == ["python", "-m", "course"]
    args = parse(shlex.split(entry["command"])[3:])
    recipe = recipe_of(args)
    assert name == recipe.name and args.command == "train"
    assert Recipe.from_settings(entry["settings"]) == recipe
    assert (entry["settings"]["seed"], entry["settings"]["device"]) == (args.seed, args.device)


def test_what_an_earlier_version_shipped_still_loads(tmp_path):
    """Its names and settings are translated; its files are those that are shipped today, under their old names."""
    stored = json.loads((ROOT / "tests" / "data" / "manifest-0.3.1.json").read_text())
    new = {
        name: f"{entry['settings']['name']}-{OLD_NAMES[entry['settings']['controller']]}"
        for name, entry in stored.items()
    }
    assert sorted(new.values()) == list(ENTRIES)
    for name, entry in stored.items():
        today = ENTRIES[new[name]]
        shutil.copy(SHIPPED / today["curves"], tmp_path / f"{name}.curves.json")
        if entry["file"]:
            shutil.copy(SHIPPED / today["file"], tmp_path / entry["file"])
        assert Recipe.from_settings(entry["settings"]) == Recipe.from_settings(today["settings"])
    (tmp_path / MANIFEST).write_text(json.dumps(stored))
    assert sorted(available(tmp_path)) == available()
    for task, machine in available():
        same_weights(load(task, machine, directory=tmp_path), load(task, machine))
        assert curves(task, machine, tmp_path) == curves(task, machine)
    assert record("copy", "lstm", tmp_path)["seeds"] == stored["copy-baseline"]["seeds"]


def same_weights(one, other):
    assert type(one) is type(other)
    for (name, value), (other_name, expected) in zip(one.state_dict().items(), other.state_dict().items(), strict=True):
        assert name == other_name and torch.equal(value, expected)


def test_a_controller_names_an_ntm_as_before():
    for controller in ("feedforward", "lstm"):
        same_weights(load("copy", controller=controller), load("copy", f"ntm-{controller}"))
        assert record("n-grams", controller=controller) == record("n-grams", f"ntm-{controller}")
    same_weights(load("copy"), load("copy", "ntm-lstm"))


@pytest.mark.parametrize("name", ENTRIES)
def test_record_and_curves_tell_of_the_same_seeds(name):
    settings, outcomes = ENTRIES[name]["settings"], {outcome["seed"]: outcome for outcome in ENTRIES[name]["seeds"]}
    assert outcomes[settings["seed"]]["wrong"] is not None and ENTRIES[name]["chosen"]
    learned = curves(settings["task_name"], settings["machine"])
    assert learned.keys() == outcomes.keys()
    for seed, curve in learned.items():
        assert (curve["steps"][-1], curve["sequences"][-1]) == (outcomes[seed]["steps"], outcomes[seed]["sequences"])
        assert curve["sequences"] == [settings["training"]["batch_size"] * step for step in curve["steps"]]
        assert curve["steps"] == sorted(set(curve["steps"]))
        assert 1 <= len(curve["bits"]) == len(curve["wrong"]) == len(curve["steps"]) <= shipping.POINTS


def test_files_are_those_of_the_manifest():
    assert list(ENTRIES) == sorted(ENTRIES)
    curve_files = {f"{name}.curves.json" for name in ENTRIES}
    assert {path.name for path in SHIPPED.iterdir()} == {
        MANIFEST,
        *curve_files,
        *(f"{n}.safetensors" for n in WITH_FILE),
    }
    for name in WITH_FILE:
        content = (SHIPPED / ENTRIES[name]["file"]).read_bytes()
        assert ENTRIES[name]["file"] == f"{name}.safetensors"
        assert ENTRIES[name]["sha256"] == hashlib.sha256(content).hexdigest()
        assert ENTRIES[name]["bytes"] == len(content)
    assert all(entry["settings"]["machine"] == "lstm" for entry in ENTRIES.values() if entry["file"] is None)


def test_files_are_small_enough_and_installed_with_the_package():
    files = list(SHIPPED.iterdir())
    assert sum(path.stat().st_size for path in files) <= LIMIT
    packaging = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    installed = {path for pattern in packaging["package-data"]["course"] for path in (ROOT / "course").glob(pattern)}
    assert installed == set(files)


# --- Shipping, with machines that take a second to train

SIZES = {"controller_size": 8, "N": 6, "M": 4}
TINY = Recipe("copy", "ntm-lstm", SIZES, Training(40, batch_size=4), CopyTask(bits=2, max_length=3))
QUICK = [
    Measure(30, 10),
    Measure(20, 10, {"length": 2}, bar=100.0),
    Measure(20, 5, {"length": 2}, N=9),
    Measure(10, 0, {"length": 9}, N=30, long=True),
]


@pytest.fixture
def quick(monkeypatch):
    """Ask few and short sequences."""
    monkeypatch.setitem(MEASURES, "copy", QUICK)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs: three seeds of the NTM, of which the last broke off, and two of the LSTM alone."""
    base = tmp_path_factory.mktemp("runs")
    for recipe in [TINY, replace(TINY, machine="lstm", config={"hidden_size": 5, "layers": 1})]:
        for seed in range(3 if recipe is TINY else 2):
            name = f"{recipe.name}-{seed}"
            run = Run(base / name, recipe, seed, command=f"python -m course train copy --folder {name}")
            run.open()
            run.train(report_every=15)
            if seed < 2:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(runs, "FINAL_SEQUENCES", 20)
                    run.finish()
            run.close()
    return base


@pytest.fixture(scope="module")
def shop(trained, tmp_path_factory):
    """A directory of shipped machines, one of them too large to have a file."""
    directory = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MEASURES, "copy", QUICK)
        ship(
            [trained / f"copy-ntm-lstm-{seed}" for seed in (1, 0, 2)],
            " the second, to see that it is ",
            directory=directory,
        )
        patch.setattr(shipping, "LARGEST", 1000)
        ship([trained / "copy-lstm-0", trained / "copy-lstm-1"], "the first", directory=directory)
    return directory


def test_a_shipped_machine_is_the_trained_one(trained, shop):
    machine = load("copy", directory=shop)
    assert not machine.training
    batch = TINY.task.sample(5, seed=1)
    expected, _ = runs.load_run(trained / "copy-ntm-lstm-1")
    torch.testing.assert_close(machine(batch.inputs)[0], expected(batch.inputs)[0], rtol=0, atol=0)
    assert load("copy", "ntm-lstm", "meta", shop).output.weight.device.type == "meta"
    assert available(shop) == [("copy", "ntm-lstm")]


def test_the_record_is_that_of_the_runs(trained, shop):
    entry, config = record("copy", "ntm-lstm", shop), json.loads((trained / "copy-ntm-lstm-1" / CONFIG).read_text())
    assert {key: entry[key] for key in config} == config
    assert entry["chosen"] == "the second, to see that it is"
    assert [outcome["seed"] for outcome in entry["seeds"]] == [0, 1, 2]
    result = json.loads((trained / "copy-ntm-lstm-0" / RESULT).read_text())
    assert [entry["seeds"][0][key] for key in ("seed", "solved_at")] == [0, result["solved_at"]]
    for key in ("steps", "sequences", "seconds", "bits", "wrong"):
        assert entry["seeds"][0][key] == pytest.approx(result[key], rel=1e-5)
    broken = entry["seeds"][2]
    assert broken["steps"] == 40 and broken["sequences"] == 160 and broken["seconds"] > 0
    assert [broken[key] for key in ("solved_at", "solved_seconds", "bits", "wrong")] == [None] * 4
    assert curves("copy", "ntm-lstm", shop).keys() == {0, 1, 2}
    assert curves("copy", "ntm-lstm", shop)[1]["steps"] == [15, 30, 40]
    assert curves("copy", "ntm-lstm", shop)[1]["sequences"] == [60, 120, 160]
    drawn = learning_curves("copy", shop)["NTM, LSTM"]
    points = zip(*(curve["bits"] for curve in curves("copy", "ntm-lstm", shop).values()), strict=False)
    assert drawn.sequences_a_point == 60 and drawn.bits == [sorted(point)[1] for point in points]


def test_scores_are_those_of_the_shipped_machine(shop):
    machine = load("copy", directory=shop)
    scores = record("copy", "ntm-lstm", shop)["scores"]
    assert [(score["sizes"], score["N"]) for score in scores] == [({}, None), ({"length": 2}, None), ({"length": 2}, 9)]
    for score in scores:
        asked = {"N": score["N"], **score["sizes"]}
        again = evaluate(machine, TINY.task, score["sequences"], seed=score["seed"], **asked)
        for figure in ("asked", "wrong", "bits"):
            assert score[figure] == pytest.approx(getattr(again, figure), rel=1e-5)
        assert "ratio" not in score and "optimum" not in score
        fresh = evaluate(machine, TINY.task, score["checked_on"], seed=CHECK_SEED, **asked)
        assert fresh.wrong <= score["at_most"]["wrong"] < 10


def test_a_machine_of_fixed_size_is_asked_once_and_a_large_one_has_no_file(trained, shop, tmp_path, quick):
    entry = record("copy", "lstm", shop)
    assert entry["file"] is entry["bytes"] is entry["sha256"] is None
    assert [(score["sizes"], score["N"]) for score in entry["scores"]] == [({}, None), ({"length": 2}, None)]
    assert not (shop / "copy-lstm.safetensors").exists()
    with pytest.raises(RunError, match="too large.*: python -m course train copy --folder copy-lstm-0$"):
        load("copy", "lstm", directory=shop)
    ship([trained / "copy-lstm-0"], "the only one", directory=tmp_path)
    assert load("copy", "lstm", directory=tmp_path).lstm.hidden_size == 5


def test_shipping_again_replaces_one_machine_and_no_other(trained, shop, tmp_path, quick, capsys):
    shutil.copytree(shop, tmp_path / "w")
    folder = str(trained / "copy-ntm-lstm-0")
    words = ["ship", folder, folder, "--chosen", "another", "--into", str(tmp_path / "w"), "--long"]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[-3:-1]] == ["length 2, N 9", "length 9, N 30"]
    after = manifest(tmp_path / "w")
    assert after["copy-lstm"] == manifest(shop)["copy-lstm"]
    assert after["copy-ntm-lstm"]["chosen"] == "another" and after["copy-ntm-lstm"]["settings"]["seed"] == 0
    assert after["copy-ntm-lstm"]["scores"][-1]["sizes"] == {"length": 9}
    assert after["copy-ntm-lstm"]["scores"][-1]["at_most"] == {}
    assert curves("copy", "ntm-lstm", tmp_path / "w").keys() == {0}
    load("copy", "ntm-lstm", directory=tmp_path / "w")


def change(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda base: None, None),
        (
            lambda base: change(base / "copy-ntm-lstm-0" / CONFIG, '"steps": 40', '"steps": 41'),
            "of another recipe.*: training.steps$",
        ),
        (
            lambda base: change(base / "copy-ntm-lstm-0" / CONFIG, '"seed": 0', '"seed": 1'),
            "has the seed 1 of .*copy-ntm-lstm-1$",
        ),
        (
            lambda base: (base / "copy-ntm-lstm-1" / RESULT).unlink(),
            "is not finished; .*copy-ntm-lstm-1 --resume$",
        ),
        (lambda base: (base / "copy-ntm-lstm-0" / LOG).unlink(), "cannot read .*copy-ntm-lstm-0/log.jsonl"),
        (lambda base: (base / "copy-ntm-lstm-0" / LOG).write_text(""), "is empty"),
        (lambda base: (base / "copy-ntm-lstm-0" / LOG).write_text("{'step"), "log.jsonl is damaged"),
        (
            lambda base: (base / "copy-ntm-lstm-1" / runs.WEIGHTS).write_bytes(b"x" * 100),
            "weights.safetensors is damaged",
        ),
        (
            lambda base: shutil.copy(base / "copy-lstm-0" / runs.WEIGHTS, base / "copy-ntm-lstm-1"),
            "weights.safetensors is of another recipe",
        ),
        (lambda base: shutil.rmtree(base / "copy-ntm-lstm-0"), "cannot read .*copy-ntm-lstm-0/config.json"),
    ],
)
def test_runs_that_cannot_be_shipped_leave_everything_as_it_was(trained, shop, tmp_path, quick, spoil, message):
    base, directory = shutil.copytree(trained, tmp_path / "runs"), shutil.copytree(shop, tmp_path / "w")
    before = {path: path.read_bytes() for path in directory.iterdir()}
    spoil(base)
    folders = [base / "copy-ntm-lstm-1", base / "copy-ntm-lstm-0"]
    if message is None:  # unspoiled, it can: the others are not refused for nothing
        ship(folders, "why not", directory=directory)
        return
    with pytest.raises(RunError, match=message) as caught:
        ship(folders, "why not", directory=directory)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in directory.iterdir()} == before


def test_a_choice_without_a_reason_is_refused(trained, tmp_path):
    with pytest.raises(RunError, match="say why"):
        ship([trained / "copy-ntm-lstm-0"], " ", directory=tmp_path)


def test_the_manifest_can_be_read_by_people_and_by_json(shop):
    content = {"b": {"x": [1, {"y": None}], "empty": {}}, "a": "two\nlines"}
    assert all(json.loads(as_json(content, depth)) == content for depth in range(5))
    text = (shop / MANIFEST).read_text()
    assert text.endswith("}\n") and max(map(len, text.splitlines())) < 400


def test_a_curve_of_few_points_averages_all_reports():
    log = [{"step": 3 * i, "sequences": 12 * i, "bits": float(i), "wrong": 1.0 / i} for i in range(1, 1000)]
    log.append({"step": 2998, "sequences": 11992, "bits": 500.0, "wrong": 0.0})  # the last report came early
    curve = shipping._curve(log)
    assert len(curve["bits"]) == 100 and curve["steps"][-1] == 2998 and curve["steps"][0] == 30
    assert curve["bits"][0] == 5.5
    assert curve["bits"][-1] == pytest.approx((3 * sum(range(991, 1000)) + 500) / 28, rel=1e-3)


# --- Files that are not what they should be


class Trap:
    """Unpickling it creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def forge(directory, content, **changes):
    """Put content in place of the machine's weights and make the manifest agree with it."""
    (directory / "copy-ntm-lstm.safetensors").write_bytes(content)
    entries = manifest(directory)
    entries["copy-ntm-lstm"] |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    entries["copy-ntm-lstm"]["settings"] |= changes
    (directory / MANIFEST).write_text(json.dumps(entries))


def flip(content, position):
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path, content: path.unlink(), "cannot read .*copy-ntm-lstm.safetensors: No such file"),
        (lambda path, content: path.write_bytes(content[:-1]), "is damaged or of another machine"),
        (lambda path, content: path.write_bytes(b""), "is damaged or of another machine: it has 0 bytes"),
        (lambda path, content: path.write_bytes(flip(content, 5)), "is damaged or of another machine"),
        (lambda path, content: path.write_bytes(flip(content, len(content) - 5)), "is damaged or of another machine"),
        (lambda path, content: path.rename(path.with_name("copy-ntm-feedforward.safetensors")), "cannot read"),
        (lambda path, content: forge(path.parent, flip(content, len(content) - 5)), "damaged.*checksum"),
        (lambda path, content: forge(path.parent, content, config={"M": 5}), "settings are not those of copy-ntm-lstm"),
        (
            lambda path, content: forge(path.parent, pickle.dumps(Trap(path.parent / "trap"))),
            "is damaged or is no file",
        ),
        (lambda path, content: (path.parent / MANIFEST).unlink(), "cannot read .*manifest.json"),
        (lambda path, content: (path.parent / MANIFEST).write_text("{"), "manifest.json is damaged"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(shop, tmp_path, spoil, message):
    directory = shutil.copytree(shop, tmp_path / "w")
    path = directory / "copy-ntm-lstm.safetensors"
    spoil(path, path.read_bytes())
    with pytest.raises(RunError, match=message) as caught:
        load("copy", "ntm-lstm", directory=directory)
    assert "\n" not in str(caught.value)
    assert not (directory / "trap").exists()


def test_the_weights_of_another_seed_are_refused(trained, shop, tmp_path):
    directory = shutil.copytree(shop, tmp_path / "w")
    shutil.copy(trained / "copy-ntm-lstm-0" / runs.WEIGHTS, directory / "copy-ntm-lstm.safetensors")
    with pytest.raises(RunError, match="of another machine"):
        load("copy", "ntm-lstm", directory=directory)


def test_missing_curves_and_unknown_names(shop, tmp_path):
    directory = shutil.copytree(shop, tmp_path / "w")
    (directory / "copy-ntm-lstm.curves.json").unlink()
    with pytest.raises(RunError, match="cannot read .*copy-ntm-lstm.curves.json"):
        curves("copy", "ntm-lstm", directory)
    for ask_for in (load, record, curves):
        with pytest.raises(RunError, match="no trained machine 'copi-ntm-lstm'; there are: copy-lstm, copy-ntm-lstm$"):
            ask_for("copi", "ntm-lstm", directory=directory)
    (directory / MANIFEST).write_text("{}")
    with pytest.raises(RunError, match="there are: none yet"):
        load("copy", directory=directory)


# --- What machines are asked


class Answering(torch.nn.Module):
    """Called like a machine; answers what a function of the inputs says."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.unused = answer, torch.nn.Parameter(torch.zeros(1))

    def forward(self, inputs, state):
        return self.answer(inputs), None


def test_a_perfect_copy_a_coin_and_the_opposite():
    def copied(inputs):
        return (inputs.roll(len(inputs) // 2 + 1, dims=0)[..., :-1] - 0.5) * 100

    asked = {"sequences": 25, "seed": 0, "length": 7}
    score = evaluate(Answering(copied), CopyTask(), **asked)
    assert (score.asked, score.wrong, score.optimum, score.ratio) == (56, 0, None, None)
    assert score.bits == pytest.approx(0) and score.draws == (0.0,) * 25 and score.judged == ("wrong", 0)
    score = evaluate(Answering(lambda inputs: -copied(inputs)), CopyTask(), **asked)
    assert score.wrong == 56 and score.draws == (56.0,) * 25
    assert evaluate(Answering(lambda inputs: 0 * copied(inputs)), CopyTask(), **asked).bits == pytest.approx(56)
    score = evaluate(Answering(copied), CopyTask(), 25, seed=0)
    assert len(score.draws) == 3 and 8 <= score.asked <= 160


def test_the_best_estimator_has_ratio_one_and_a_coin_more():
    task = NGramsTask(length=40)

    def best(inputs):
        targets = torch.cat([inputs[1:], inputs[:1]])
        return task.optimal(Batch(inputs, targets, targets > -1)).unsqueeze(-1).logit()

    score = evaluate(Answering(best), task, 20, seed=0)
    assert score.ratio == pytest.approx(1, abs=1e-5) and score.draws == pytest.approx((1, 1), abs=1e-5)
    assert score.bits == pytest.approx(score.optimum, rel=1e-5) and 20 < score.optimum < 40
    score = evaluate(Answering(lambda inputs: 0 * best(inputs)), task, 20, seed=0)
    assert score.bits == pytest.approx(40) and score.ratio == pytest.approx(40 / score.optimum)
    assert score.judged == ("ratio", score.ratio)


@pytest.mark.parametrize("task", TASKS)
def test_every_measure_can_be_drawn_and_is_drawn_apart(task):
    asked = [(*measure.sizes.items(), measure.N) for measure in MEASURES[task]]
    assert len(set(asked)) == len(asked)
    assert not MEASURES[task][0].sizes and MEASURES[task][0].sequences >= 20
    for measure in MEASURES[task]:
        assert TASKS[task].sample(1, 0, **measure.sizes).mask.any()


def test_a_machine_of_fixed_size_is_asked_without_a_size(quick):
    learned = replace(TINY, config={**SIZES, "memory_start": "learned"})
    assert measures_for(TINY) == QUICK[:3] and measures_for(TINY, long=True) == QUICK
    assert measures_for(learned) == QUICK[:2]
    assert [measure.N for measure in measures_for(learned, long=True)] == [None] * 3


def test_fresh_sequences_seldom_break_a_bound():
    """For wrong bits that are rare and come in bursts, and for those that every sequence has."""
    generator = torch.Generator().manual_seed(0)
    for deviation in (0.0, 3.0):
        broken = 0
        for _ in range(300):
            fresh = torch.randn(1100, generator=generator) * deviation + 10
            fresh += 20 * (torch.rand(1100, generator=generator) < 0.05)
            most = bound(fresh[:1000].tolist(), 1000, Measure(1000, 100))
            assert most < 10 + 20 * 0.05 + 4 * 6
            broken += fresh[1000:].mean().item() > most
        assert broken <= 1


def test_a_bound_is_never_looser_than_the_bar_that_was_reached():
    draws = [0.0, 1.0, 0.0, 3.0]
    free = bound(draws, 4, Measure(4, 4))
    assert free > 1 + 4 * 1.4 * 0.7 > 1.5
    assert bound(draws, 4, Measure(4, 4, bar=1.5)) == 1.5
    assert bound(draws, 4, Measure(4, 4, bar=0.5)) == free
    assert bound([0.0] * 4, measures.MANY, Measure(measures.MANY, 4)) == 0
    assert (
        0 < bound([0.0] * 20, 20, Measure(20, 2)) == pytest.approx(4 * math.sqrt(1 / 20 * (1 / 20 + 1 / 2)), abs=1e-4)
    )


# --- The page of results


@pytest.fixture(scope="module")
def page():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "book" / "_ext"))
        return importlib.import_module("results_tables")


def rows(markdown):
    """The cells of every row of the tables, by the row's first cells."""
    lines = [line.strip("| ").split(" | ") for line in markdown.splitlines() if line.startswith("| ")]
    return {tuple(cells[:-3]): dict(zip(MACHINES, cells[-3:], strict=True)) for cells in lines}


def numbers(cell):
    return [float(number) for number in re.findall(r"[\d.]+", cell.replace(",", ""))]


def assert_true(markdown, entries):
    """Every cell that a machine has a number for shows that number, rounded."""
    table = rows(markdown)
    for entry in entries:
        machine, seeds = entry["settings"]["machine"], entry["seeds"]
        solved = [outcome["solved_at"] for outcome in seeds if outcome["solved_at"] is not None]
        counts = [] if entry["settings"]["task_name"] == "n-grams" else [len(solved), len(seeds)]
        assert numbers(table["seeds that solved it",][machine]) == counts
        for row, key in [("sequences in all", "sequences"), ("bits per sequence at the end", "bits")]:
            values = sorted(math.inf if outcome[key] is None else outcome[key] for outcome in seeds)
            shown = numbers(table[row,][machine])
            if values[len(values) // 2] < math.inf:  # at least the middle one was reached
                middle = (values[len(values) // 2] + values[(len(values) - 1) // 2]) / 2
                assert shown[0] == pytest.approx(middle, rel=0.06, abs=1e-3)
        for score in entry["scores"]:
            sizes = ", ".join(f"{name} {size:,}" for name, size in score["sizes"].items()) or "as in training"
            sequences = f"{score['sequences']:,}"
            memory = "as in training" if score["N"] is None else f"{score['N']:,} locations"
            shown = [cells[machine] for row, cells in table.items() if row == (sizes, memory, sequences)]
            if not shown:  # a machine that cannot change its memory was asked once for all sizes of it
                shown = [cells[machine] for row, cells in table.items() if row[::2] == (sizes, sequences)]
            keys = ("bits", "optimum", "ratio") if "ratio" in score else ("wrong", "asked")
            expected = pytest.approx([score[key] for key in keys], rel=0.06, abs=1e-3)
            assert shown and all(numbers(cell) == expected for cell in shown)
        assert entry["command"] in markdown and entry["chosen"] in markdown


def test_tables_say_what_the_manifest_says(page, shop, quick):
    markdown = page.tables("copy", shop)
    assert_true(markdown, manifest(shop).values())
    table = rows(markdown)
    assert set(table["seeds that solved it",].values()) == {"–", "0 of 3", "0 of 2"}
    assert table["bits per sequence at the end",]["ntm-lstm"].endswith(" to –)"), "the seed that broke off"
    assert table["shipped",]["ntm-lstm"].startswith("seed 1, number ")
    assert table["length 9", "30 locations", "10"] == dict.fromkeys(MACHINES, "–")
    assert table["machine in the paper; weights",]["ntm-feedforward"].endswith(" 17,162")
    with pytest.raises(AssertionError):
        assert_true(markdown.replace("0 of 3", "1 of 3"), manifest(shop).values())


def test_helpers_of_the_page(page):
    result = doctest.testmod(page)
    assert result.attempted >= 2 and not result.failed


def test_the_built_page_agrees_with_the_manifest(page, tmp_path):
    """Every task has its tables, and what a reader sees in them is what the manifest gives."""
    source = (ROOT / "book" / "results.md").read_text()
    assert re.findall(r"^```\{results\} (\S+)$", source, re.MULTILINE) == list(TASKS)
    for name in ("results.md", "references.bib"):
        shutil.copy(ROOT / "book" / name, tmp_path)
    (tmp_path / "index.md").write_text("# Book\n\n```{toctree}\nresults\n```\n\n```{bibliography}\n```\n")
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book' / '_ext')!r})\n"
        "extensions = ['myst_parser', 'results_tables', 'trials_table', 'sphinxcontrib.bibtex']\n"
        "bibtex_bibfiles = ['references.bib']\n"
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", tmp_path, tmp_path / "out"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stderr == ""
    html = BeautifulSoup((tmp_path / "out" / "results.html").read_text(), "html.parser")
    generated = [table for table in html.select("table") if table.th.get_text() in ("training", "fresh sequences")]
    lines = [row for table in generated for row in table.select("tr")]
    built = [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in lines]
    source = [line for task in TASKS for line in page.tables(task).splitlines() if line.startswith("| ")]
    assert len(generated) == 2 * len(TASKS)
    assert built == [line.strip("|").strip().split(" | ") for line in source]
    for task in TASKS:
        assert_true(page.tables(task), [entry for entry in ENTRIES.values() if entry["settings"]["task_name"] == task])
    commands = html.get_text()
    assert all(entry["command"] in commands for entry in ENTRIES.values())
