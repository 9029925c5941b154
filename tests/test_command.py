"""The command line, and many seeds side by side."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from course import __main__ as command
from course import runs, seeds
from course.__main__ import main, recipe_of
from course.command_line import command_of, parse
from course.machines import MACHINES
from course.recipes import RECIPES, Recipe
from course.runs import CHECKPOINT, LOG, RESULT, Run, load_run
from course.scoring import evaluate
from course.storage import read_json
from course.tasks import TASKS, CopyTask
from course.training import Training

SIZES = {"controller_size": 12, "N": 6, "M": 4}
TESTS = Path(__file__).parent
TINY = Recipe("copy", "ntm-lstm", SIZES, Training(steps=3), CopyTask(bits=2, max_length=4))
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


@pytest.fixture(autouse=True)
def tiny(monkeypatch, tmp_path):
    monkeypatch.setitem(RECIPES, ("copy", "ntm-lstm"), TINY)
    monkeypatch.setattr(runs, "FINAL_SEQUENCES", 20)
    monkeypatch.setattr(command, "PROGRAM", ["-c", LAUNCH])
    monkeypatch.chdir(tmp_path)


def fails_with(words, capsys):
    """The one line on stderr of a command that cannot be done."""
    try:
        code = main(words)
    except SystemExit as end:  # the parser's way out
        code = end.code
    text = capsys.readouterr().err
    assert code == 2 and text.count("\n") == 1
    return text


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["train", "juggling"], "invalid choice: 'juggling' (choose from 'copy', 'repeat-copy'"),
        (["train", "copy", "--machine", "brain"], "invalid choice: 'brain'"),
        (["train", "copy", "--controller", "brain"], "invalid choice: 'brain'"),
        (["--import", "no_such_module", "train", "copy"], "cannot import no_such_module"),
        (["train", "copy", "--steps", "0"], "steps and batch_size must be at least 1, got 0 and 16"),
        (["train", "copy", "--learning-rate", "-1"], "Invalid learning rate: -1"),
        (["train", "copy", "--seed", "-1"], "seed must be from 0 to 499999999, got -1"),
        (["train", "copy", "--device", "abacus"], "cannot train on the device 'abacus'"),
        (["train", "copy", "--machine", "lstm", "--compile"], "lstm cannot be compiled"),
        (["train", "copy", "--resume", "--overwrite"], "not allowed with argument"),
        (["train", "copy", "--report-every", "0"], "must be at least 1, got 0"),
        (["evaluate", "nowhere"], "cannot read nowhere"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line_and_leaves_nothing(words, problem, capsys):
    assert problem in fails_with(words, capsys)
    assert not Path("runs").exists()


def test_evaluate_repeats_the_final_score_and_takes_sizes(capsys):
    assert main(["train", "copy", "--seed", "3"]) == 0
    result = read_json(Path("runs/copy-ntm-lstm-3", RESULT))
    capsys.readouterr()
    assert main(["evaluate", "runs/copy-ntm-lstm-3", "--sequences", "20"]) == 0
    assert f"{result['bits']:.3f} bits and {result['wrong']:.3f} wrong a sequence, over 20 " in capsys.readouterr().out
    words = [
        "evaluate",
        "runs/copy-ntm-lstm-3/weights.safetensors",
        "--sequences",
        "30",
        "--seed",
        "1",
        "--length",
        "9",
    ]
    assert main([*words, "-N", "11"]) == 0
    machine, recipe = load_run("runs/copy-ntm-lstm-3")
    score = evaluate(machine, recipe.task, 30, seed=1, length=9, N=11)
    assert f"{score.bits:.3f} bits and {score.wrong:.3f} wrong a sequence, over 30" in capsys.readouterr().out
    assert "copy has no --items, only --length" in fails_with(
        ["evaluate", "runs/copy-ntm-lstm-3", "--items", "3"], capsys
    )


def test_evaluate_says_what_a_machine_or_a_task_cannot_do(capsys, monkeypatch):
    for name, task in (("copy", CopyTask(bits=2, max_length=3)), ("priority-sort", TASKS["priority-sort"])):
        small = Recipe(name, "lstm", {"hidden_size": 3, "layers": 1}, Training(steps=1), task)
        monkeypatch.setitem(RECIPES, (name, "lstm"), small)
        assert main(["train", name, "--machine", "lstm"]) == 0
    capsys.readouterr()
    assert "this machine has none whose size can change" in fails_with(
        ["evaluate", "runs/copy-lstm-0", "-N", "9"], capsys
    )
    words = ["evaluate", "runs/priority-sort-lstm-0", "--items", "3", "--answers", "5"]
    assert "5" in fails_with(words, capsys)


def test_compile_compiles_while_training_and_only_then(monkeypatch):
    machines = []

    def note(machine):
        machines.append(machine)
        return subprocess.Popen([sys.executable, "-c", ""])  # any context

    monkeypatch.setattr(runs, "compiled", note)
    assert main(["train", "copy", "--compile"]) == 0
    assert len(machines) == 1
    assert read_json(Path("runs/copy-ntm-lstm-0/config.json"))["settings"]["training"]["compile"] is True
    assert main(["train", "copy", "--no-compile", "--folder", "other"]) == 0
    assert len(machines) == 1


def test_every_recipe_makes_its_machine_and_is_listed(capsys):
    assert RECIPES.keys() == {(task, machine) for task in TASKS for machine in MACHINES}
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for (name, controller), recipe in RECIPES.items():
        machine = recipe.make()
        batch = recipe.task.sample(2, seed=0)
        assert machine(batch.inputs[:3])[0].shape == batch.targets[:3].shape
        weights = f"{sum(parameter.numel() for parameter in machine.parameters()):,}"
        assert any(line.split()[:3] == [name, controller, weights] for line in lines)


@pytest.mark.parametrize("recipe", [RECIPES["priority-sort", "ntm-lstm"], RECIPES["copy", "ntm-feedforward"]])
def test_a_recipe_comes_back_from_its_settings(tmp_path, recipe):
    settings = Run(tmp_path, recipe, seed=0).settings
    assert Recipe.from_settings(json.loads(json.dumps(settings))) == recipe
    with pytest.raises(KeyError):
        Recipe.from_settings({"task_name": "copy"})


def test_seeds_are_trained_as_alone_and_the_table_sums_them_up(capsys):
    assert main(["train", "copy", "--seeds", "2", "--seed", "4", "--folder", "many"]) == 0
    out = capsys.readouterr().out
    assert "0 of 2 solved" in out
    folders = [Path("many/copy-ntm-lstm-4"), Path("many/copy-ntm-lstm-5")]
    scores = [read_json(folder / RESULT)["bits"] for folder in folders]
    assert [line.split()[3] for line in out.splitlines() if line.startswith("best")] == [f"{min(scores):.3f}"]
    assert main(["train", "copy", "--seed", "5", "--folder", "alone"]) == 0
    assert load_run("alone")[1] == load_run(folders[1])[1]
    for path in ("weights.safetensors", CHECKPOINT):
        alone, among = Path("alone", path).read_bytes(), Path(folders[1], path).read_bytes()
        assert (alone == among) == (path != CHECKPOINT)  # a checkpoint holds the time, too


def test_a_seed_that_fails_does_not_stop_the_others(capsys):
    Path("many").mkdir()
    Path("many/copy-ntm-lstm-0").write_text("in the way")
    assert main(["train", "copy", "--seeds", "2", "--folder", "many"]) == 2
    captured = capsys.readouterr()
    assert "seed 0: not trained to the end" in captured.out
    assert "0 of 1 solved" in captured.out
    assert Path("many/copy-ntm-lstm-1", RESULT).exists()


def test_a_signal_is_passed_on_to_the_workers(capsys, monkeypatch):
    log = Path("many/copy-ntm-lstm-0", LOG)

    def interrupt():
        deadline = time.monotonic() + 300
        while not log.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    words = ["train", "copy", "--seeds", "100", "--folder", "many", "--steps", "5000", "--report-every", "2"]
    assert main(words) == 130
    thread.join()
    assert "0 of 100 seeds are trained; go on with: python -m course train copy --seeds 100" in capsys.readouterr().err
    assert 1 <= len(list(Path("many").glob("*/" + CHECKPOINT))) == len(list(Path("many").iterdir())) <= os.cpu_count()


def test_a_single_result_is_its_own_median():
    row = {"solved_at": 32, "solved_seconds": 2.0, "bits": 0.5, "wrong": 0.0}
    lines = seeds.table({7: row}).splitlines()
    assert {line.split(maxsplit=1)[1] for line in lines[1:5]} == {"32       2.0     0.500     0.000"}


# --- A task and a machine of one's own, which only tests/toys.py knows


def course(*words):
    """Run the command line in a process of its own, where the toys can be imported."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    return subprocess.run(
        [sys.executable, "-m", "course", *words], env=environment, capture_output=True, text=True, check=False
    )


