"""The table of trials on the results page, made from book/trials.json.

``{trials} copy`` shows what was tried on the copy task beside the recipes of the course.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from docutils.nodes import Node
from results_tables import NOTHING, spoken, table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from course.machines import MACHINES
from course.recipes import Recipe
from course.tasks import TASKS
from course.training import Training

TRIALS = Path(__file__).parents[1] / "trials.json"


def recipe_of(trial: Mapping) -> Recipe:
    """What was tried. ``practice`` holds only what differs from the task."""
    training = dict(trial["training"])
    if "practice" in training:
        training["practice"] = replace(TASKS[trial["task"]], **training["practice"])
    return Recipe(trial["task"], trial["machine"], trial["config"], Training(**training))


def tried(trial: Mapping) -> str:
    """The recipe of a trial in words.

    >>> tried({"task": "copy", "machine": "lstm", "config": {"hidden_size": 8}, "training": {"steps": 2000}})
    '3 x 8 units, 2,000 steps of 16, rate 0.003'
    """
    recipe = recipe_of(trial)
    training, words = recipe.training, [recipe.kind.sizes_of(recipe.make())]
    words += [f"{name.replace('_', ' ')} {value}" for name, value in recipe.kind.other_keywords(recipe.config).items()]
    words += [f"{training.steps:,} steps of {training.batch_size}", f"rate {training.learning_rate}"]
    for end, ranges in training.curriculum[:1] + training.curriculum[1:][-1:]:
        for name, (lowest, highest) in ranges.items():
            span = f"{lowest} to {highest}" if lowest != highest else f"always {lowest}"
            words.append(f"{name} {span} up to step {end:,}")
    if len(training.curriculum) > 2:
        words.append(f"{len(training.curriculum) - 2} stages between the two")
    if training.practice:
        words += [f"{name} {value}" for name, value in trial["training"]["practice"].items()]
    return ", ".join(words)


def solved(trial: Mapping) -> str:
    """How many seeds solved the task, and after how many sequences.

    >>> solved({"seeds": [{"solved_at": 8752}, {"solved_at": None}]})
    '1 of 2 (8,752)'
    """
    counts = [f"{seed['solved_at']:,}" for seed in trial["seeds"] if seed["solved_at"]]
    return f"{len(counts)} of {len(trial['seeds'])}" + (f" ({', '.join(counts)})" if counts else "")


def beyond(trial: Mapping) -> str:
    """Wrong bits on longer sequences, of one seed after the other.

    >>> beyond({"seeds": [{"beyond": [{"sizes": {"length": 120}, "N": 128, "wrong": wrong}]} for wrong in (0.0, 8.8)]})
    'length 120, N 128: 0, 8.8'
    """
    found = defaultdict(list)
    for seed in trial["seeds"]:
        for asked in seed.get("beyond", ()):
            sizes = ", ".join(f"{name} {size:,}" for name, size in (asked["sizes"] | {"N": asked["N"]}).items())
            found[sizes].append(spoken(asked["wrong"]))
    return "; ".join(f"{sizes}: {', '.join(wrong)}" for sizes, wrong in found.items()) or NOTHING


def trials_table(task: str, path: Path = TRIALS) -> str:
    """All trials of a task, in Markdown: a row each."""
    rows = [["machine", "recipe", "seeds that solved it", "wrong bits", "wrong bits beyond", "what was seen"]]
    for trial in json.loads(path.read_text(encoding="utf-8")):
        if trial["task"] == task:
            wrong = ", ".join(spoken(seed["wrong"]) for seed in trial["seeds"])
            title, remark = MACHINES[trial["machine"]].title, trial["remark"] or NOTHING
            rows.append([title, tried(trial), solved(trial), wrong, beyond(trial), remark])
    return table(rows) + "\n"


class Trials(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[Node]:
        self.env.note_dependency(str(TRIALS))
        return self.parse_text_to_nodes(trials_table(self.arguments[0]))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("trials", Trials)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
