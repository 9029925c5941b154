"""The files of a run: written whole or not at all, checked when they are read, and never unpickled."""

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, uint8

LOCK = "lock"  # file in a folder that is in use; it may stay behind


class RunError(Exception):
    """Something is wrong with a file or folder of a run; the message is one line that says what, and what to do."""


class Stopped(Exception):
    """A signal stopped a run, which has saved itself; ``signal`` is its number."""

    def __init__(self, message: str, number: int):
        super().__init__(message)
        self.signal = number


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write, such as of a full disk, into a :class:`RunError`."""
    try:
        yield
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file at one stroke: whoever reads it, also after a crash, finds the old content or the new.

    Raises:
        RunError: it cannot be written; the old file is as it was.
    """
    temporary = path.with_name(path.name + ".tmp")
    with writing(path):
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def append_line(path: Path, line: dict) -> None:
    """Append to a file of JSON lines, and wait until it is on the disk. Raises ``RunError`` if it cannot be."""
    with writing(path), open(path, "a") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def cut_lines(path: Path, last_step: int) -> None:
    """Keep of a file of JSON lines those up to a step, and no line that a crash has cut in half."""
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    kept = [line for line in lines if _step(line) <= last_step]
    if kept != lines:
        write_whole(path, "".join(line + "\n" for line in kept).encode())


def _step(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, TypeError, KeyError):
        return float("inf")


def write_json(path: Path, content: dict) -> None:
    """Write a dictionary to be read by people too. Raises as :func:`write_whole`."""
    write_whole(path, (json.dumps(content, indent=2) + "\n").encode())


def read_json(path: Path) -> dict:
    """Read what :func:`write_json` wrote. Raises ``RunError`` if it cannot be read or is damaged."""
    try:
        return dict(json.loads(path.read_bytes()))
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise RunError(f"{path} is damaged: {error}") from error


def differences(found: dict, expected: dict, within: str = "") -> dict[str, tuple[object, object]]:
    """What differs between two settings, by name, as found and as expected; a name within another follows a dot.

    >>> differences({"seed": 1, "training": {"steps": 5}}, {"seed": 1, "training": {"steps": 6}, "device": "cpu"})
    {'training.steps': (5, 6), 'device': (None, 'cpu')}
    """
    pairs = {}
    for key in [*expected, *(key for key in found if key not in expected)]:
        old, new = found.get(key), expected.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            pairs |= differences(old, new, f"{within}{key}.")
        elif old != new:
            pairs[within + key] = (old, new)
    return pairs


def check_settings(path: Path, found: dict, expected: dict) -> None:
    """Raise ``RunError`` unless the settings that were found in a file are the expected ones; it names the others."""
    pairs = differences(found, expected)
    if pairs:
        others = "; ".join(f"{key} {old!r}, not {new!r}" for key, (old, new) in pairs.items())
        raise RunError(f"{path} is of another run, with {others}")


def save_tensors(path: Path, tensors: dict[str, Tensor], note: dict) -> None:
    """Write tensors and a note that JSON can hold. The same content always gives the same bytes.

    Raises:
        RunError: as :func:`write_whole`.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(note, sort_keys=True)
    metadata = json.dumps({"note": text, "sha256": _digest(tensors, text)})  # one entry: several come in any order
    write_whole(path, save(tensors, {"course": metadata}))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict]:
    """Read what :func:`save_tensors` wrote: tensors on the CPU, and the note.

    Raises:
        RunError: the file cannot be read, or its checksum does not fit its content.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            tensors = {name: file.get_tensor(name).clone() for name in names}
            metadata = json.loads(file.metadata()["course"])
        text, expected = metadata["note"], metadata["sha256"]
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror or error}") from error
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is damaged or is no file of this course: {error}") from error
    if _digest(tensors, text) != expected:
        raise RunError(f"{path} is damaged: its checksum does not fit its content")
    return tensors, json.loads(text)


def _digest(tensors: dict[str, Tensor], note: str) -> str:
    digest = hashlib.sha256(note.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(uint8).numpy())
    return digest.hexdigest()


def lock(folder: Path) -> FileLock:
    """Keep other processes out of a folder until the lock is released, or its process ends in whatever way.

    Raises:
        RunError: another run has it, or it cannot be written.
    """
    held = FileLock(folder / LOCK)
    with writing(folder):
        try:
            held.acquire(blocking=False)
        except Timeout as error:
            raise RunError(f"{folder} is in use: another training goes on in it") from error
    return held


@contextmanager
def signals_noted() -> Iterator[list[int]]:
    """Gather SIGINT (Ctrl-C) and SIGTERM in the list instead of stopping at once; a second one does stop at once."""
    caught = []

    def note(number, frame):
        if caught:
            raise KeyboardInterrupt
        caught.append(number)

    previous = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
