"""Named locks: one process holds one at a time, and whoever is killed leaves it to another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from storage import open_storage

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