def test_a_task_and_a_machine_of_ones_own_are_trained_and_tested():
    words = ["train", "reverse-copy", "--machine", "gru", "--import", "toys_to_import", "--seeds", "2"]
    trained = course(*words)
    assert trained.returncode == 0, trained.stderr
    assert "0 of 2 solved" in trained.stdout
    assert "what a machine for reverse-copy is asked: an entry of MEASURES in course/measures.py" in trained.stdout
    assert "{results} reverse-copy" in trained.stdout, "before the training it says what shipping will need"
    folder = "runs/reverse-copy-gru-1"
    config = read_json(Path(folder, "config.json"))
    assert config["settings"]["task"]["class"] == "toys:ReverseCopy"
    assert "--import toys_to_import" in config["command"], "the command trains the same again"
    tested = course("--import", "toys_to_import", "evaluate", folder, "--sequences", "20", "--length", "6")
    assert tested.returncode == 0 and "wrong a sequence, over 20 fresh" in tested.stdout
    unknown = course("evaluate", folder)
    assert unknown.returncode == 2 and unknown.stderr.count("\n") == 1
    assert "there is no task 'reverse-copy'" in unknown.stderr or "toys, which is not imported" in unknown.stderr
    shipped = course("--import", "toys_to_import", "ship", folder, "--chosen", "why not", "--into", "shop")
    assert shipped.returncode == 2 and not Path("shop").exists()
    assert "reverse-copy-gru cannot be shipped yet; it needs what a machine for reverse-copy is asked" in shipped.stderr


