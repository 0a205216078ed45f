"""The network in ONNX, where the extra `onnx` is installed."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

NEEDED = ("onnx", "onnxscript")


def available() -> bool:
    """Whether the packages that torch needs to export ONNX are installed."""
    return all(find_spec(name) is not None for name in NEEDED)


def write(network: nn.Sequential, features: int, path: Path) -> None:
    """Writes `[samples, features]` float32 `x` → `[samples, classes]` `logits`, weights included.

    Args:
        network: In eval mode, on the CPU.
        features: F of the data.
        path: The file.
    """
    with _quiet():
        program = torch.onnx.export(
            network,
            (torch.zeros(2, features),),
            dynamo=True,
            verbose=False,
            input_names=["x"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("samples")},),
        )
        assert program is not None
        program.save(path, external_data=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences torch's exporter, which warns of its own deprecations and of packages that are not needed here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(torch|onnx|copyreg)")
            yield
    finally:
        logging.disable(before)
