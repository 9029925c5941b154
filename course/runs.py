"""Training that survives: a run is a folder that says how it was made, and that goes on wherever it was stopped.

==========================  ===============================================================================
``config.json``             the settings, the command and the versions: all that is needed to repeat it
``log.jsonl``               a line of JSON for each report, see :meth:`Run.train`
``checkpoint.safetensors``  everything that the next update depends on
``weights.safetensors``     at the end: the trained weights and the settings
``result.json``             at the end: the score on fresh sequences, and when the task was solved
==========================  ===============================================================================
"""

import platform
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter

import torch
from torch import nn
from tqdm import tqdm

from course import storage
from course.recipes import Recipe, upgraded
from course.scaling import compiled
from course.scoring import TEST_SEED, evaluate
from course.storage import RunError, Stopped
from course.training import Seen, Trainer

DATA_SEED = 5 * 10**8  # added to a run's seed for its training sequences: not those of its weights, nor of any test
FINAL_SEQUENCES = 1000  # of the evaluation at the end
FILES = "config.json", "log.jsonl", "checkpoint.safetensors", "weights.safetensors", "result.json"
CONFIG, LOG, CHECKPOINT, WEIGHTS, RESULT = FILES


class Run:
    """A machine in training, and the folder that it keeps: :meth:`open`, :meth:`train`, :meth:`finish`, :meth:`close`.

    Args:
        folder: where the run lives. The constructor does not touch it.
        recipe: what to train, and how.
        seed: of the weights, and with ``DATA_SEED`` of the training sequences; from 0 to below ``DATA_SEED``.
        device: where to train, such as ``"cpu"`` or ``"cuda"``.
        command: how to start the same run again; kept in ``config.json``.

    Raises:
        ValueError: a number is out of range.
        RunError: there is no such device.
    """

    def __init__(self, folder: Path | str, recipe: Recipe, seed: int, device: str = "cpu", command: str = ""):
        if not 0 <= seed < DATA_SEED:
            raise ValueError(f"seed must be from 0 to {DATA_SEED - 1}, got {seed}")
        self.folder, self.recipe, self.command = Path(folder), recipe, command
        self.settings = recipe.settings() | {"seed": seed, "device": device}
        torch.manual_seed(seed)
        try:
            machine = recipe.make().to(device)
        except (RuntimeError, AssertionError) as error:
            raise RunError(f"cannot train on the device {device!r}: {str(error).splitlines()[0]}") from error
        self.trainer = Trainer(machine, recipe.task, recipe.training, seed=DATA_SEED + seed)
        self.saved_step, self.lock = 0, None
        self.seconds, self.solved_seconds = 0.0, None  # spent training, over all resumes
        self.sums = {"updates": 0, "bits": 0.0, "wrong": 0.0, "norm": 0.0}  # since the last report

    def open(self, *, resume: bool = False, overwrite: bool = False) -> None:
        """Begin in the folder, or go on from its checkpoint. Until :meth:`close`, no other process may.

        Args:
            resume: go on with the run that the folder holds, if it holds one.
            overwrite: replace the run that the folder holds, if it holds one.

        Raises:
            RunError: another process trains in it, it holds a run and neither is asked for, its run is another one, a
                file is damaged, or none can be written. Whatever the folder held is still there.
        """
        with storage.writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = storage.lock(self.folder)
        held = [self._path(name) for name in FILES if self._path(name).exists()]
        if held and not (resume or overwrite):
            choices = "add --resume to go on with it or --overwrite to replace it, or name another --folder"
            raise RunError(f"{self.folder} already holds a run: {choices}")
        if resume:
            self._restore()
        if not (resume and self._path(CONFIG).exists()):
            versions = {"python": platform.python_version(), "torch": str(torch.__version__)}
            config = {"settings": self.settings, "command": self.command, "versions": versions}
            storage.write_json(self._path(CONFIG), config)
        with storage.writing(self.folder):
            for path in held if overwrite else ():
                if path.name != CONFIG:
                    path.unlink()

    def close(self) -> None:
        """Let other processes into the folder."""
        if self.lock is not None:
            self.lock.release()

    def train(self, report_every: int = 100, checkpoint_every: int = 500) -> None:
        """Make the updates that are left. Show a progress bar on a terminal, the reports elsewhere.

        A report has ``step``, ``sequences`` (seen so far), ``bits`` and ``wrong`` (per sequence), ``norm`` (of the
        gradient before it is clipped; all three are means since the last report), ``rate`` and ``seconds``.

        Args:
            report_every: updates from one report to the next.
            checkpoint_every: updates from one checkpoint to the next.

        Raises:
            Stopped: by SIGINT (Ctrl-C) or SIGTERM; a checkpoint was saved. A second one interrupts at once.
            FloatingPointError: the loss or a gradient is not finite.
            RunError: a file cannot be written.
        """
        trainer, started = self.trainer, perf_counter() - self.seconds
        step = compiled(trainer.machine) if self.recipe.training.compile else nullcontext()
        bar = tqdm(total=trainer.training.steps, initial=trainer.step, file=sys.stdout, disable=None, unit=" steps")
        with step, bar, storage.signals_noted() as caught:
            for seen in self._updates():
                bar.update()
                self.sums["updates"] += 1
                for name, value in seen._asdict().items():
                    self.sums[name] += value
                self.seconds = perf_counter() - started
                if trainer.solved_at == trainer.step:
                    self.solved_seconds = self.seconds
                if trainer.step % report_every == 0 or trainer.finished:
                    self._report(bar)
                if trainer.step % checkpoint_every == 0 or trainer.finished or caught:
                    self._save()
                if caught:
                    message = f"stopped and saved at step {trainer.step} of {trainer.training.steps}"
                    raise Stopped(f"{message}; go on with: {self.command} --resume", caught[0])

    def finish(self) -> dict:
        """Score the trained machine on fresh sequences, and write the weights and the result, which is returned.

        ``steps``, ``sequences``, ``seconds``; ``solved_at`` (sequences seen when the task was solved, or None) and
        ``solved_seconds``; ``bits`` and ``wrong`` per sequence.
        """
        trainer, path = self.trainer, self._path(RESULT)
        if path.exists():
            return storage.read_json(path)
        score = evaluate(trainer.result, trainer.task, FINAL_SEQUENCES, seed=TEST_SEED)
        storage.save_tensors(self._path(WEIGHTS), trainer.result.state_dict(), {"settings": self.settings})
        batch_size = trainer.training.batch_size
        result = {"steps": trainer.step, "sequences": trainer.step * batch_size, "seconds": self.seconds}
        result["solved_at"] = trainer.solved_at and trainer.solved_at * batch_size
        result |= {"solved_seconds": self.solved_seconds, "bits": score.bits, "wrong": score.wrong}
        storage.write_json(path, result)
        return result

    def _updates(self) -> Iterator[Seen]:
        """The trainer's updates. An error says what is left of the run, or what to do."""
        try:
            yield from self.trainer
        except FloatingPointError as error:
            kept = f"the last checkpoint is {self._path(CHECKPOINT)}, of step {self.saved_step}"
            raise FloatingPointError(f"{error}; {kept if self.saved_step else 'there is no checkpoint yet'}") from error
        except RuntimeError as error:
            if self.recipe.training.compile and isinstance(error, torch._dynamo.exc.TorchDynamoException):
                reason = str(error).splitlines()[0]
                raise RunError(f"cannot compile the machine's step: {reason}; train with --no-compile") from error
            raise

    def _report(self, bar: tqdm) -> None:
        trainer = self.trainer
        line = {"step": trainer.step, "sequences": trainer.step * trainer.training.batch_size}
        line |= {name: self.sums[name] / self.sums["updates"] for name in ("bits", "wrong", "norm")}
        line |= {"rate": trainer.optimizer.param_groups[0]["lr"], "seconds": round(self.seconds, 3)}
        self.sums = dict.fromkeys(self.sums, 0)
        storage.append_line(self._path(LOG), line)
        text = f"{line['bits']:.2f} bits, {line['wrong']:.2f} wrong a sequence"
        bar.set_postfix_str(text, refresh=False)
        if bar.disable:
            print(f"step {line['step']:>6} of {trainer.training.steps}: {text}, {line['seconds']:.0f} s", flush=True)

    def _save(self) -> None:
        tensors, counts = self.trainer.state()
        note = {"settings": self.settings, "counts": counts, "sums": self.sums}
        note |= {"seconds": self.seconds, "solved_seconds": self.solved_seconds}
        storage.save_tensors(self._path(CHECKPOINT), tensors, note)
        self.saved_step = self.trainer.step

    def _restore(self) -> None:
        """Go to the checkpoint, if there is one, and cut from the log what came after it."""
        config, checkpoint = self._path(CONFIG), self._path(CHECKPOINT)
        if config.exists():
            self._check(config, storage.read_json(config))
        if checkpoint.exists():
            tensors, note = storage.load_tensors(checkpoint)
            self._check(checkpoint, note)
            try:
                self.trainer.restore(tensors, note["counts"])
                self.sums, self.seconds, self.solved_seconds = note["sums"], note["seconds"], note["solved_seconds"]
            except (KeyError, ValueError, RuntimeError) as error:
                raise RunError(f"{checkpoint} does not fit this version of the course: {error}") from error
            self.saved_step = self.trainer.step
        storage.cut_lines(self._path(LOG), self.trainer.step)

    def _check(self, path: Path, content: dict) -> None:
        storage.check_settings(path, upgraded(content.get("settings", {})), self.settings)

    def _path(self, name: str) -> Path:
        return self.folder / name


def load_run(path: Path | str) -> tuple[nn.Module, Recipe]:
    """The trained machine of a run, and its recipe.

    Args:
        path: the run's folder, or a file of weights.

    Raises:
        RunError: there is no such file, it is damaged, or its settings are not those of a recipe.
    """
    path = Path(path, WEIGHTS) if Path(path).is_dir() else Path(path)
    tensors, note = storage.load_tensors(path)
    try:
        recipe = Recipe.from_settings(note["settings"])
        machine = recipe.make()
        machine.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RunError(f"{path} does not fit this version of the course: {error}") from error
    return machine, recipe
