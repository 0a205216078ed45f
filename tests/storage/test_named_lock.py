"""Named locks: one process holds one at a time, and whoever is killed leaves it to another."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from storage import open_storage
from storage.flock import FileLock

HOLDER = """
import sys
from storage import open_storage
with open_storage(sys.argv[1]).named_lock("errand") as ours:
    print(ours, flush=True)
    sys.stdin.read()
"""


def test_one_process_holds_it_and_a_killed_one_leaves_it(either_place: Path | str) -> None:
    storage = open_storage(either_place)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(either_place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        with storage.named_lock("errand") as ours:
            assert not ours
        with storage.named_lock("another errand") as ours:
            assert ours
        holder.kill()
    for _ in range(2):
        with storage.named_lock("errand") as ours:
            assert ours
    storage.close()


def test_it_leaves_no_file_and_hides_no_error(path: Path) -> None:
    storage = open_storage(path)
    with pytest.raises(FileNotFoundError, match="of the block"), storage.named_lock("errand"):
        raise FileNotFoundError("of the block")
    with storage.named_lock("errand") as ours:
        assert ours
    storage.close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_nobody_waits_for_whoever_took_it_in_the_same_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a look at a free file that another process locks before this one does."""
    storage = open_storage(path)
    with storage.named_lock("errand"):
        (file,) = path.with_name(f"{path.name}.workers").iterdir()
    looks, probe = [], FileLock.probe

    def too_early(looked_at: Path) -> FileLock | None:
        looks.append(looked_at)
        if len(looks) == 1:
            raise FileNotFoundError(looked_at)
        return probe(looked_at)

    other, found = FileLock.acquire(file), []
    monkeypatch.setattr(FileLock, "probe", too_early)

    def contend() -> None:
        with storage.named_lock("errand") as ours:
            found.append(ours)

    contender = threading.Thread(target=contend, daemon=True)
    contender.start()
    contender.join(timeout=20)
    other.release(unlink=True)
    assert found == [False]
    storage.close()


def test_whoever_looks_at_the_file_does_not_hold_it(path: Path) -> None:
    storage = open_storage(path)
    with storage.named_lock("errand"):
        (file,) = path.with_name(f"{path.name}.workers").iterdir()
    FileLock.acquire(file).release()
    look = FileLock.probe(file)
    assert look is not None
    threading.Timer(0.1, look.release).start()
    with storage.named_lock("errand") as ours:
        assert ours
    storage.close()
