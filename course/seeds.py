"""Many trainings side by side, and what they have in common: one lucky seed says little about a recipe."""

import math
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

from course.runs import RESULT
from course.storage import read_json, signals_noted

POLL = 0.2  # seconds between two looks at the workers
COLUMNS = {"solved_at": ",.0f", "solved_seconds": ".1f", "bits": ".3f", "wrong": ".3f"}  # less is better in each
SUMMARIES = {"median": statistics.median, "best": min, "worst": max}


def train_seeds(commands: dict[int, list[str]], folders: dict[int, Path]) -> tuple[dict[int, int], bool]:
    """Train in as many processes as there are cores, each with one thread, and say how each one ended.

    Args:
        commands: the words after ``python`` that train a seed.
        folders: where they put it.

    Returns:
        The exit codes of those that were started, and whether a signal such as Ctrl-C came. It is passed on to the
        workers, which save themselves and end; a second one ends them at once and raises ``KeyboardInterrupt``.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # In a session of their own they get no Ctrl-C but the one that is passed on: a second would end them at once.
    options = {"stdout": subprocess.DEVNULL, "start_new_session": True, "env": os.environ | {"OMP_NUM_THREADS": "1"}}
    waiting, running, codes, told = list(commands), {}, {}, False
    try:
        with signals_noted() as caught:
            while running or (waiting and not caught):
                while waiting and len(running) < cores and not caught:
                    seed = waiting.pop(0)
                    running[seed] = subprocess.Popen([sys.executable, *commands[seed]], **options)
                if caught and not told:
                    told = True
                    for worker in running.values():
                        worker.send_signal(signal.SIGINT)
                time.sleep(POLL)
                for seed in [seed for seed, worker in running.items() if worker.poll() is not None]:
                    codes[seed] = running.pop(seed).returncode
                    ended = summary(read_json(folders[seed] / RESULT)) if codes[seed] == 0 else "not trained to the end"
                    print(f"seed {seed}: {ended}", flush=True)
            return codes, bool(caught)
    finally:
        for worker in running.values():
            worker.kill()


def summary(result: dict) -> str:
    """A result in a line of words."""
    solved = "not solved"
    if result["solved_at"]:
        solved = f"solved after {result['solved_at']:,} sequences and {result['solved_seconds']:.0f} s"
    return f"{solved}; {result['bits']:.3f} bits and {result['wrong']:.3f} wrong a sequence on fresh ones"


def table(results: dict[int, dict]) -> str:
    """A line for each seed, then the median, the best and the worst of each column; never solved counts as worst.

    >>> one = {"solved_at": 3200, "solved_seconds": 1.5, "bits": 0.01, "wrong": 0.0}
    >>> print(table({0: one, 1: one | {"solved_at": None, "solved_seconds": None, "bits": 2.0}}))
    seed    solved at   seconds      bits     wrong
    0           3,200       1.5     0.010     0.000
    1           never     never     2.000     0.000
    median      never     never     1.005     0.000
    best        3,200       1.5     0.010     0.000
    worst       never     never     2.000     0.000
    1 of 2 solved. In sequences and seconds of training, and per sequence on fresh ones.
    """
    rows = {str(seed): [result[key] for key in COLUMNS] for seed, result in results.items()}
    rows = {name: [math.inf if value is None else value for value in row] for name, row in rows.items()}
    columns = list(zip(*rows.values(), strict=True))
    rows |= {name: [choose(column) for column in columns] for name, choose in SUMMARIES.items()}
    lines = [f"{'seed':<7}{'solved at':>10}{'seconds':>10}{'bits':>10}{'wrong':>10}"]
    for name, row in rows.items():
        styles = zip(row, COLUMNS.values(), strict=True)
        cells = ["never" if math.isinf(value) else format(value, style) for value, style in styles]
        lines.append(f"{name:<7}" + "".join(f"{cell:>10}" for cell in cells))
    solved = sum(math.isfinite(value) for value in columns[0])
    lines.append(
        f"{solved} of {len(results)} solved. In sequences and seconds of training, and per sequence on fresh ones."
    )
    return "\n".join(lines)
