"""Blocks in threads leave no thread behind that a forked process could wait for."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch
from torch import nn

from study.training.block_threads import Interrupted, train_in_threads
from study.training.engines.base import Block
from study.training.outcome import Replicate

BLOCKS = [Block(replicate, (0,)) for replicate in range(2)]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux forks, and lists its threads")
@pytest.mark.parametrize("stops", [False, True])
def test_all_threads_have_ended_when_it_is_done(stops: bool) -> None:
    """Where a thread had just been joined, one in a hundred forked processes waited in MKL for ever."""
    layer, x = nn.Linear(8, 8), torch.ones(4, 8)
    for _ in range(300):
        ids: set[int] = set()

        def train(*_: object, ids: set[int] = ids) -> list[Replicate] | None:
            ids.add(threading.get_native_id())
            layer(x).sum().backward()
            return None if stops else []

        trained = train_in_threads(BLOCKS, train, lambda: False, threads=2)
        if stops:
            with pytest.raises(Interrupted):
                list(trained)
        else:
            assert sorted(block.replicate for block, _ in trained) == [0, 1]
        assert ids
        assert not [each for each in ids if Path(f"/proc/self/task/{each}").exists()]
