"""The command line: ``python -m course --help``."""

import argparse
import dataclasses
import inspect
import shlex
import signal
import sys
from pathlib import Path

import torch

from course.pretrained import WEIGHTS, available
from course.recipes import CONTROLLERS, RECIPES, TASKS
from course.runs import LOG, RESULT, Run, load_run
from course.scoring import TEST_SEED, score
from course.seeds import summary, table, train_seeds
from course.shipping import ship
from course.storage import RunError, Stopped, read_json
from implementation import NTM

ABOUT = """\
Train the machines of the course, and test them.

A task is a kind of question, such as copy: see `python -m course list`. The controller is the part of a Neural Turing
Machine that decides: a feedforward layer, or an LSTM with a small memory of its own. The baseline is the paper's LSTM
without a memory matrix. A run is one training from one seed; all of it is in a folder, by default
runs/TASK-CONTROLLER-SEED, and it can be stopped and resumed at any time."""

SCORES = """\
Test a trained machine on sequences that it has never seen.

Bits are what it takes to correct its answers: 0 if it is sure and right, 1 for each coin toss. Wrong bits are those
that it gets wrong when it must say 0 or 1."""

EXAMPLES = """\
examples:
  python -m course train copy                          train an NTM with an LSTM controller on the copy task
  python -m course train copy --resume                 go on with it, after Ctrl-C or a crash
  python -m course train copy --controller baseline    the LSTM that the paper compares with
  python -m course train copy --seeds 10               ten trainings side by side, and their median
  python -m course evaluate runs/copy-lstm-0           test it on fresh sequences of the lengths that it has seen
  python -m course evaluate runs/copy-lstm-0 --length 120 -N 256   on longer ones, with a larger memory
  python -m course ship runs/copy-lstm-3 runs/copy-lstm-* --chosen WHY   keep that of seed 3"""

PROGRAM = ["-m", "course"]  # what Python is to run
SPOKEN = ["python", *PROGRAM]  # as a person types it
CHANGES = ("steps", "batch_size", "learning_rate", "stop_when_solved", "compile")  # of a recipe
SIZES = ("length", "items", "repeats", "answers")  # of sequences, by the names that the tasks have for them


class Parser(argparse.ArgumentParser):
    """Reports an error in one line."""

    def error(self, message: str):
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return int(text)


def make_parser() -> Parser:
    looks = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = Parser(prog="python -m course", description=ABOUT, epilog=EXAMPLES, **looks)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train a machine on a task", description=ABOUT, epilog=EXAMPLES, **looks)
    train.add_argument("task", metavar="TASK", choices=TASKS, help=", ".join(TASKS))
    train.add_argument("--controller", choices=CONTROLLERS, default="lstm", help="default: %(default)s")
    count, number = {"type": positive, "metavar": "K"}, {"type": int, "metavar": "K"}
    train.add_argument("--seed", **number, default=0, help="of weights and training sequences (default: 0)")
    train.add_argument("--seeds", **count, help="train K seeds from --seed on, one on each core at a time")
    train.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    recipe = train.add_argument_group("instead of what the recipe says (see `python -m course list`)")
    recipe.add_argument("--steps", **number, help="updates of the weights")
    recipe.add_argument("--batch-size", **number, help="sequences that each update sees")
    recipe.add_argument("--learning-rate", type=float, metavar="X", help="length of the first update; falls to zero")
    yes_no = {"action": argparse.BooleanOptionalAction, "default": None}
    recipe.add_argument("--stop-when-solved", **yes_no, help="stop once 20 batches and 100 sequences were all right")
    recipe.add_argument("--compile", **yes_no, help="compile an NTM's step: takes half a minute, then is faster")
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
    for size in SIZES:
        sizes.add_argument(f"--{size}", **count)

    keep = commands.add_parser("ship", help="put a trained machine into the course", epilog=EXAMPLES, **looks)
    keep.add_argument(
        "runs", metavar="RUN", type=Path, nargs="+", help="the run to ship, then its recipe's other seeds"
    )
    keep.add_argument("--chosen", metavar="WHY", required=True, help="why it is the first one, in words")
    keep.add_argument("--into", type=Path, default=WEIGHTS, metavar="FOLDER", help="default: course/weights")
    keep.add_argument("--long", action="store_true", help="take the measures that need many minutes and gigabytes, too")

    commands.add_parser("list", help="list the tasks and recipes")
    return parser


def command_of(args: argparse.Namespace, **changes) -> list[str]:
    """The words after ``python -m course`` that train the same again, whatever the folder holds."""
    words = ["train", args.task]
    defaults = vars(make_parser().parse_args(words))
    for key, value in (vars(args) | changes).items():
        option = "--" + key.replace("_", "-")
        if key in ("resume", "overwrite") or value == defaults[key]:
            continue
        words += [option] if value is True else ["--no-" + option[2:]] if value is False else [option, str(value)]
    return words


