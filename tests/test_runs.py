"""Runs: a folder that survives kill -9, Ctrl-C, a full disk and wrong commands."""

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import pytest
import torch

from course import runs, training
from course.__main__ import main
from course.recipes import RECIPES, Recipe
from course.runs import CHECKPOINT, CONFIG, DATA_SEED, FILES, LOG, RESULT, WEIGHTS, Run, load_run
from course.storage import LOCK, RunError, load_tensors, read_json, save_tensors
from course.tasks import CopyTask
from course.training import Training

SIZES = {"controller_size": 12, "N": 6, "M": 4}
TINY = Recipe("copy", "ntm-lstm", SIZES, Training(steps=60, batch_size=4, average=0.9), CopyTask(bits=2, max_length=4))
# The command line with this recipe in place of the real one.
LAUNCH = f"""
import sys
from course import runs
from course.__main__ import main
from course.recipes import RECIPES, Recipe
from course.tasks import CopyTask
from course.training import Training
RECIPES["copy", "ntm-lstm"] = {TINY!r}
runs.FINAL_SEQUENCES = 20
sys.exit(main())
"""
OPTIONS = ["--report-every", "7", "--checkpoint-every", "10"]


@pytest.fixture(autouse=True)
def tiny(monkeypatch, tmp_path):
    monkeypatch.setitem(RECIPES, ("copy", "ntm-lstm"), TINY)
    monkeypatch.setattr(runs, "FINAL_SEQUENCES", 20)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, ("copy", "ntm-lstm"), TINY)
        patch.setattr(runs, "FINAL_SEQUENCES", 20)
        assert train(folder) == 0
    return folder


def train(folder, *words):
    return main(["train", "copy", "--folder", str(folder), *OPTIONS, *words])


def one_line(capsys):
    """What was printed on stderr, which must be one line."""
    text = capsys.readouterr().err
    assert text.count("\n") == 1 and text.endswith("\n")
    return text


def digest(folder):
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def log(folder):
    """The log without the times."""
    lines = [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != LOCK}


def launch_and_signal(folder, number):
    """Start a run in a process of its own, signal it after its second checkpoint, and return how it ended."""
    command = [sys.executable, "-c", LAUNCH, "train", "copy", "--folder", str(folder), *OPTIONS]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while not ((folder / LOG).exists() and (folder / LOG).read_text().count("\n") > 1):  # 14 steps or more
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(number)
    _, error = process.communicate(timeout=300)
    assert not (folder / RESULT).exists()
    return process.returncode, error


