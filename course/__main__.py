"""The command line: ``python -m course --help``."""

import argparse
import shlex
import signal
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import torch

from course.command_line import CHANGES, PROGRAM, SPOKEN, all_sizes, command_of, option_of, parse
from course.pretrained import available
from course.recipes import RECIPES, Recipe
from course.runs import LOG, RESULT, Run, load_run
from course.scoring import evaluate
from course.seeds import summary, table, train_seeds
from course.shipping import missing, ship
from course.storage import RunError, Stopped, read_json
from course.tasks import TASKS


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The recipe that a command names, with its changes."""
    if (args.task, args.machine) not in RECIPES:
        known = ", ".join(machine for task, machine in RECIPES if task == args.task) or "no machine at all"
        raise RunError(f"there is no recipe for {args.machine} on {args.task}, only for {known}; add one to RECIPES")
    recipe = RECIPES[args.task, args.machine]
    given = {entry.name: getattr(args, entry.name) for entry in CHANGES}
    changes = {name: value for name, value in given.items() if value is not None}
    try:
        return replace(recipe, training=replace(recipe.training, **changes))
    except ValueError as error:
        raise RunError(error) from error


def run_folder(args: argparse.Namespace, seed: int) -> Path:
    name = f"{args.task}-{args.machine}-{seed}"
    return (args.folder or Path("runs")) / name if args.seeds or not args.folder else args.folder


def train_one(args: argparse.Namespace, recipe: Recipe) -> None:
    command = shlex.join([*SPOKEN, *command_of(args)])
    try:
        run = Run(run_folder(args, args.seed), recipe, args.seed, args.device, command)
    except ValueError as error:
        raise RunError(error) from error
    with closing(run):
        run.open(resume=args.resume, overwrite=args.overwrite)
        run.train(args.report_every, args.checkpoint_every)
        print(f"{run.folder}: {summary(run.finish())}")


def train(args: argparse.Namespace) -> int:
    recipe = recipe_of(args)
    for line in missing(recipe):
        print(f"To ship this machine later, the course needs {line}")
    if not args.seeds:
        train_one(args, recipe)
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


def evaluate_run(args: argparse.Namespace) -> int:
    machine, recipe = load_run(args.run)
    given = {name: getattr(args, name) for name in all_sizes()}
    sizes = {name: value for name, value in given.items() if value is not None}
    for name in sizes.keys() - recipe.task.sizes.keys():
        known = " and ".join(map(option_of, recipe.task.sizes))
        raise RunError(f"{recipe.task_name} has no {option_of(name)}, only {known}")
    if args.N and not machine.resizable:
        raise RunError("-N is the size of a memory, and this machine has none whose size can change")
    try:
        found = evaluate(machine, recipe.task, args.sequences, seed=args.seed, N=args.N, **sizes)
    except ValueError as error:
        raise RunError(error) from error
    text = f"{found.bits:.3f} bits and {found.wrong:.3f} wrong a sequence"
    print(f"{text}, over {args.sequences:,} fresh sequences")
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
    print(f"\n{'task':<19}{'machine':<16}{'weights':>10}{'steps':>8}{'batch':>6}{'rate':>8}{'shipped':>9}  keywords")
    shipped = available()
    for recipe in RECIPES.values():
        training, weights = recipe.training, sum(parameter.numel() for parameter in recipe.make().parameters())
        numbers = f"{weights:>10,}{training.steps:>8,}{training.batch_size:>6}{training.learning_rate:>8}"
        numbers += f"{'yes' if (recipe.task_name, recipe.machine) in shipped else 'no':>9}"
        keywords = ", ".join(f"{key} {value}" for key, value in recipe.config.items())
        print(f"{recipe.task_name:<19}{recipe.machine:<16}{numbers}  {keywords}")
    return 0


def main(words: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 for done, 1 for a training that broke, 2 for one that cannot be."""
    torch.set_num_threads(1)  # enough for these matrices; and sums come out the same whatever the number of cores
    try:
        args = parse(words)
        return {"train": train, "evaluate": evaluate_run, "ship": ship_runs, "list": show_list}[args.command](args)
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
