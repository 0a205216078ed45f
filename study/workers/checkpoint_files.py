"""One trial's progress as a file: safetensors with JSON in its header, written atomically."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from study.training import Replicate, SlotState

SUFFIX = ".safetensors"
_FORMAT = 1
_HEADER = "reluctant"


class CheckpointError(ValueError):
    """A file from which training cannot be resumed."""


@dataclass(frozen=True, eq=False)
class TrialProgress:
    """How far the training of a trial is.

    Attributes:
        states: The states of its unfinished replicates, by number.
        finished: The results of its finished replicates, by number.
    """

    states: Mapping[int, SlotState] = field(default_factory=dict)
    finished: Mapping[int, Replicate] = field(default_factory=dict)


def write(path: Path, subject: Mapping[str, Any], progress: TrialProgress) -> None:
    """Writes a trial's progress, atomically.

    Args:
        path: The file; its folder exists.
        subject: Identifies the trial and its study; JSON-able.
        progress: The progress.

    Raises:
        OSError: The file cannot be written; an earlier file stays as it is.
    """
    tensors = {
        f"{replicate}/{name}": tensor
        for replicate, state in progress.states.items()
        for name, tensor in state.tensors.items()
    }
    header = {
        "format": _FORMAT,
        "subject": dict(subject),
        "epochs": {replicate: state.epoch for replicate, state in progress.states.items()},
        "rungs": {
            replicate: {epoch: asdict(result) for epoch, result in state.rungs.items()}
            for replicate, state in progress.states.items()
        },
        "given": {replicate: asdict(result) for replicate, result in progress.finished.items()},
    }
    temporary = path.with_name(f"{path.name}.new")
    try:
        with temporary.open("wb") as file:
            file.write(save(tensors, {_HEADER: json.dumps(header)}))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read(
    path: Path, subject: Mapping[str, Any], shapes: Sequence[Mapping[str, torch.Size]], epochs: int
) -> TrialProgress:
    """Reads a trial's progress.

    Args:
        path: The file.
        subject: Identifies the trial and its study, which the file must be of.
        shapes: Shapes of every tensor of a slot, without its curves; one for all replicates, or one for each.
        epochs: Epochs of a whole training; an unfinished replicate has fewer behind it.

    Raises:
        CheckpointError: The file is damaged, of another trial, or of networks of another shape.
        FileNotFoundError: There is no such file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[_HEADER])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, OSError, RuntimeError, KeyError, ValueError) as error:
        # torch opens the file once more, for its tensors: it may have been removed since.
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
        raise CheckpointError(f"it is damaged ({' '.join(str(error).split())})") from None
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise CheckpointError("another version of reluctant wrote it")
    if header.get("subject") != json.loads(json.dumps(dict(subject))):
        raise CheckpointError("it is of another trial")
    try:
        states = {
            int(r): SlotState(int(epoch), _of_slot(tensors, r), _at_rungs(header.get("rungs", {}).get(r, {})))
            for r, epoch in header["epochs"].items()
        }
        finished = {int(r): replicate_of(values) for r, values in header["given"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"it is damaged ({error})") from None
    for replicate, state in states.items():
        seen = {name: tensor.shape for name, tensor in state.tensors.items() if not name.startswith("curve.")}
        curves = [tensor for name, tensor in state.tensors.items() if name.startswith("curve.")]
        fits = bool(curves) and all(curve.shape == (state.epoch,) for curve in curves)
        if seen != shapes[replicate % len(shapes)] or not fits or not 0 < state.epoch < epochs:
            raise CheckpointError("it is of networks of another shape")
    return TrialProgress(states, finished)


def _of_slot(tensors: Mapping[str, Tensor], replicate: str) -> dict[str, Tensor]:
    """The tensors of one replicate, by their names without its number."""
    start = f"{replicate}/"
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def replicate_of(values: Mapping[str, Any]) -> Replicate:
    """A replicate from its fields as JSON has them."""
    return Replicate(
        diverged=bool(values["diverged"]),
        scores=dict(values["scores"]),
        layers=tuple(dict(layer) for layer in values["layers"]),
        curves={name: tuple(points) for name, points in values["curves"].items()},
        test_layers=tuple(dict(layer) for layer in values["test_layers"]),
        rungs=_at_rungs(values.get("rungs", {})),
    )


def _at_rungs(values: Mapping[str, Mapping[str, Any]]) -> dict[int, Replicate]:
    """What a slot gave at the rungs that it reached; files of earlier versions have none."""
    return {int(epoch): replicate_of(at_rung) for epoch, at_rung in values.items()}
