"""A step can be recorded and replayed: it reads and writes the same tensors, and asks the device for nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from problems import make_problem
from torch.utils._python_dispatch import TorchDispatchMode

from search_spaces import ACTIVATIONS, Hyperparameters
from study.training import Budget, Outcome, Streams, fit
from study.training.engines.stacked_mlp.replay import EAGER_STEPS, RECORDERS, replayed

# Reads a value back to the host: a device would have to finish first.
SYNCHRONIZES = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default}


class Recording(TorchDispatchMode):
    """The operations of a step with the very tensors they were called with, as a device's graph keeps them."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert function not in SYNCHRONIZES, function
        result = function(*args, **(kwargs or {}))
        self.calls.append((function, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        for function, args, kwargs, result in self.calls:
            again = function(*args, **kwargs)
            if isinstance(again, torch.Tensor) and again.data_ptr() != result.data_ptr():
                result.copy_(again)


def on_cpu(step: Callable[[], None]) -> Callable[[], None]:
    """Records on the CPU, which cannot record without running: the first replay has happened already."""
    with Recording() as recording:
        step()
    pending = [lambda: None]
    return lambda: pending.pop()() if pending else recording.replay()


TRIALS = [
    Hyperparameters(activation=name, negative_slope=0.2, dropout=0.1 * (i % 4), learning_rate=(0.003, 0.01)[i % 2])
    for i, name in enumerate(ACTIVATIONS)
]


def train(optimizer: str) -> list[Outcome]:
    budget = Budget(epochs=4, seeds=1, batch_size=16, optimizer=optimizer)  # type: ignore[arg-type]
    return fit(TRIALS, make_problem(), budget, Streams(3))


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_replayed_training_gives_the_same_bits(optimizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = train(optimizer)
    recorded = []

    def recorder(step: Callable[[], None]) -> Callable[[], None]:
        recorded.append(step)
        return on_cpu(step)

    monkeypatch.setitem(RECORDERS, "cpu", recorder)
    assert train(optimizer) == expected
    assert recorded


def test_only_some_steps_run_before_one_is_recorded() -> None:
    done: list[str] = []

    def recorder(step: Callable[[], None]) -> Callable[[], None]:
        done.append("record")
        return lambda: done.append("replay")

    step = replayed(lambda: done.append("step"), torch.device("cpu"), {"cpu": recorder})
    for _ in range(EAGER_STEPS + 2):
        step()
    assert done == ["step"] * EAGER_STEPS + ["record", "replay", "replay"]


def test_a_device_without_a_recorder_runs_its_steps() -> None:
    def step() -> None:
        pass

    assert replayed(step, torch.device("cpu")) is step
