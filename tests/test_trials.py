"""The trials on the results page: each a recipe that can be tried again, and each number in the table that shows it."""

import doctest
import importlib
import json
import re
from pathlib import Path

import pytest

from course.machines import MACHINES
from course.recipes import RECIPES
from course.tasks import TASKS

BOOK = Path(__file__).parents[1] / "book"
TRIALS = json.loads((BOOK / "trials.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BOOK / "_ext"))
        return importlib.import_module("trials_table")


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: f"{trial['task']}-{trial['machine']}")
def test_a_trial_is_a_recipe_that_can_be_tried_again(page, trial):
    recipe = page.recipe_of(trial)
    assert recipe.task == TASKS[recipe.task_name]
    batch = (recipe.training.practice or recipe.task).sample(2, seed=0)
    outputs, _ = recipe.make()(batch.inputs)
    assert outputs.shape == batch.targets.shape
    for _, ranges in recipe.training.curriculum:
        recipe.task.sample(1, seed=0, **{name: highest for name, (_, highest) in ranges.items()})
    seeds = [seed["seed"] for seed in trial["seeds"]]
    assert seeds == sorted(set(seeds)) and seeds
    for seed in trial["seeds"]:
        assert seed["solved_at"] is None or 0 < seed["solved_at"] <= recipe.training.steps * recipe.training.batch_size
        assert seed["wrong"] is None or seed["wrong"] >= 0


def test_no_trial_is_told_twice(page):
    told = [(trial["task"], trial["machine"], page.tried(trial), trial["remark"]) for trial in TRIALS]
    assert len(set(told)) == len(told)


def test_the_tables_say_what_the_file_says(page):
    source = (BOOK / "results.md").read_text(encoding="utf-8")
    assert re.findall(r"^```\{trials\} (\S+)$", source, re.MULTILINE) == list(TASKS)
    for task in TASKS:
        lines = page.trials_table(task).splitlines()[2:]
        trials = [trial for trial in TRIALS if trial["task"] == task]
        assert len(lines) == len(trials) > 0
        for line, trial in zip(lines, trials, strict=True):
            _, title, recipe, solved, wrong, beyond, remark, _ = [cell.strip() for cell in line.split("|")]
            settings = trial["config"] | trial["training"]
            assert title == MACHINES[trial["machine"]].title
            told = {
                "N": "{} x 20 memory",
                "controller_size": "{} units",
                "hidden_size": "3 x {} units",
                "steps": "{:,} steps",
            }
            assert sum(name in settings for name in told) >= 2
            for name in told.keys() & settings.keys():
                assert told[name].format(settings[name]) in recipe
            counts = [seed["solved_at"] for seed in trial["seeds"] if seed["solved_at"]]
            assert numbers(solved) == [len(counts), len(trial["seeds"]), *counts]
            assert numbers(wrong) == pytest.approx(given(trial["seeds"]), rel=0.06)
            asked = [asked for seed in trial["seeds"] for asked in seed.get("beyond", ())]
            shown = [number for part in beyond.split("; ") for number in numbers(part.partition(": ")[2])]
            assert sorted(shown) == pytest.approx(sorted(given(asked)), rel=0.06)
            assert remark == (trial["remark"] or "–")


def test_a_remark_that_is_lost_is_noticed(page, tmp_path):
    """And so is any other cell: a table of another file is not the table of this one."""
    task = next(trial["task"] for trial in TRIALS if trial["remark"])
    other = [trial | {"remark": ""} for trial in TRIALS]
    (tmp_path / "trials.json").write_text(json.dumps(other), encoding="utf-8")
    remarks = [line.split("|")[-2].strip() for line in page.trials_table(task).splitlines()[2:]]
    lost = [line.split("|")[-2].strip() for line in page.trials_table(task, tmp_path / "trials.json").splitlines()[2:]]
    assert set(lost) == {"–"} and set(remarks) != {"–"}


def test_the_doctests_of_the_table(page):
    result = doctest.testmod(page)
    assert result.attempted and not result.failed


def test_the_recipes_of_the_course_are_no_trials(page):
    """What is shipped is in the tables above; a trial with the same recipe must say that its seeds are others."""
    for trial in TRIALS:
        if page.recipe_of(trial) == RECIPES[trial["task"], trial["machine"]]:
            assert "other seeds" in trial["remark"]


def given(records):
    return [record["wrong"] for record in records if record["wrong"] is not None]


def numbers(cell):
    return [
        float(number) for number in re.findall(r"\d[\d,.]*", re.sub(r"(?<=\d),(?=\d)", "", cell).replace(", ", " "))
    ]
