"""Put trained machines into ``course/weights/``: what ``python -m course ship`` does."""

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from torch import nn
from tqdm import tqdm

from course.measures import MEASURES, measures_for, take
from course.pretrained import MANIFEST, SHIPPED, manifest
from course.recipes import Recipe, upgraded
from course.runs import CONFIG, LOG, RESULT, WEIGHTS, load_run
from course.storage import RunError, differences, read_json, write_whole, writing

LARGEST = 1_600_000  # bytes; a machine that takes more is not shipped, only its record
BOOK = Path(__file__).parents[1] / "book"
POINTS = 100  # of a learning curve, at most


def ship(
    runs: Sequence[Path | str], chosen: str, *, directory: Path | str = SHIPPED, long: bool = False
) -> tuple[str, dict]:
    """Measure a trained machine on fresh sequences and put it among the shipped ones, in place of an earlier one.

    The manifest is written last and at one stroke.

    Args:
        runs: folders. The first has the machine to ship, the others the further seeds of the same recipe; one that is
            named again counts once. A seed whose training broke off counts too, as one that has solved nothing.
        chosen: why it is the first, in words, for the manifest.
        directory: where the shipped machines are.
        long: whether to take the measures that need many minutes.

    Returns:
        The machine's name, and its entry in the manifest as in :func:`course.pretrained.record`.

    Raises:
        RunError: a run is damaged or of another recipe, the first is not finished, no reason was given for the choice,
            or a file cannot be written.
    """
    folders, directory = list(dict.fromkeys(map(Path, runs))), Path(directory)
    if not chosen.strip():
        raise RunError("say why the first run is the one to ship: it goes into the manifest")
    configs = [_read_config(folder) for folder in folders]
    _check_alike(folders, [config["settings"] for config in configs])
    machine, recipe, content = _trained(folders[0], configs[0])
    if recipe.task_name not in MEASURES:
        raise RunError(f"{recipe.name} cannot be shipped yet; it needs {missing(recipe)[0]}")
    logs = [_read_log(folder) for folder in folders]
    outcomes = [_outcome(*run) for run in zip(folders, configs, logs, strict=True)]

    name, curves = recipe.name, f"{recipe.name}.curves.json"
    entry = {"file": None, "curves": curves, "bytes": None, "sha256": None, "chosen": chosen.strip()}
    if len(content) <= LARGEST:
        digest = hashlib.sha256(content).hexdigest()
        entry |= {"file": f"{name}.safetensors", "bytes": len(content), "sha256": digest}
    entry |= configs[0]  # settings, command, versions
    measures = tqdm(measures_for(recipe, long), disable=None, unit=" measures")
    entry["scores"] = [take(machine, recipe, measure) for measure in measures]
    entry["seeds"] = sorted(outcomes, key=lambda outcome: outcome["seed"])
    learned = {outcome["seed"]: _curve(log) for outcome, log in zip(outcomes, logs, strict=True)}

    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
    if entry["file"]:
        write_whole(directory / entry["file"], content)
    _write_sorted(directory / curves, learned, depth=2)
    entries = manifest(directory) if (directory / MANIFEST).exists() else {}
    _write_sorted(directory / MANIFEST, entries | {name: entry}, depth=3)
    return name, entry


def _write_sorted(path: Path, content: dict, depth: int) -> None:
    write_whole(path, (as_json(dict(sorted(content.items())), depth) + "\n").encode())


def as_json(value: object, depth: int, newline: str = "\n") -> str:
    """JSON for people: what is nested deeper than ``depth`` stands on one line.

    >>> print(as_json({"seeds": [{"seed": 0, "bits": 1.5}, {"seed": 1, "bits": 2.5}]}, depth=2))
    {
      "seeds": [
        {"seed": 0, "bits": 1.5},
        {"seed": 1, "bits": 2.5}
      ]
    }
    """
    if not depth or not value or not isinstance(value, dict | list):
        return json.dumps(value)
    deeper = newline + "  "
    if isinstance(value, list):
        return "[" + ",".join(deeper + as_json(item, depth - 1, deeper) for item in value) + newline + "]"
    items = (f"{deeper}{json.dumps(str(key))}: {as_json(item, depth - 1, deeper)}" for key, item in value.items())
    return "{" + ",".join(items) + newline + "}"


