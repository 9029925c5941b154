"""The tables of the results page, made from the manifest of the shipped machines whenever the book is built.

``{results} copy`` shows what the manifest says of the copy task, so that the page cannot say anything else.
"""

from collections.abc import Callable, Iterable, Mapping
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

from docutils.nodes import Node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from course.machines import MACHINES
from course.measures import MEASURES, Measure
from course.pretrained import MANIFEST, SHIPPED, curves, manifest
from course.recipes import Recipe
from course.tasks import TASKS

PAPER = {  # tables 1 to 3: heads and units of the controller, or layers and units; weights
    "copy": {
        "ntm-feedforward": "1 head, 100 units; 17,162",
        "ntm-lstm": "1 head, 100 units; 67,561",
        "lstm": "3 x 256 units; 1,352,969",
    },
    "repeat-copy": {
        "ntm-feedforward": "1 head, 100 units; 16,712",
        "ntm-lstm": "1 head, 100 units; 66,111",
        "lstm": "3 x 512 units; 5,312,007",
    },
    "associative-recall": {
        "ntm-feedforward": "4 heads, 256 units; 146,845",
        "ntm-lstm": "1 head, 100 units; 70,330",
        "lstm": "3 x 256 units; 1,344,518",
    },
    "n-grams": {
        "ntm-feedforward": "1 head, 100 units; 14,656",
        "ntm-lstm": "1 head, 100 units; 61,749",
        "lstm": "3 x 128 units; 331,905",
    },
    "priority-sort": {
        "ntm-feedforward": "8 heads, 512 units; 508,305",
        "ntm-lstm": "5 heads, 2 x 100 units; 269,038",
        "lstm": "3 x 128 units; 384,424",
    },
}
NOTHING = "–"


def spoken(value: float | None) -> str:
    """A number as people say it.

    >>> [spoken(value) for value in (0, 0.0004, 0.0123, 9.87, 133.42, 131071.6, None)]
    ['0', '< 0.001', '0.012', '9.9', '133.4', '131,072', '–']
    """
    if value is None or value == inf:
        return NOTHING
    if value >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2g}" if value >= 0.001 else "< 0.001"


def over_seeds(entry: Mapping, key: str) -> str:
    """The median over all seeds, and its range. A seed that never got there counts as later than all others.

    >>> over_seeds({"seeds": [{"bits": 2.0}, {"bits": 1.5}, {"bits": None}]}, "bits")
    '2 (1.5 to –)'
    """
    values = [inf if outcome[key] is None else outcome[key] for outcome in entry["seeds"]]
    middle, least, most = median(values), min(values), max(values)
    return spoken(middle) if least == most else f"{spoken(middle)} ({spoken(least)} to {spoken(most)})"


def made_of(entry: Mapping) -> str:
    """Sizes and weights of a machine."""
    recipe = Recipe.from_settings(entry["settings"])
    machine = recipe.make()
    return f"{recipe.kind.sizes_of(machine)}; {sum(parameter.numel() for parameter in machine.parameters()):,}"


def solved(entry: Mapping) -> str:
    """How many seeds solved the task. Where chance decides what is right, no machine can."""
    if any("optimum" in score for score in entry["scores"]):
        return NOTHING
    count = sum(outcome["solved_at"] is not None for outcome in entry["seeds"])
    return f"{count} of {len(entry['seeds'])}"


def shipped(entry: Mapping) -> str:
    """Which seed is shipped, and how its end compares with the others'."""
    ends = {outcome["seed"]: (outcome["wrong"], outcome["bits"]) for outcome in entry["seeds"]}
    own = ends[entry["settings"]["seed"]]
    rank = 1 + sum(end < own for end in ends.values() if None not in end)
    return f"seed {entry['settings']['seed']}, number {rank} of {len(ends)} by its end"


TRAINING: dict[str, Callable[[Mapping], str]] = {
    "machine here; weights": made_of,
    "seeds that solved it": solved,
    "sequences until solved": lambda entry: over_seeds(entry, "solved_at"),
    "seconds until solved": lambda entry: over_seeds(entry, "solved_seconds"),
    "sequences in all": lambda entry: over_seeds(entry, "sequences"),
    "seconds in all": lambda entry: f"{over_seeds(entry, 'seconds')} on {entry['settings']['device']}",
    "bits per sequence at the end": lambda entry: over_seeds(entry, "bits"),
    "wrong bits per sequence at the end": lambda entry: over_seeds(entry, "wrong"),
    "shipped": shipped,
}


