"""The words that ``python -m course`` understands."""

import argparse
import importlib
from dataclasses import fields
from pathlib import Path

from course.machines import MACHINES
from course.pretrained import SHIPPED
from course.recipes import OLD_NAMES
from course.scoring import TEST_SEED
from course.storage import RunError
from course.tasks import TASKS
from course.training import OPTIONS, Training

ABOUT = """\
Train the machines of the course, and test them.

A task is a kind of question, such as copy; a machine is what learns it: a Neural Turing Machine with one of its two
controllers, or the paper's LSTM without a memory matrix. `python -m course list` names them all. A run is one training
from one seed; all of it is in a folder, by default runs/TASK-MACHINE-SEED; it can be stopped and resumed at any time.
Tasks, machines and recipes of your own: put them into TASKS, MACHINES and RECIPES in a module, and --import it."""

SCORES = """\
Test a trained machine on sequences that it has never seen.

Bits are what it takes to correct its answers: 0 if it is sure and right, 1 for each coin toss. Wrong bits are those
that it gets wrong when it must say 0 or 1."""

EXAMPLES = """\
examples:
  python -m course train copy                          train an NTM with an LSTM controller on the copy task
  python -m course train copy --resume                 go on with it, after Ctrl-C or a crash
  python -m course train copy --machine lstm           the LSTM that the paper compares with
  python -m course train copy --seeds 10               ten trainings side by side, and their median
  python -m course evaluate runs/copy-ntm-lstm-0       test it on fresh sequences of the lengths that it has seen
  python -m course evaluate runs/copy-ntm-lstm-0 --length 120 -N 256   on longer ones, with a larger memory
  python -m course ship runs/copy-lstm-3 runs/copy-lstm-* --chosen WHY   keep that of seed 3"""

PROGRAM = ["-m", "course"]  # what Python is to run
SPOKEN = ["python", *PROGRAM]  # as a person types it
CHANGES = [entry for entry in fields(Training) if entry.name in OPTIONS]  # what a command may change of a recipe
IMPORT = {
    "dest": "modules",
    "metavar": "MODULE",
    "action": "append",
    "help": "import this module first: it adds tasks, machines and recipes of your own",
}


class Parser(argparse.ArgumentParser):
    """Reports an error in one line."""

    def error(self, message: str):
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return int(text)


def option_of(name: str) -> str:
    return "--" + name.replace("_", "-")


def all_sizes() -> list[str]:
    """The sizes of sequences that any task has."""
    return list(dict.fromkeys(size for task in TASKS.values() for size in task.sizes))


def parse(words: list[str] | None) -> argparse.Namespace:
    """Import what ``--import`` names, wherever it stands, so that its tasks and machines are known; read the rest.

    Raises:
        RunError: a module cannot be imported.
    """
    first = Parser(prog="python -m course", add_help=False, allow_abbrev=False)
    first.add_argument("--import", **IMPORT, default=[])
    imports, others = first.parse_known_args(words)
    for name in imports.modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise RunError(f"cannot import {name}: {error}") from error
    return make_parser().parse_args(others, imports)


def make_parser() -> Parser:
    looks = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = Parser(prog="python -m course", description=ABOUT, epilog=EXAMPLES, **looks)
    parser.add_argument("--import", **IMPORT, default=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train a machine on a task", description=ABOUT, epilog=EXAMPLES, **looks)
    train.add_argument("task", metavar="TASK", choices=TASKS, help=", ".join(TASKS))
    machine = train.add_mutually_exclusive_group()
    machine.add_argument(
        "--machine", choices=MACHINES, default="ntm-lstm", help=f"{', '.join(MACHINES)} (default: %(default)s)"
    )
    old = {"type": lambda name: OLD_NAMES.get(name, name), "choices": MACHINES, "default": argparse.SUPPRESS}
    machine.add_argument("--controller", dest="machine", help=argparse.SUPPRESS, **old)  # as in versions up to 0.3.1
    count, number = {"type": positive, "metavar": "K"}, {"type": int, "metavar": "K"}
    train.add_argument("--seed", **number, default=0, help="of weights and training sequences (default: 0)")
    train.add_argument("--seeds", **count, help="train K seeds from --seed on, one on each core at a time")
    train.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    recipe = train.add_argument_group("instead of what the recipe says (see `python -m course list`)")
    for entry in CHANGES:
        yes_no = (
            {"action": argparse.BooleanOptionalAction} if entry.type is bool else {"type": entry.type, "metavar": "X"}
        )
        recipe.add_argument(option_of(entry.name), default=None, help=OPTIONS[entry.name], **yes_no)
    folder = train.add_argument_group("the folder")
    folder.add_argument("--folder", type=Path, help="of the run; with --seeds, the one that holds the runs")
    held = folder.add_mutually_exclusive_group()
    held.add_argument("--resume", action="store_true", help="go on with the run in the folder; begin if there is none")
    held.add_argument("--overwrite", action="store_true", help="replace the run in the folder")
    folder.add_argument("--report-every", **count, default=100, help="steps (default: %(default)s)")
    folder.add_argument("--checkpoint-every", **count, default=500, help="steps (default: %(default)s)")

    test = commands.add_parser("evaluate", help="test a machine", description=SCORES, epilog=EXAMPLES, **looks)
    test.add_argument("run", metavar="RUN", type=Path, help="a run's folder, or a file of weights")
    test.add_argument("--sequences", **count, default=1000, help="fresh sequences (default: %(default)s)")
    test.add_argument("--seed", **number, default=TEST_SEED, help="draws them (default: %(default)s)")
    test.add_argument("-N", type=positive, help="memory locations (default: as in training)")
    sizes = test.add_argument_group("sizes of the sequences, as the task has them (default: as in training)")
    for size in all_sizes():
        sizes.add_argument(option_of(size), **count)

    keep = commands.add_parser("ship", help="put a trained machine into the course", epilog=EXAMPLES, **looks)
    keep.add_argument(
        "runs", metavar="RUN", type=Path, nargs="+", help="the run to ship, then its recipe's other seeds"
    )
    keep.add_argument("--chosen", metavar="WHY", required=True, help="why it is the first one, in words")
    keep.add_argument("--into", type=Path, default=SHIPPED, metavar="FOLDER", help="default: course/weights")
    keep.add_argument("--long", action="store_true", help="take the measures that need many minutes and gigabytes, too")

    commands.add_parser("list", help="list the tasks and recipes")
    return parser


def command_of(args: argparse.Namespace, **changes) -> list[str]:
    """The words after ``python -m course`` that train the same again, whatever the folder holds."""
    imports = [word for module in args.modules for word in ("--import", module)]
    words = ["train", args.task]
    defaults = vars(make_parser().parse_args(words))
    for key, value in (vars(args) | changes).items():
        option = option_of(key)
        if key in ("modules", "resume", "overwrite") or value == defaults[key]:
            continue
        words += [option] if value is True else ["--no-" + option[2:]] if value is False else [option, str(value)]
    return imports + words