def test_a_run_says_how_it_was_made_and_what_it_saw(whole):
    assert sorted(path.name for path in whole.iterdir()) == sorted([*FILES, LOCK])
    config = read_json(whole / CONFIG)
    assert config["settings"]["config"] == SIZES and config["settings"]["task"]["max_length"] == 4
    assert config["command"].startswith("python -m course train copy --folder ")
    assert config["versions"]["torch"] == torch.__version__
    lines = [json.loads(line) for line in (whole / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == [*range(7, 60, 7), 60]
    assert [line["sequences"] for line in lines] == [4 * line["step"] for line in lines]
    assert lines[0]["rate"] == pytest.approx(3e-3 * (1 - 6 / 60))
    assert all(earlier["seconds"] < later["seconds"] for earlier, later in zip(lines, lines[1:], strict=False))
    result = read_json(whole / RESULT)
    assert result["steps"] == 60 and result["sequences"] == 240 and result["solved_at"] is None
    assert result["seconds"] == pytest.approx(lines[-1]["seconds"], abs=1e-3)


def test_reports_are_means_since_the_last_one_of_the_notebooks_loop(whole):
    torch.manual_seed(0)
    history = training.train(TINY.make(), TINY.task, 60, batch_size=4, seed=DATA_SEED, stop_when_solved=False)
    for line, start in zip(log(whole), range(0, 60, 7), strict=True):
        assert line["bits"] == pytest.approx(sum(history.bits[start : line["step"]]) / (line["step"] - start))
        assert line["wrong"] == pytest.approx(sum(history.wrong[start : line["step"]]) / (line["step"] - start))


def test_what_is_shipped_and_scored_is_the_average(whole):
    tensors, _ = load_tensors(whole / CHECKPOINT)
    shipped, note = load_tensors(whole / WEIGHTS)
    assert all(torch.equal(value, tensors[f"averaged.module.{name}"]) for name, value in shipped.items())
    assert not torch.equal(shipped["output.weight"], tensors["machine.output.weight"])
    assert note["settings"] == read_json(whole / CONFIG)["settings"]


def test_killed_and_resumed_it_ends_with_the_same_weights(whole, tmp_path):
    folder = tmp_path / "killed"
    code, _ = launch_and_signal(folder, signal.SIGKILL)
    assert code == -signal.SIGKILL
    with open(folder / LOG, "a") as file:
        file.write('{"step": 1')  # as if it had died in the middle of a line
    (folder / f"{CHECKPOINT}.tmp").write_bytes(b"half a checkpoint")
    assert train(folder, "--resume") == 0
    assert digest(folder) == digest(whole)
    assert log(folder) == log(whole)


def test_killed_before_its_first_checkpoint_it_begins_again(whole, tmp_path):
    folder = tmp_path / "early"
    run = Run(folder, TINY, seed=0)
    run.open()
    run.close()
    (folder / LOG).write_text('{"step": 7}\n{"step"')
    assert train(folder, "--resume") == 0
    assert digest(folder) == digest(whole) and log(folder) == log(whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_go_on(whole, tmp_path, number, capsys):
    folder = tmp_path / "stopped"
    code, error = launch_and_signal(folder, number)
    assert code == 128 + number
    step = load_tensors(folder / CHECKPOINT)[1]["counts"]["step"]
    assert f"stopped and saved at step {step} of 60" in error and error.count("\n") == 1
    words = error.split("python -m course ")[-1].split()
    assert words[-1] == "--resume" and main(words) == 0
    assert digest(folder) == digest(whole) and log(folder) == log(whole)


def test_time_and_the_solving_step_survive_a_resume(tmp_path):
    run = Run(tmp_path / "x", TINY, seed=0)
    run.open()
    run.trainer.step, run.trainer.streak, run.trainer.solved_at = 50, 4, 9
    run.seconds, run.solved_seconds = 1000.0, 12.5
    run._save()
    run.close()
    run = Run(tmp_path / "x", TINY, seed=0)
    run.open(resume=True)
    assert run.trainer.step == 50 and run.trainer.streak == 4
    run.train()
    result = run.finish()
    assert 1000 < result["seconds"] < 1100
    assert result["solved_at"] == 36 and result["solved_seconds"] == 12.5


def test_a_folder_that_holds_a_run_is_left_alone(whole, capsys):
    before = files(whole)
    assert train(whole) == 2
    assert "already holds a run: add --resume" in one_line(capsys)
    assert train(whole, "--resume") == 0  # finished: only says so
    assert "wrong a sequence" in capsys.readouterr().out
    assert files(whole) == before


def test_overwrite_begins_again(whole, tmp_path):
    assert train(tmp_path / "a", "--seed", "3") == 0
    other = digest(tmp_path / "a")
    (tmp_path / "a" / "notes.txt").write_text("mine")
    assert train(tmp_path / "a", "--overwrite") == 0
    assert other != digest(tmp_path / "a") == digest(whole)
    assert (tmp_path / "a" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("words", [["--seed", "1"], ["--steps", "70"], ["--learning-rate", "0.1"]])
def test_another_run_is_not_resumed(whole, capsys, words):
    before = files(whole)
    assert train(whole, "--resume", *words) == 2
    name = words[0][2:].replace("-", "_")
    assert f"is of another run, with {'' if name == 'seed' else 'training.'}{name} " in one_line(capsys)
    assert files(whole) == before


def test_a_checkpoint_of_another_machine_is_refused(whole, tmp_path, capsys):
    run = Run(tmp_path / "a", TINY, seed=5)
    run.open()
    run.close()
    (tmp_path / "a" / CHECKPOINT).write_bytes((whole / CHECKPOINT).read_bytes())
    assert train(tmp_path / "a", "--seed", "5", "--resume") == 2
    assert "checkpoint.safetensors is of another run, with seed 0, not 5" in one_line(capsys)
    (tmp_path / "a" / CHECKPOINT).write_bytes((whole / WEIGHTS).read_bytes())
    (tmp_path / "a" / CONFIG).unlink()
    assert train(tmp_path / "a", "--resume") == 2
    assert "checkpoint.safetensors does not fit this version of the course" in one_line(capsys)


@pytest.mark.parametrize("name", [CHECKPOINT, CONFIG])
def test_a_damaged_file_is_named_and_nothing_is_changed(whole, tmp_path, capsys, name):
    (tmp_path / "a").mkdir()
    for path in FILES[:3]:
        (tmp_path / "a" / path).write_bytes((whole / path).read_bytes())
    content = (whole / name).read_bytes()
    (tmp_path / "a" / name).write_bytes(content[: len(content) // 2])
    before = files(tmp_path / "a")
    assert train(tmp_path / "a", "--resume") == 2
    assert f"{name} is damaged" in one_line(capsys)
    assert files(tmp_path / "a") == before


def test_a_full_disk_stops_the_run_and_loses_nothing(whole, tmp_path, monkeypatch, capsys):
    sync, calls = os.fsync, []

    def fills_up(descriptor):
        calls.append(descriptor)
        if len(calls) > 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fills_up)
        assert train(tmp_path / "a") == 2
    assert "No space left on device" in one_line(capsys)
    assert load_tensors(tmp_path / "a" / CHECKPOINT)[1]["counts"]["step"] > 0
    assert train(tmp_path / "a", "--resume") == 0
    assert digest(tmp_path / "a") == digest(whole) and log(tmp_path / "a") == log(whole)


def test_a_file_where_the_folder_should_be(tmp_path, capsys):
    (tmp_path / "a").write_text("mine")
    for folder in (tmp_path / "a", tmp_path / "a" / "b"):
        assert train(folder) == 2
        assert f"cannot write {folder}" in one_line(capsys)
    assert (tmp_path / "a").read_text() == "mine"


def test_a_loss_that_is_not_finite_names_the_last_checkpoint(tmp_path, capsys):
    assert train(tmp_path / "a", "--learning-rate", "1e37") == 1
    assert "step 2: the loss is " in (text := one_line(capsys)) and "there is no checkpoint yet" in text
    assert train(tmp_path / "b", "--learning-rate", "1e37", "--checkpoint-every", "1") == 1
    assert f"the last checkpoint is {tmp_path / 'b' / CHECKPOINT}, of step 1" in one_line(capsys)


def test_two_processes_in_one_folder_do_not_meet(tmp_path, capsys):
    """While one trains, another is refused, whatever it asks for, and the first ends as if it had been alone."""
    folder = tmp_path / "shared"
    command = [sys.executable, "-c", LAUNCH, "train", "copy", "--folder", str(folder), *OPTIONS, "--steps", "3000"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (folder / LOG).exists():
        assert first.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    for words in ([], ["--resume"], ["--overwrite"]):
        assert train(folder, "--steps", "3000", *words) == 2
        assert f"{folder} is in use: another training goes on in it" in one_line(capsys)
    assert first.poll() is None, "it ended too early to be in the way"
    first.send_signal(signal.SIGINT)
    assert first.wait(300) == 128 + signal.SIGINT
    steps = [line["step"] for line in log(folder)]
    assert steps == list(range(7, steps[-1] + 1, 7)), "nobody else wrote into the log"
    recipe = replace(TINY, training=replace(TINY.training, steps=3000))
    with closing(Run(folder, recipe, seed=0, device="cpu")) as run:
        run.open(resume=True)  # the lock went with its process
        assert run.trainer.step >= steps[-1]


def test_a_run_of_an_earlier_version_is_loaded_and_resumed(whole, tmp_path):
    """Settings under the names of version 0.3.1."""
    recipe, old = TINY, {"name": "copy", "controller": "lstm", "machine": SIZES, "seed": 0, "device": "cpu"}
    training = recipe.settings()["training"]
    old |= {key: value for key, value in training.items() if key != "practice"}
    old["task"] = {key: value for key, value in recipe.settings()["task"].items() if key != "class"}
    for name in (CHECKPOINT, WEIGHTS):
        tensors, note = load_tensors(whole / name)
        tensors = {key.replace("optimizer.", "adam."): value for key, value in tensors.items()}
        save_tensors(tmp_path / name, tensors, note | {"settings": old})
    (tmp_path / CONFIG).write_text(json.dumps(read_json(whole / CONFIG) | {"settings": old}))
    machine, loaded = load_run(tmp_path)
    assert loaded == recipe and machine.config["N"] == 6
    (tmp_path / LOG).write_bytes((whole / LOG).read_bytes())
    assert train(tmp_path, "--resume") == 0
    assert read_json(tmp_path / RESULT)["bits"] == read_json(whole / RESULT)["bits"]


def test_a_task_of_another_class_is_not_taken_for_a_known_one(whole, tmp_path):
    """Its class is named in the file; a class that is not here is refused, not replaced."""
    tensors, note = load_tensors(whole / WEIGHTS)
    note["settings"]["task"]["class"] = "my_tasks:ReverseCopy"
    save_tensors(tmp_path / "weights.safetensors", tensors, note)
    with pytest.raises(
        RunError, match="ReverseCopy of my_tasks, which is not imported: python -m course --import my_tasks"
    ):
        load_run(tmp_path)
    note["settings"]["task"]["class"] = "json:JSONDecoder"  # a class, and no task
    save_tensors(tmp_path / "weights.safetensors", tensors, note)
    with pytest.raises(RunError, match="JSONDecoder of json, which is not imported"):
        load_run(tmp_path)


def test_a_trained_machine_is_loaded_with_its_recipe(whole):
    for path in (whole, whole / WEIGHTS):
        machine, recipe = load_run(path)
        assert recipe.task == TINY.task and recipe.training.average == 0.9
        assert machine.memory.N == 6 and machine.heads.addressing.in_features == 12