def run_folder(args: argparse.Namespace, seed: int) -> Path:
    name = f"{args.task}-{args.controller}-{seed}"
    return (args.folder or Path("runs")) / name if args.seeds or not args.folder else args.folder


def train_one(args: argparse.Namespace) -> None:
    changes = {name: getattr(args, name) for name in CHANGES if getattr(args, name) is not None}
    command = shlex.join([*SPOKEN, *command_of(args)])
    try:
        recipe = dataclasses.replace(RECIPES[args.task, args.controller], **changes)
        run = Run(run_folder(args, args.seed), recipe, args.seed, args.device, command)
    except ValueError as error:
        raise RunError(error) from error
    run.open(resume=args.resume, overwrite=args.overwrite)
    run.train(args.report_every, args.checkpoint_every)
    print(f"{run.folder}: {summary(run.finish())}")


def train(args: argparse.Namespace) -> int:
    if not args.seeds:
        train_one(args)
        return 0
    seeds = range(args.seed, args.seed + args.seeds)
    folders = {seed: run_folder(args, seed) for seed in seeds}
    held = ["--resume"] if args.resume else ["--overwrite"] if args.overwrite else []
    commands = {s: PROGRAM + command_of(args, seed=s, seeds=None, folder=folders[s]) + held for s in seeds}
    print(f"{args.seeds} seeds; to look on: tail -f {folders[args.seed] / LOG}", flush=True)
    codes, stopped = train_seeds(commands, folders)
    results = {seed: read_json(folders[seed] / RESULT) for seed in sorted(codes) if codes[seed] == 0}
    if results:
        print(table(results))
    if stopped:
        message = f"{len(results)} of {args.seeds} seeds are trained"
        raise Stopped(f"{message}; go on with: {shlex.join([*SPOKEN, *command_of(args)])} --resume", signal.SIGINT)
    return max(codes.values())


def evaluate(args: argparse.Namespace) -> int:
    machine, recipe = load_run(args.run)
    sizes = {name: getattr(args, name) for name in SIZES if getattr(args, name) is not None}
    known = [name for name in SIZES if name in inspect.signature(recipe.task.sample).parameters]
    for name in sizes.keys() - known:
        raise RunError(f"{recipe.name} has no --{name}, only {' and '.join('--' + name for name in known)}")
    if args.N and not isinstance(machine, NTM):
        raise RunError("-N is the size of a memory, and this machine has none")
    try:
        bits, wrong = score(machine, recipe.task, args.sequences, seed=args.seed, N=args.N, **sizes)
    except ValueError as error:
        raise RunError(error) from error
    print(f"{bits:.3f} bits and {wrong:.3f} wrong bits a sequence, over {args.sequences:,} fresh sequences")
    return 0


def ship_runs(args: argparse.Namespace) -> int:
    name, entry = ship(args.runs, args.chosen, directory=args.into, long=args.long)
    for asked in entry["scores"]:
        sizes = [f"{size} {value}" for size, value in asked["sizes"].items()] + [f"N {asked['N'] or 'as trained'}"]
        print(f"{', '.join(sizes)}: {asked['bits']:.3f} bits and {asked['wrong']:.3f} wrong of {asked['asked']:.0f}")
    print(f"{name}: {entry['file'] or 'scores but no weights, since they are too large'} in {args.into}")
    return 0


def show_list(args: argparse.Namespace) -> int:
    for task in TASKS.values():
        print(task)
    print(f"\n{'task':<19}{'controller':<12}{'weights':>10}{'steps':>8}{'batch':>6}{'rate':>8}{'shipped':>9}  machine")
    shipped = available()
    for recipe in RECIPES.values():
        weights = sum(parameter.numel() for parameter in recipe.make().parameters())
        numbers = f"{weights:>10,}{recipe.steps:>8,}{recipe.batch_size:>6}{recipe.learning_rate:>8}"
        machine = ", ".join(f"{key} {value}" for key, value in recipe.machine.items())
        numbers += f"{'yes' if (recipe.name, recipe.controller) in shipped else 'no':>9}"
        print(f"{recipe.name:<19}{recipe.controller:<12}{numbers}  {machine}")
    return 0


def main(words: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 for done, 1 for a training that broke, 2 for one that cannot be."""
    args = make_parser().parse_args(words)
    torch.set_num_threads(1)  # enough for these matrices; and sums come out the same whatever the number of cores
    try:
        return {"train": train, "evaluate": evaluate, "ship": ship_runs, "list": show_list}[args.command](args)
    except Stopped as stop:
        problem, code = stop, 128 + stop.signal
    except KeyboardInterrupt:
        problem, code = "interrupted; what was saved is whole, so that --resume goes on from it", 130
    except FloatingPointError as error:
        problem, code = error, 1
    except RunError as error:
        problem, code = error, 2
    print(f"python -m course: {problem}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
