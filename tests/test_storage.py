"""The files of a run: whole or as they were, and checked when they are read."""

import errno
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from course.storage import (
    RunError,
    append_line,
    check_settings,
    cut_lines,
    load_tensors,
    read_json,
    save_tensors,
    write_json,
    write_whole,
)

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7), "c": torch.tensor([1.5], dtype=torch.bfloat16)}


@pytest.fixture
def saved(tmp_path):
    save_tensors(tmp_path / "saved.safetensors", TENSORS, {"step": 3, "mean": 0.1})
    return tmp_path / "saved.safetensors"


def test_tensors_and_note_come_back_and_the_bytes_are_always_the_same(saved):
    tensors, note = load_tensors(saved)
    assert note == {"step": 3, "mean": 0.1}
    assert tensors.keys() == TENSORS.keys()
    assert all(
        torch.equal(tensors[name], value) and tensors[name].dtype == value.dtype for name, value in TENSORS.items()
    )
    again = saved.with_name("again")
    save_tensors(again, dict(reversed(TENSORS.items())), {"mean": 0.1, "step": 3})
    assert again.read_bytes() == saved.read_bytes()


@pytest.mark.parametrize("place", [0, 3, 40, 200, -40, -1])
def test_a_flipped_bit_is_noticed(saved, place):
    content = bytearray(saved.read_bytes())
    content[place] ^= 1
    saved.write_bytes(content)
    with pytest.raises(RunError, match="saved.safetensors is damaged"):
        load_tensors(saved)


@pytest.mark.parametrize("length", [0, 5, 100, -1])
def test_a_file_that_was_cut_is_noticed(saved, length):
    saved.write_bytes(saved.read_bytes()[:length])
    with pytest.raises(RunError, match="saved.safetensors is damaged"):
        load_tensors(saved)


def test_a_foreign_a_pickled_and_a_missing_file_are_refused(tmp_path):
    save_file(TENSORS, tmp_path / "foreign")
    torch.save(TENSORS, tmp_path / "pickled")
    for name in ("foreign", "pickled"):
        with pytest.raises(RunError, match="damaged or is no file of this course"):
            load_tensors(tmp_path / name)
    with pytest.raises(RunError, match="cannot read .*missing"):
        load_tensors(tmp_path / "missing")


def test_a_full_disk_leaves_the_old_file_and_no_other(saved, monkeypatch):
    old = saved.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="cannot write .*saved.safetensors: No space left on device"):
        save_tensors(saved, {}, {})
    assert saved.read_bytes() == old
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_line_that_finds_no_place_is_an_error():
    with pytest.raises(RunError, match="cannot write /dev/full: No space left on device"):
        append_line(Path("/dev/full"), {"step": 1})


def test_a_crash_in_the_middle_of_a_write_leaves_the_old_file(saved, monkeypatch):
    old = saved.read_bytes()

    def crash(*names):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        write_whole(saved, b"new")
    assert saved.read_bytes() == old


def test_lines_after_a_step_and_half_lines_are_cut(tmp_path):
    log = tmp_path / "log"
    for step in (10, 20, 30):
        append_line(log, {"step": step})
    with open(log, "a") as file:
        file.write('{"step": 2')
    cut_lines(log, 20)
    assert log.read_text() == '{"step": 10}\n{"step": 20}\n'
    cut_lines(log, 0)
    assert log.read_text() == ""
    cut_lines(tmp_path / "missing", 5)
    assert not (tmp_path / "missing").exists()


def test_json_comes_back_and_damage_is_noticed(tmp_path):
    write_json(tmp_path / "a", {"x": [1, None]})
    assert read_json(tmp_path / "a") == {"x": [1, None]}
    for damaged in ('{"x": [1', "[1]", "3"):
        (tmp_path / "a").write_text(damaged)
        with pytest.raises(RunError, match="a is damaged"):
            read_json(tmp_path / "a")
    with pytest.raises(RunError, match="cannot read"):
        read_json(tmp_path / "missing")


def test_other_settings_are_named():
    check_settings(Path("x"), {"a": 1, "b": 2}, {"a": 1, "b": 2})
    with pytest.raises(RunError, match="x is of another run, with b 3, not 2; c None, not 4$"):
        check_settings(Path("x"), {"a": 1, "b": 3}, {"a": 1, "b": 2, "c": 4})