def missing(recipe: Recipe, book: Path = BOOK) -> list[str]:
    """What :func:`ship` and the book need for a recipe and do not have yet, a line each; best known before training."""
    name, needed = recipe.task_name, []
    if name not in MEASURES:
        needed.append(f"what a machine for {name} is asked: an entry of MEASURES in course/measures.py")
    results = book / "results.md"
    if results.exists() and f"```{{results}} {name}\n" not in results.read_text(encoding="utf-8"):
        needed.append(f"a section with {{results}} {name} and {{trials}} {name} in book/results.md")
    return needed


def _read_config(folder: Path) -> dict:
    config = read_json(folder / CONFIG)
    return config | {"settings": upgraded(config["settings"])}


def _trained(folder: Path, config: dict) -> tuple[nn.Module, Recipe, bytes]:
    """The machine of a finished run, its recipe, and its file of weights."""
    if not (folder / RESULT).exists():
        raise RunError(f"{folder} is not finished; go on with: {config['command']} --resume")
    machine, recipe = load_run(folder)
    if recipe != Recipe.from_settings(config["settings"]):
        raise RunError(f"{folder / WEIGHTS} is of another recipe than {CONFIG} beside it")
    return machine.eval(), recipe, (folder / WEIGHTS).read_bytes()


def _check_alike(folders: list[Path], settings: list[dict]) -> None:
    """Raise unless the runs differ in their seeds, and only there."""
    first, seeds = settings[0], {}
    for folder, other in zip(folders, settings, strict=True):
        others = differences(other, first | {"seed": other["seed"]})
        if others:
            raise RunError(f"{folder} is of another recipe than {folders[0]}: {', '.join(sorted(others))}")
        if other["seed"] in seeds:
            raise RunError(f"{folder} has the seed {other['seed']} of {seeds[other['seed']]}")
        seeds[other["seed"]] = folder


def _outcome(folder: Path, config: dict, log: list[dict]) -> dict:
    """What became of a seed: its result, or where its log ends."""
    if (folder / RESULT).exists():
        outcome = read_json(folder / RESULT)
    else:
        outcome = {"steps": log[-1]["step"], "sequences": log[-1]["sequences"], "seconds": log[-1]["seconds"]}
        outcome |= dict.fromkeys(("solved_at", "solved_seconds", "bits", "wrong"))
    outcome = {key: float(f"{value:.6g}") if isinstance(value, float) else value for key, value in outcome.items()}
    return {"seed": config["settings"]["seed"], **outcome}


def _read_log(folder: Path) -> list[dict]:
    path = folder / LOG
    try:
        log = [json.loads(line) for line in path.read_text().splitlines()]
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}") from error
    if not log:
        raise RunError(f"{path} is empty: the run has reported nothing")
    return log


def _curve(log: list[dict]) -> dict[str, list[float]]:
    """The learning curve of a run, of few points: each the average of as many reports that follow each other."""
    curve, group_size = {"steps": [], "sequences": [], "bits": [], "wrong": []}, math.ceil(len(log) / POINTS)
    before = 0
    for start in range(0, len(log), group_size):
        group = log[start : start + group_size]
        steps = [line["step"] for line in group]
        updates = [step - previous for step, previous in zip(steps, [before, *steps], strict=False)]
        for key in ("bits", "wrong"):
            mean = fmean((line[key] for line in group), weights=updates)
            curve[key].append(float(f"{mean:.4g}"))
        curve["steps"].append(group[-1]["step"])
        curve["sequences"].append(group[-1]["sequences"])
        before = steps[-1]
    return curve