def scored(entry: Mapping | None, measure: Measure) -> str:
    """What a machine scored. One that cannot change its memory was asked without a size of it."""
    scores = {(*score["sizes"].items(), score["N"]): score for score in entry["scores"]} if entry else {}
    sizes = tuple(measure.sizes.items())
    score = scores.get((*sizes, measure.N)) or scores.get((*sizes, None))
    if score is None:
        return NOTHING
    if "ratio" in score:
        return f"{score['bits']:.2f} bits; optimum {score['optimum']:.2f}; ratio {score['ratio']:.4f}"
    return f"{spoken(score['wrong'])} of {spoken(score['asked'])}"


def at_equal_cost(learned: Mapping[str, Mapping[int, Mapping]]) -> list[str]:
    """A row of the losses where all machines have seen the same number of sequences: as many as the briefest training.

    Args:
        learned: for each machine the learning curves of its seeds, as :func:`course.pretrained.curves` gives them.

    >>> curve = {"sequences": [100, 200], "bits": [9.0, 4.0]}
    >>> at_equal_cost({"ntm-lstm": {0: curve}, "lstm": {0: {"sequences": [100], "bits": [7.0]}}})
    ['bits per sequence after 100 sequences', '9', '7']
    """
    count = min(curve["sequences"][-1] for seeds in learned.values() for curve in seeds.values())
    row = [f"bits per sequence after {count:,} sequences"]
    for seeds in learned.values():
        reached = [next(i for i, seen in enumerate(curve["sequences"]) if seen >= count) for curve in seeds.values()]
        row.append(spoken(median(curve["bits"][i] for curve, i in zip(seeds.values(), reached, strict=True))))
    return row


def table(rows: Iterable[Iterable[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|---" * (head.count(" | ") + 1) + "|", *body])


def tables(task: str, directory: Path = SHIPPED) -> str:
    """All that the page says of a task, in Markdown. Each machine of the registry has a column."""
    entries = {machine: manifest(directory).get(f"{task}-{machine}") for machine in MACHINES}
    trained, titles = (
        {machine: entry for machine, entry in entries.items() if entry},
        [k.title for k in MACHINES.values()],
    )
    paper = PAPER.get(task, {})
    training = [["training", *titles]]
    training += [["machine in the paper; weights", *(paper.get(machine, NOTHING) for machine in MACHINES)]]
    training += [[name, *(cell(e) if e else NOTHING for e in entries.values())] for name, cell in TRAINING.items()]
    if trained:
        name, *cells = at_equal_cost({machine: curves(task, machine, directory) for machine in trained})
        shown = dict(zip(trained, cells, strict=True))
        training.append([name, *(shown.get(machine, NOTHING) for machine in MACHINES)])
    asked = [["fresh sequences", "memory", "how many", *titles]]
    for measure in MEASURES.get(task, ()):
        sizes = ", ".join(f"{name} {size:,}" for name, size in measure.sizes.items()) or "as in training"
        memory = f"{measure.N:,} locations" if measure.N else "as in training"
        cells = (scored(entry, measure) for entry in entries.values())
        asked.append([sizes, memory, f"{measure.sequences:,}", *cells])
    choice = [f"- {MACHINES[machine].title}: {entry['chosen']}" for machine, entry in trained.items()]
    commands = "\n".join(entry["command"] for entry in trained.values())
    parts = [table(training), table(asked)]
    if trained:
        parts += ["Why these seeds are shipped:", "\n".join(choice), "To train them again:", f"```\n{commands}\n```"]
    return "\n\n".join(parts) + "\n"


class Results(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[Node]:
        if self.arguments[0] not in TASKS:
            raise self.error(f"no task {self.arguments[0]!r}; there are: {', '.join(TASKS)}")
        self.env.note_dependency(str(SHIPPED / MANIFEST))
        return self.parse_text_to_nodes(tables(self.arguments[0]))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("results", Results)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