def test_a_task_with_one_answer_of_several_is_learned_and_scored():
    trained = course("--import", "toys_to_import", "train", "which-came", "--machine", "gru")
    assert trained.returncode == 0, trained.stderr
    assert "solved after" in trained.stdout
    tested = course("--import", "toys_to_import", "evaluate", "runs/which-came-gru-0")
    assert "0.000 wrong a sequence" in tested.stdout


def test_tasks_and_machines_of_ones_own_are_listed_and_need_a_recipe():
    listed = course("--import", "toys_to_import", "list").stdout
    assert "ReverseCopy(bits=3, min_length=1, max_length=4)" in listed
    assert any(line.split()[:2] == ["which-came", "gru"] for line in listed.splitlines())
    missing = course("--import", "toys_to_import", "train", "which-came")
    assert missing.returncode == 2
    assert "there is no recipe for ntm-lstm on which-came, only for gru; add one to RECIPES" in missing.stderr


def test_old_names_of_machines_are_understood():
    for old, new in {"feedforward": "ntm-feedforward", "lstm": "ntm-lstm", "baseline": "lstm"}.items():
        assert parse(["train", "copy", "--controller", old]).machine == new
    assert parse(["train", "copy"]).machine == "ntm-lstm"


def test_every_number_of_a_training_can_be_changed_by_a_command():
    words = ["--steps", "7", "--batch-size", "3", "--learning-rate", "0.5", "--clip-norm", "2", "--average", "0.9"]
    args = parse(["train", "copy", *words, "--stop-when-solved"])
    expected = Training(7, batch_size=3, learning_rate=0.5, clip_norm=2.0, average=0.9, stop_when_solved=True)
    assert recipe_of(args).training == expected
    assert parse(command_of(args)) == args
